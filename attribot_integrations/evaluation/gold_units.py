"""Rankings and citations of recorded answers, compared with the evidence that people marked."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.demo.world import SentenceRef
from attribot_integrations.evaluation.metrics import average_precision, citation_quality
from attribot_integrations.results.ranking import evidence_order

if TYPE_CHECKING:
    from attribot_integrations.evaluation.recordings import Recorded
    from attribot_integrations.results import Attribution, FloatArray

__all__ = ["GoldUnit", "citation_figures", "gold_units", "ranking_figures"]

Figures = dict[str, float | None]


@dataclass(frozen=True)
class GoldUnit:
    """What evidence was marked for: one statement, or the answer as a whole."""

    attribution: Attribution
    places: tuple[SentenceRef, ...]
    """Chunk and number of each source."""
    statements: tuple[int, ...]
    """Indexes of the attribution's statements that belong to it."""
    text: str
    sentences: frozenset[SentenceRef]
    """Marked sentences; empty where only chunks are marked."""
    chunks: frozenset[int]
    """Marked chunks."""

    @property
    def scores(self) -> FloatArray:
        """`[sources]`: the attribution's scores, in nats."""
        columns = self.attribution.statement_scores[:, list(self.statements)]
        return np.asarray(columns.sum(axis=1), dtype=np.float32)

    @property
    def evidence(self) -> FloatArray:
        """`[sources]`: order by both kinds of evidence; the scores where no verifier was asked."""
        stated = self.attribution.stated
        if stated is None:
            return self.scores
        return evidence_order(self.scores, stated[:, list(self.statements)].max(axis=1))

    @property
    def cited(self) -> frozenset[SentenceRef]:
        """Places of the sources that are cited for it."""
        row = {source.id: row for row, source in enumerate(self.attribution.sources)}
        return frozenset(
            self.places[row[each.source_id]]
            for each in self.attribution.citations
            if each.statement_index in self.statements
        )


def gold_units(recorded: Recorded, attribution: Attribution) -> Iterator[GoldUnit]:
    """Yield what can be compared in one recorded answer; nothing for one that is not supported.

    Args:
        recorded: The answer.
        attribution: Its attribution, with citations as they are judged.
    """
    example = recorded.variant.example
    if recorded.variant.kind != "answer":
        return
    places = tuple(
        (source.chunk_index, source.sentence_index or 0) for source in attribution.sources
    )
    if example.statements is not None:
        for marked in example.statements:
            inside = tuple(
                each.index
                for each in attribution.statements
                if marked.span[0] <= each.start < marked.span[1]
            )
            if inside and (marked.gold or marked.gold_chunks):
                text = example.answer[slice(*marked.span)]
                chunks = frozenset(marked.gold_chunks or {chunk for chunk, _ in marked.gold})
                yield GoldUnit(attribution, places, inside, text, frozenset(marked.gold), chunks)
    elif example.gold:
        sentences = frozenset(ref for each in example.gold for ref in each)
        every = tuple(each.index for each in attribution.statements)
        chunks = frozenset(chunk for chunk, _ in sentences)
        yield GoldUnit(attribution, places, every, example.answer, sentences, chunks)


def ranking_figures(unit: GoldUnit, scores: FloatArray) -> Figures:
    """Return how high a ranking places the evidence.

    Args:
        unit: What evidence was marked for.
        scores: `[sources]`, the ranking; a chunk's is that of its best sentence.
    """
    relevant = np.array([place in unit.sentences for place in unit.places])
    of_chunk: dict[int, float] = {}
    for (chunk, _), score in zip(unit.places, scores, strict=True):
        of_chunk[chunk] = max(of_chunk.get(chunk, -np.inf), float(score))
    wanted = np.array([chunk in unit.chunks for chunk in of_chunk])
    several = len(of_chunk) > 1  # else there is nothing to rank
    return {
        "gold_map": average_precision(scores, relevant),
        "chunk_map": average_precision(np.array([*of_chunk.values()]), wanted) if several else None,
    }


def citation_figures(unit: GoldUnit, cited: Collection[SentenceRef]) -> Figures:
    """Return how well citations match the evidence, at the level of sentences and of chunks."""
    levels: dict[str, tuple[Collection[object], Collection[object]]] = {
        "sentence": (cited, unit.sentences),
        "chunk": ({chunk for chunk, _ in cited}, unit.chunks),
    }
    figures: Figures = {}
    for level, (found, gold) in levels.items():
        quality = citation_quality(found, [{each} for each in gold])
        if quality is not None:
            figures |= {
                f"{level}_precision": quality.precision,
                f"{level}_recall": quality.recall,
                f"{level}_f1": quality.f1,
            }
    return figures
