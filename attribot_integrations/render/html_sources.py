"""The retrieved chunks as a page lists them, as plain data; nothing in it is escaped yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.context.links import web_link
from attribot_integrations.render.chunks import chosen_metadata, chunk_statement_scores
from attribot_integrations.render.evidence import share, states_of
from attribot_integrations.render.frames import frame_above
from attribot_integrations.render.html_cards import citation_worth
from attribot_integrations.render.text import nats, visible
from attribot_integrations.results.parts import citable_rows

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source
    from attribot_integrations.results import Attribution, Citation, FloatArray

__all__ = ["LEVELS", "Piece", "SourceList", "SourceView"]

LEVELS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Nats from which a score has the intensities 1 to 5."""

_LONG_TEXT = 700
_MANY = 3


@dataclass(frozen=True)
class Piece:
    """A stretch of a chunk's text."""

    text: str
    cited: bool = False
    level: int = 0
    note: str = ""
    frame: str = ""
    """What it stands below, if it is cited: the header of its table."""


@dataclass(frozen=True)
class SourceView:
    """A chunk."""

    anchor: str
    number: int | None
    name: str
    link: str | None
    same: tuple[str, ...]
    """Names of cited chunks of the same text."""
    metadata: tuple[tuple[str, str], ...]
    """Keys of its metadata that are to be shown, with their values."""
    pieces: tuple[Piece, ...]
    length: int
    score: str
    """The most that a statement loses without it, of those that it is cited for if it is; what it
    restores alone, where that is why it is cited."""
    level: int

    @property
    def long(self) -> bool:
        """Whether the text is better folded."""
        return self.length > _LONG_TEXT

    @property
    def cited_pieces(self) -> tuple[Piece, ...]:
        """The pieces to show while the text is folded."""
        return tuple(piece for piece in self.pieces if piece.cited)

    @property
    def same_words(self) -> str | None:
        """Which chunks have the same text; of many, how many they are."""
        if not self.same:
            return None
        many = len(self.same) > _MANY
        return f"{len(self.same)} other chunks" if many else ", ".join(self.same)


class SourceList:
    """The chunks of one attribution.

    Args:
        attribution: What to show.
        names: What each chunk is called.
        id: Beginning of the ids of its sources.
        metadata: Keys of the chunks' metadata that are shown.
    """

    def __init__(
        self, attribution: Attribution, names: Sequence[str], id: str, metadata: Sequence[str]
    ) -> None:
        self._shown, self._names, self._id, self._keys = attribution, names, id, metadata
        self._numbers: dict[int, list[int]] = {}  # of the cited chunks: their indexes
        self._by_number: dict[int, dict[int, list[Citation]]] = {}
        self._by_source: dict[int, list[Citation]] = {}
        for citation in attribution.shown_citations:
            chunks = self._numbers.setdefault(citation.number, [])
            if citation.chunk_index not in chunks:
                chunks.append(citation.chunk_index)
            by_statement = self._by_number.setdefault(citation.number, {})
            by_statement.setdefault(citation.statement_index, []).append(citation)
            self._by_source.setdefault(citation.source_id, []).append(citation)
        whole = attribution.source_scores
        self._rows = _most(attribution.statement_scores, whole)
        self._chunks = _most(chunk_statement_scores(attribution), np.zeros(len(names), whole.dtype))

    @cached_property
    def cited(self) -> list[SourceView]:
        """The cited chunks by number; those of the same text are shown once."""
        return [
            self._source(first, number, tuple(self._names[index] for index in same))
            for number, (first, *same) in sorted(self._numbers.items())
        ]

    @cached_property
    def uncited(self) -> list[SourceView]:
        """The other chunks, the strongest first, those without a score last."""
        cited = {index for indexes in self._numbers.values() for index in indexes}
        order = np.argsort(-self._chunks, kind="stable")  # NaN goes last
        return [self._source(int(index)) for index in order if int(index) not in cited]

    def anchor(self, number: int) -> str:
        """Return the id of the source that a citation's number stands for."""
        return f"{self._id}-source-{number}"

    @cached_property
    def _by_chunk(self) -> dict[int, list[tuple[int, Source]]]:
        found: dict[int, list[tuple[int, Source]]] = {}
        for row in citable_rows(self._shown.sources):
            source = self._shown.sources[row]
            found.setdefault(source.chunk_index, []).append((row, source))
        return found

    def _source(
        self, index: int, number: int | None = None, same: tuple[str, ...] = ()
    ) -> SourceView:
        chunk = self._shown.chunks[index]
        by_statement = {} if number is None else self._by_number[number]
        own = [citation for each in by_statement.values() for citation in each]
        score = (
            max(map(citation_worth, by_statement.values())) if own else float(self._chunks[index])
        )
        alone = _alone(own)
        shown = "not scored" if np.isnan(score) else f"{nats(score)} nats"
        if alone > max(0.0, score):
            shown = f"{nats(alone)} nats alone"
        states = states_of(own)
        if states is not None:
            shown += f"; stated {share(states)}"
        return SourceView(
            anchor="" if number is None else self.anchor(number),
            number=number,
            name=self._names[index],
            link=web_link(chunk.metadata),
            same=same,
            metadata=tuple(chosen_metadata(chunk, self._keys)),
            pieces=self._pieces(index),
            length=len(chunk.text),
            score=shown,
            level=_level(max(alone, score)),
        )

    def _pieces(self, index: int) -> tuple[Piece, ...]:
        text = self._shown.chunks[index].text
        pieces: list[Piece] = []
        done = 0
        for row, source in self._by_chunk.get(index, ()):
            if source.start < done:
                continue
            if source.start > done:
                pieces.append(Piece(visible(text[done : source.start])))
            piece = self._scored(row, source, visible(text[source.start : source.end]))
            if piece.cited and len(text) > _LONG_TEXT:
                frame = frame_above(self._shown.chunks[index], source.start, source.end)
                piece = replace(piece, frame=frame)
            pieces.append(piece)
            done = source.end
        return (*pieces, Piece(visible(text[done:]))) if done < len(text) else tuple(pieces)

    def _scored(self, row: int, source: Source, text: str) -> Piece:
        cited = self._by_source.get(source.id, ())
        score = max((each.score for each in cited), default=float(self._rows[row]))
        alone = _alone(cited)
        note = f"{nats(score)} nats lost without this"
        if alone > 0:
            note += f", {nats(alone)} nats from this alone"
        states = states_of(cited)
        if states is not None:
            note += f", stated {share(states)}"
        return Piece(
            text=text,
            cited=bool(cited),
            level=_level(max(score, alone)),
            note=note if self._shown.exact[row] else f"{note} (approximate)",
        )


def _most(scores: FloatArray, without: FloatArray) -> FloatArray:
    """Return `[rows]`: the highest of `[rows, statements]`, something else if there are none."""
    return scores.max(axis=1) if scores.shape[1] else without


def _alone(citations: Sequence[Citation]) -> float:
    """Return what cited sources restore alone, in nats; 0 where it was not looked at."""
    return max((each.sufficiency or 0.0 for each in citations), default=0.0)


def _level(score: float) -> int:
    return sum(score >= least for least in LEVELS)
