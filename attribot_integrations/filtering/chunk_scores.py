"""What scoring chunks gives back, and which chunks it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from attribot_integrations.context.pieces import Piece, kept_spans
from attribot_integrations.context.sources import Chunk, Span
from attribot_integrations.errors import InputError
from attribot_integrations.filtering.keeping import DEFAULT_THRESHOLD, KeepRule, reaches
from attribot_integrations.results.parts import Cost, FloatArray

__all__ = ["ChunkScores", "SentenceRelevance"]


@dataclass(frozen=True)
class SentenceRelevance:
    """How relevant one sentence is."""

    chunk_index: int
    start: int
    """Offset in the chunk of the first character."""
    end: int
    """Offset in the chunk behind the last character."""
    relevance: float
    """Probability that the sentence is relevant, 0 to 1."""


@dataclass(frozen=True, eq=False)
class ChunkScores:
    """How relevant each chunk is to a question."""

    question: str
    chunks: tuple[Chunk, ...]
    relevance: FloatArray
    """`[chunks]`: probability that the chunk is relevant; 0 for a blank chunk. Read-only."""
    sentences: tuple[SentenceRelevance, ...]
    """The sentences with their relevance, in reading order, where they were scored."""
    signal: str
    """Name of the signal that gave the scores."""
    draft: str | None
    """The drafted answer that chunks were scored by, if one was."""
    cost: Cost
    pieces: Mapping[int, tuple[Piece, ...]] = field(default_factory=dict, repr=False)
    """What each chunk divides into, by its index, where its structure is to be kept."""

    def __post_init__(self) -> None:
        array = np.array(self.relevance, dtype=np.float32)
        array.setflags(write=False)
        object.__setattr__(self, "relevance", array)

    def keep(
        self,
        *,
        threshold: float | None = None,
        top_n: int | None = None,
        min_chunks: int = 0,
    ) -> tuple[int, ...]:
        """Return the indexes of the chunks to keep, in their original order.

        Args:
            threshold: Least relevance, inclusive; 0.5 if neither it nor `top_n` is given.
            top_n: Most chunks; those of highest relevance, the earlier of two equal ones.
            min_chunks: Chunks that are kept in any case, the most relevant ones.

        Raises:
            ConfigurationError: If a limit makes no sense.
        """
        return KeepRule(threshold, top_n, min_chunks).kept(self.relevance)

    def trimmed(self, index: int, *, threshold: float = DEFAULT_THRESHOLD) -> tuple[Span, ...]:
        """Return the spans of a chunk's relevant sentences, neighbours joined.

        Of structured text, what frames the relevant parts is kept with them.

        Args:
            index: The chunk's index.
            threshold: Least relevance of a sentence, inclusive.

        Raises:
            InputError: If there is no such chunk, or sentences were not scored.
            ConfigurationError: If the threshold makes no sense.
        """
        least = KeepRule(threshold).sentence_threshold
        if not 0 <= index < len(self.chunks):
            raise InputError(f"index must be from 0 to {len(self.chunks) - 1}, got {index}")
        if not self.sentences and self.chunks[index].text.strip():
            raise InputError('sentences were not scored; ask for granularity="sentence"')
        if any(piece.sentence_id is None for piece in self.pieces.get(index, ())):
            kept_ids = frozenset(
                id_ for id_, each in enumerate(self.sentences) if reaches(each.relevance, least)
            )
            return kept_spans(self.pieces[index], len(self.chunks[index].text), kept_ids)
        spans: list[Span] = []
        joins = False
        for each in self.sentences:
            if each.chunk_index != index:
                continue
            kept = reaches(each.relevance, least)
            if kept and joins:
                spans[-1] = (spans[-1][0], each.end)
            elif kept:
                spans.append((each.start, each.end))
            joins = kept
        return tuple(spans)
