"""`KeepRule`: which scored chunks are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from attribot_integrations.results.parts import FloatArray

__all__ = ["DEFAULT_THRESHOLD", "KeepRule"]

DEFAULT_THRESHOLD = 0.5
"""Least relevance of a chunk that is kept, where nothing else is said."""


@dataclass(frozen=True)
class KeepRule:
    """Limits on what is kept.

    Raises:
        ConfigurationError: If a limit makes no sense.
    """

    threshold: float | None = None
    """Least relevance, inclusive; 0.5 if neither it nor `top_n` is given."""
    top_n: int | None = None
    """Most chunks; those of highest relevance, the earlier of two equal ones."""
    min_chunks: int = 0
    """Chunks that are kept in any case, the most relevant ones."""
    noun: str = "chunk"
    """What the user calls a chunk, for messages: "document", "node"."""

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ConfigurationError(f"threshold must be from 0 to 1, got {self.threshold}")
        if self.top_n is not None and self.top_n < 1:
            raise ConfigurationError(f"top_n must be at least 1, got {self.top_n}")
        if self.min_chunks < 0:
            raise ConfigurationError(
                f"min_{self.noun}s must not be negative, got {self.min_chunks}"
            )

    @property
    def sentence_threshold(self) -> float:
        """Least relevance of a sentence that is left in a chunk."""
        return DEFAULT_THRESHOLD if self.threshold is None else self.threshold

    def kept(self, relevance: FloatArray) -> tuple[int, ...]:
        """Return the places of what is kept, in order.

        Args:
            relevance: `[chunks]`, 0 to 1.
        """
        least = (
            0.0 if self.threshold is None and self.top_n is not None else self.sentence_threshold
        )
        ranked = [int(index) for index in np.argsort(-relevance, kind="stable")]
        kept = [index for index in ranked if reaches(relevance[index], least)][: self.top_n]
        return tuple(sorted({*kept, *ranked[: self.min_chunks]}))


def reaches(relevance: float, threshold: float) -> bool:
    """Return whether a relevance is at least a threshold, in the precision of scores.

    0.7 keeps what was rounded to it.
    """
    return bool(np.float32(relevance) >= np.float32(threshold))
