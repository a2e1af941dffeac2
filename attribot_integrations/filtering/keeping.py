"""`ChunkFilter`: which retrieved chunks to keep, for the adapters' components."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, get_args

from attribot_integrations.context.sources import Chunk, Span
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.requests.engine_check import check_engine

if TYPE_CHECKING:
    from attribot_integrations.filtering import (
        ChunkScores,
        Granularity,
        RelevanceSignal,
        SignalName,
    )

__all__ = ["SPANS_KEY", "ChunkFilter", "ChunkScorer", "KeptChunk", "trim"]

_logger = logging.getLogger(__name__)

SPANS_KEY: Final = "attribot_spans"
"""Metadata key of the `[start, end]` offsets, in the text as retrieved, of what trimming kept."""


class ChunkScorer(Protocol):
    """Anything that scores chunks, above all an `AttributionEngine`."""

    def score_chunks(
        self,
        question: str,
        chunks: Sequence[str | Chunk],
        *,
        signal: RelevanceSignal | SignalName,
        granularity: Granularity,
    ) -> ChunkScores:
        """Say how relevant each chunk is to a question."""
        ...


@dataclass(frozen=True)
class KeptChunk:
    """A chunk that is relevant enough."""

    index: int
    """Its place among the chunks that were handed in."""
    relevance: float
    """Probability that it is relevant, 0 to 1."""
    spans: tuple[Span, ...] = ()
    """Its relevant sentences, neighbours joined; none where sentences were not asked for."""


@dataclass(frozen=True)
class ChunkFilter:
    """Scores chunks, and keeps the relevant ones.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or the engine scores no chunks.
    """

    engine: ChunkScorer
    """Scores the chunks."""
    noun: str
    """What the user calls a chunk, for messages: "document", "node"."""
    threshold: float | None
    """Least relevance, inclusive; 0.5 if neither it nor `top_n` is given."""
    top_n: int | None
    """Most chunks, those of highest relevance."""
    min_chunks: int
    """Chunks that are kept in any case, the most relevant ones."""
    signal: RelevanceSignal | SignalName
    """What relevance is judged by."""
    granularity: Granularity
    """Whether sentences are scored, too."""
    raise_error: bool
    """Whether chunks that cannot be scored are an error; otherwise all of them are kept."""

    def __post_init__(self) -> None:
        from attribot_integrations.filtering.chunk_scoring import Granularity, named_signal

        check_engine(self.engine, "score_chunks")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ConfigurationError(f"threshold must be from 0 to 1, got {self.threshold}")
        if self.top_n is not None and self.top_n < 1:
            raise ConfigurationError(f"top_n must be at least 1, got {self.top_n}")
        if self.min_chunks < 0:
            raise ConfigurationError(
                f"min_{self.noun}s must not be negative, got {self.min_chunks}"
            )
        if self.granularity not in get_args(Granularity):
            raise ConfigurationError(
                f"granularity must be one of {list(get_args(Granularity))}, "
                f"got {self.granularity!r}"
            )
        if not callable(named_signal(self.signal)):
            raise ConfigurationError(
                f"signal must be a name or a RelevanceSignal, got {self.signal!r}"
            )

    def __call__(self, question: str, chunks: Sequence[Chunk]) -> tuple[KeptChunk, ...] | None:
        """Return the chunks to keep, in their order, or `None` if they could not be scored."""
        try:
            scores = self.engine.score_chunks(
                question, chunks, signal=self.signal, granularity=self.granularity
            )
        except Exception as error:
            if self.raise_error:
                raise
            _logger.warning(
                "all %d %ss are kept, for they could not be scored: %s: %s",
                len(chunks),
                self.noun,
                type(error).__name__,
                error,
            )
            return None
        kept = scores.keep(threshold=self.threshold, top_n=self.top_n, min_chunks=self.min_chunks)
        return tuple(
            KeptChunk(index, float(scores.relevance[index]), self._spans(scores, index))
            for index in kept
        )

    def _spans(self, scores: ChunkScores, index: int) -> tuple[Span, ...]:
        if not scores.sentences:
            return ()
        if self.threshold is None:
            return scores.trimmed(index)
        return scores.trimmed(index, threshold=self.threshold)


def trim(text: str, spans: Sequence[Span]) -> tuple[str, list[list[int]]]:
    """Keep some spans of a text, each with the white space that stands before it.

    Args:
        text: The text.
        spans: What to keep, in order; if there is none, the text stays whole.

    Returns:
        The trimmed text, and the offsets in `text` of what is left, as JSON holds them.
    """
    if not spans:
        return text, [[0, len(text)]]
    pieces: list[str] = []
    for start, end in spans:
        before = text[:start]
        gap = before[len(before.rstrip()) :] if pieces else ""
        pieces.append(gap + text[start:end])
    return "".join(pieces), [[start, end] for start, end in spans]
