"""`ChunkFilter`: scores retrieved chunks and keeps by a rule, for the adapters' components."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from attribot_integrations.context.sources import Chunk, Span
from attribot_integrations.filtering.chunk_scoring import check_granularity, named_signal
from attribot_integrations.filtering.keeping import KeepRule
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
    rule: KeepRule
    """Which chunks are kept."""
    signal: RelevanceSignal | SignalName
    """What relevance is judged by."""
    granularity: Granularity
    """Whether sentences are scored, too."""
    raise_error: bool
    """Whether chunks that cannot be scored are an error; otherwise all of them are kept."""

    def __post_init__(self) -> None:
        check_engine(self.engine, "score_chunks")
        check_granularity(self.granularity)
        named_signal(self.signal)

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
                self.rule.noun,
                type(error).__name__,
                error,
            )
            return None
        return tuple(
            KeptChunk(index, float(scores.relevance[index]), self._spans(scores, index))
            for index in self.rule.kept(scores.relevance)
        )

    def _spans(self, scores: ChunkScores, index: int) -> tuple[Span, ...]:
        if not scores.sentences:
            return ()
        return scores.trimmed(index, threshold=self.rule.sentence_threshold)


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
