"""What the HTML template shows, as plain data; nothing in it is escaped yet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.context.links import cited_link, web_link
from attribot_integrations.render.chunks import chunk_name, chunk_scores
from attribot_integrations.render.evidence import (
    basis_of,
    basis_words,
    carried_lines,
    dependence,
    is_verified,
    share,
    states_of,
)
from attribot_integrations.render.marks import marked_answer
from attribot_integrations.render.text import model_name, nats, one_line, visible
from attribot_integrations.render.trees import TreeView, led_through
from attribot_integrations.results.parts import citable_rows

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source
    from attribot_integrations.render.marks import Passage
    from attribot_integrations.results import Attribution, Basis, Citation
    from attribot_integrations.results.support import SupportLabel

__all__ = ["BASIS_MEANINGS", "LABEL_MEANINGS", "LEVELS", "AttributionView"]

LEVELS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Nats from which a score has the intensities 1 to 5."""

LABEL_MEANINGS: dict[SupportLabel, str] = {
    "supported": "it depends on the sources cited behind it",
    "unsupported": "unlikely even with the sources at hand",
    "parametric": "no likelier with the sources than without, so not taken from them",
    "uncertain": "depends on the sources as a whole, but none of them stands out",
    "unknown": "could not be judged, for the reason given below",
}

BASIS_MEANINGS = {
    "depends": "the statement is less likely without it",
    "states": "{verifier} finds the statement in it, whether or not the answer was taken from it",
}
"""What the words mean that say why a source is cited."""

_LONG_TEXT = 700
_LONG_QUOTE = 280


@dataclass(frozen=True)
class Card:
    """A citation as shown behind a statement."""

    number: int
    anchor: str
    """Id of the source that it points to."""
    id: str
    name: str
    link: str | None
    quotes: tuple[str, ...]
    notes: tuple[str, ...]
    basis: Basis
    why: str | None
    """Why it is cited, in words; `None` where that goes without saying."""


@dataclass(frozen=True)
class StatementView:
    """A statement with its citations."""

    before: str
    text: str
    marks: tuple[tuple[Card, ...], ...]
    label: SupportLabel | None
    """Where it is another than `supported`."""
    probability: float | None
    remark: str | None
    """What readers must be told of it."""
    path: str | None
    """Which field of the answer it is, where the answer does not show that."""

    @property
    def shown_label(self) -> str | None:
        """The label, with the probability of support, as far as the remark does not say it."""
        if self.label is None or (self.label == "parametric" and self.remark is not None):
            return None
        if self.probability is None:
            return self.label
        return f"{self.label} {100 * self.probability:.0f} %"


@dataclass(frozen=True)
class Piece:
    """A stretch of a chunk's text."""

    text: str
    cited: bool = False
    level: int = 0
    note: str = ""


@dataclass(frozen=True)
class SourceView:
    """A chunk."""

    anchor: str
    number: int | None
    name: str
    link: str | None
    same: tuple[str, ...]
    """Names of cited chunks of the same text."""
    pieces: tuple[Piece, ...]
    length: int
    score: str
    """Its score; what it restores alone, where that is why it is cited."""
    level: int

    @property
    def long(self) -> bool:
        """Whether the text is better folded."""
        return self.length > _LONG_TEXT

    @property
    def cited_pieces(self) -> tuple[Piece, ...]:
        """The pieces to show while the text is folded."""
        return tuple(piece for piece in self.pieces if piece.cited)


class AttributionView:
    """What is shown of one attribution.

    Args:
        attribution: What to show.
        place: Tells attributions of one page apart.
    """

    def __init__(self, attribution: Attribution, place: int = 0) -> None:
        self._shown = attribution
        self._scores = chunk_scores(attribution)
        self._numbers: dict[int, list[int]] = {}  # of the cited chunks: their indexes
        self._cited: dict[int, list[Citation]] = {}
        self._names = [chunk_name(chunk, index) for index, chunk in enumerate(attribution.chunks)]
        self._links = [web_link(chunk.metadata) for chunk in attribution.chunks]
        for citation in attribution.shown_citations:
            chunks = self._numbers.setdefault(citation.number, [])
            if citation.chunk_index not in chunks:
                chunks.append(citation.chunk_index)
            self._cited.setdefault(citation.source_id, []).append(citation)
        text = visible(f"{attribution.question}\n{attribution.answer}")
        self.id = f"attribot-{sha256(text.encode()).hexdigest()[:8]}-{place}"
        self.question = visible(attribution.question).strip()
        marked = marked_answer(attribution)
        self.statements = [
            self._statement(index, passage) for index, passage in enumerate(marked.passages)
        ]
        self.tail = visible(marked.tail)
        self.method = one_line(attribution.method)
        self.seconds = attribution.cost.seconds
        self.models = [model_name(model.model) for model in attribution.cost.models]
        self.exact = bool(attribution.exact.all())
        self.log_likelihood = nats(attribution.log_likelihood)
        self.log_likelihood_without_context = nats(attribution.log_likelihood_without_context)
        self.carried = carried_lines(attribution)
        self.notes = [one_line(note) for note in attribution.notes]

    @property
    def bases(self) -> dict[str, str]:
        """Why sources are cited, with the meanings, where there is more than one reason."""
        found = {each.basis for each in self._shown.shown_citations}
        if not found or (found == {"depends"} and not is_verified(self._shown)):
            return {}
        name = self._shown.verifier
        verifier = f"the verifier “{one_line(name)}”" if name else "a verifier"
        return {basis: text.format(verifier=verifier) for basis, text in BASIS_MEANINGS.items()}

    @property
    def labels(self) -> dict[SupportLabel, str]:
        """The labels that occur, with their meanings."""
        found = {each.label for each in self.statements if each.shown_label is not None}
        return {label: text for label, text in LABEL_MEANINGS.items() if label in found}

    @property
    def trees(self) -> list[TreeView]:
        """The traces of the statements, where they lead through what models wrote before."""
        return [TreeView(trace) for trace in led_through(self._shown)]

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
        order = np.argsort(-self._scores, kind="stable")  # NaN goes last
        return [self._source(int(index)) for index in order if int(index) not in cited]

    @cached_property
    def _by_chunk(self) -> dict[int, list[tuple[int, Source]]]:
        found: dict[int, list[tuple[int, Source]]] = {}
        for row in citable_rows(self._shown.sources):
            source = self._shown.sources[row]
            found.setdefault(source.chunk_index, []).append((row, source))
        return found

    def _statement(self, index: int, passage: Passage) -> StatementView:
        marks = []
        for place, mark in enumerate(passage.marks):
            cards = []
            for number in mark.numbers:
                own = [citation for citation in mark.citations if citation.number == number]
                id_ = f"{self.id}-{index}-{place}-{number}"
                cards.append(self._card(id_, own, mark.numbers, passage.carried))
            marks.append(tuple(cards))
        return StatementView(
            before=visible(passage.before),
            text=visible(passage.text),
            marks=tuple(marks),
            label=passage.doubt,
            probability=passage.support.probability if passage.support else None,
            remark=passage.remark,
            path=visible(passage.path) if passage.path else None,
        )

    def _card(
        self,
        id_: str,
        citations: list[Citation],
        numbers: tuple[int, ...],
        carried: str | None,
    ) -> Card:
        first = citations[0]
        quotes = [
            one_line(f"{'metadata: ' if each.part == 'metadata' else ''}{each.text}")
            for each in citations
        ]
        basis = basis_of(citations)
        why = basis_words(self._shown, basis)
        return Card(
            number=first.number,
            anchor=self._anchor(first.number),
            id=id_,
            name=self._names[first.chunk_index],
            link=cited_link(self._shown.chunks[first.chunk_index].metadata, first.text, first.part),
            quotes=tuple(
                quote if len(quote) <= _LONG_QUOTE else f"{quote[:_LONG_QUOTE].rstrip()}…"
                for quote in dict.fromkeys(quotes)
            ),
            notes=_card_notes(citations, basis, why, numbers, carried),
            basis=basis,
            why=why,
        )

    def _anchor(self, number: int) -> str:
        return f"{self.id}-source-{number}"

    def _source(
        self, index: int, number: int | None = None, same: tuple[str, ...] = ()
    ) -> SourceView:
        score = float(self._scores[index])
        shown = "not scored" if np.isnan(score) else f"{nats(score)} nats"
        alone = max(
            (self._alone(source) for _, source in self._by_chunk.get(index, ())), default=0.0
        )
        if alone > max(0.0, score):
            shown = f"{nats(alone)} nats alone"
        states = states_of(
            citation
            for _, source in self._by_chunk.get(index, ())
            for citation in self._cited.get(source.id, ())
        )
        if states is not None:
            shown += f"; stated {share(states)}"
        return SourceView(
            anchor=self._anchor(number) if number is not None else "",
            number=number,
            name=self._names[index],
            link=self._links[index],
            same=same,
            pieces=self._pieces(index),
            length=len(self._shown.chunks[index].text),
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
            pieces.append(self._scored(row, source, visible(text[source.start : source.end])))
            done = source.end
        return (*pieces, Piece(visible(text[done:]))) if done < len(text) else tuple(pieces)

    def _scored(self, row: int, source: Source, text: str) -> Piece:
        score = float(self._shown.source_scores[row])
        alone = self._alone(source)
        note = f"{nats(score)} nats lost without this"
        if alone > 0:
            note += f", {nats(alone)} nats from this alone"
        states = states_of(self._cited.get(source.id, ()))
        if states is not None:
            note += f", stated {share(states)}"
        return Piece(
            text=text,
            cited=source.id in self._cited,
            level=_level(max(score, alone)),
            note=note if self._shown.exact[row] else f"{note} (approximate)",
        )

    def _alone(self, source: Source) -> float:
        """Return what a cited source restores alone, in nats; 0 where it was not looked at."""
        cited = self._cited.get(source.id, ())
        return max((each.sufficiency or 0.0 for each in cited), default=0.0)


def _card_notes(
    citations: list[Citation],
    basis: Basis,
    why: str | None,
    numbers: tuple[int, ...],
    carried: str | None,
) -> tuple[str, ...]:
    """Return what a card says below its quotations."""
    score = sum(citation.score for citation in citations)
    kind = "exact" if all(citation.exact for citation in citations) else "approximate"
    notes = [] if why is None else [why]
    notes.append(f"{dependence(score, basis)} nats lost without it ({kind})")
    if basis != "states":
        part = min(1.0, sum(citation.share for citation in citations))
        notes.append(f"{part:.0%} of the statement")
    states = states_of(citations)
    if states is not None:
        notes.append(f"stated {share(states)}")
    if len(numbers) > 1:
        either = " or ".join(f"[{number}]" for number in numbers)
        notes.append(f"either {either} is enough")
    alone = [each.sufficiency for each in citations if each.sufficiency is not None]
    if alone:
        notes.append(f"{nats(max(alone))} nats from it alone")
    return tuple(notes if carried is None else [*notes, carried])


def _level(score: float) -> int:
    return sum(score >= least for least in LEVELS)
