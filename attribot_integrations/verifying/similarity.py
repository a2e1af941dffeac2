"""From embeddings to scores: how a cosine becomes a number from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.results.probabilities import logistic
from attribot_integrations.results.wording import wording_of

if TYPE_CHECKING:
    from attribot_integrations.results.parts import FloatArray

__all__ = [
    "COSINE_SLOPE",
    "MIDDLE_COSINE",
    "CosineScale",
    "asked_texts",
    "check_batch",
    "query_texts",
]

MIDDLE_COSINE: Final = 0.7
COSINE_SLOPE: Final = 9.0
"""Fitted for all-MiniLM-L6-v2 on real text, as the lexical verifier's numbers are."""


@dataclass(frozen=True)
class CosineScale:
    """1 / (1 + exp(-slope * (cosine - middle))).

    Raises:
        ConfigurationError: If a value is out of range.
    """

    middle: float
    """The cosine that is as likely as not, -1 to 1."""
    slope: float
    """Log-odds that a cosine higher by 1 adds, above 0."""

    def __post_init__(self) -> None:
        for name in ("middle", "slope"):
            value: object = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real):
                raise ConfigurationError(f"{name} must be a number, not {type(value).__name__}")
        if not -1 <= self.middle <= 1:
            raise ConfigurationError(f"middle must be a cosine from -1 to 1, got {self.middle}")
        if not 0 < self.slope < float("inf"):
            raise ConfigurationError(f"slope must be above 0, got {self.slope}")

    def scores(self, queries: npt.ArrayLike, passages: npt.ArrayLike, name: str) -> FloatArray:
        """Return `[passages, statements]`, 0 to 1.

        Args:
            queries: `[2 * statements, size]`, vectors of `query_texts`, of any length. Those of a
                statement are brought to length 1 and added up.
            passages: `[passages, size]`.
            name: Whose vectors they are, for the message.

        Raises:
            ModelError: If they are no vectors of one size.
        """
        first, second = _directions(queries, name), _directions(passages, name)
        if first.shape[1] != second.shape[1]:
            raise ModelError(
                f"{name} gives vectors of {first.shape[1]} numbers for queries and of "
                f"{second.shape[1]} for texts"
            )
        both = _directions(first[::2] + first[1::2], name)
        return logistic(self.slope * (second @ both.T - self.middle)).astype(np.float32)


def query_texts(question: str, statements: Sequence[str]) -> list[str]:
    """Return what is embedded for each statement: its words alone, and behind the question.

    Together they find marked sentences better than either, on real text: the question says what a
    short answer is about, and a long one says it by itself.

    Args:
        question: The question that was answered.
        statements: Statements of the answer; marks of citations and Markdown in them are left out.

    Returns:
        Two texts for each statement, one behind the other.
    """
    pairs = zip(_bare_texts(statements), asked_texts(question, statements), strict=True)
    return [text for pair in pairs for text in pair]


def asked_texts(question: str, statements: Sequence[str]) -> list[str]:
    """Return the words of each statement behind the question."""
    return [f"{question} {each}".strip() for each in _bare_texts(statements)]


def check_batch(batch: int) -> None:
    """Make sure that a number of texts in one pass is one.

    Raises:
        ConfigurationError: If it is below 1.
    """
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise ConfigurationError(f"batch must be a whole number from 1, got {batch!r}")


def _bare_texts(statements: Sequence[str]) -> list[str]:
    """Return the words of each statement, without marks of citations and Markdown."""
    return [wording_of(each).text for each in statements]


def _directions(vectors: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    """Return vectors of length 1; one of length 0 stays as it is, like nothing at all."""
    try:
        found = np.asarray(vectors, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name} must give vectors of one size") from error
    if found.ndim != 2 or not np.isfinite(found).all():
        raise ModelError(f"{name} must give vectors of finite numbers, got shape {found.shape}")
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(lengths > 0, lengths, 1))
