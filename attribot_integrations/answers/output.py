"""What a pipeline handed back: where the answer is looked for, and all its texts."""

from __future__ import annotations

from dataclasses import dataclass

from attribot_integrations.context.sources import Span

__all__ = ["Output"]


@dataclass(frozen=True)
class Output:
    """What a pipeline handed back, as far as it is text."""

    answer: str | None = None
    """The answer, if it was found under a key that is known or given."""
    statements: tuple[Span, ...] | None = None
    """Where its statements are, if it was put together from fields."""
    named: bool = False
    """Whether the caller has named the answer's key, so that nothing else is the answer."""
    texts: tuple[str, ...] = ()
    """All texts in the output, in order; those that a model wrote may be answers."""
    plain: tuple[str, ...] = ()
    """Those of the texts that are no items of a list."""
    with_documents: bool = False
    """Whether it holds documents, too."""
    written_by: str | None = None
    """What wrote the answer, if it was known not to be a model, such as a tool."""
