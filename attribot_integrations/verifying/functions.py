"""`FunctionVerifier`: any function as a verifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from attribot_integrations.errors import ConfigurationError

__all__ = ["FunctionVerifier"]


@dataclass(frozen=True)
class FunctionVerifier:
    """Asks a function how clearly passages state statements.

    Raises:
        ConfigurationError: If the function cannot be called, or the name is blank.
    """

    function: Callable[[str, Sequence[str], Sequence[str]], Any]
    """Takes question, statements and passages, and returns `[passages, statements]`, 0 to 1, as an
    array or as lists."""
    name: str
    """Name shown in results."""

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ConfigurationError(f"function must be callable, got {self.function!r:.80}")
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigurationError(f"name must be a text for results, got {self.name!r:.80}")

    def verify(self, question: str, statements: Sequence[str], passages: Sequence[str]) -> Any:
        """Return what the function returns; whoever uses a verifier checks it.

        Args:
            question: The question that was answered.
            statements: Statements of the answer.
            passages: Texts of the sources.
        """
        return self.function(question, statements, passages)
