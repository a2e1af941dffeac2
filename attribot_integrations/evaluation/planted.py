"""Answers with marks of citations, right ones and faults planted among them, for measuring audits.

The marks of the data's gold evidence are written behind the statements of an answer. Then one of
them gets the number of another chunk (`exchanged`), one is left out (`dropped`), or one is written
that is beside the point (`added`). Marks belong to no sum, so one attribution of the plain answer
judges all of them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from attribot_integrations.auditing.auditor import audit_attribution
from attribot_integrations.auditing.markers import find_citations
from attribot_integrations.context.sources import Chunk, Span, split_sentences

if TYPE_CHECKING:
    from attribot_integrations.auditing.audits import AnswerAudit
    from attribot_integrations.auditing.given import GivenCitation
    from attribot_integrations.auditing.witness import AuditOptions
    from attribot_integrations.evaluation.examples import EvaluationExample
    from attribot_integrations.results import Attribution

__all__ = [
    "PLANTED_FAULTS",
    "CitedExample",
    "Planted",
    "PlantedFault",
    "PlantedOutcome",
    "cited_example",
    "planted_answers",
    "planted_outcome",
]

PlantedFault = Literal["exchanged", "dropped", "added"]
PLANTED_FAULTS: Final[tuple[PlantedFault, ...]] = ("exchanged", "dropped", "added")

_STYLES: Final = ("[{}]", "(doc {})", "【{}†source】", "[^{}]", "[[{}]]", "<sup>{}</sup>")
_WORD: Final = re.compile(r"\w+")
_STOPS: Final = ".!?"
_MOST_GOLD: Final = 3


@dataclass(frozen=True)
class CitedExample:
    """An answer without marks, and which chunks each of its statements should cite."""

    id: str
    question: str
    chunks: tuple[Chunk, ...]
    answer: str
    units: tuple[tuple[Span, tuple[int, ...]], ...]
    """Spans of statements, in order, each with its chunks."""


@dataclass(frozen=True)
class Planted:
    """An answer with marks, and the fault among them."""

    example: CitedExample
    text: str
    """The answer with its marks."""
    inserted: tuple[Span, ...]
    """Where in `text` the marks stand, with the spaces before them."""
    fault: PlantedFault | None = None
    unit: int | None = None
    """Which statement has the fault."""
    chunk: int | None = None
    """The chunk that is wrongly cited, or that is cited no more."""

    def citations(self) -> tuple[GivenCitation, ...]:
        """Return the citations as they are read, with offsets in the plain answer."""
        return tuple(
            replace(each, start=self._plain(each.start), end=self._plain(each.end), marker=None)
            for each in find_citations(self.text, self.example.chunks)
        )

    def _plain(self, place: int) -> int:
        return place - sum(min(place, end) - start for start, end in self.inserted if start < place)


@dataclass(frozen=True)
class PlantedOutcome:
    """What an audit made of one answer."""

    found: bool | None
    """Whether it found the fault; `None` if there is none."""
    located: bool | None
    """Whether it named the right chunk instead; `None` if that is not asked for."""
    citations: int
    """Right citations."""
    alarms: int
    """Right citations that it called wrong."""
    unknown: int
    """Right citations that it did not judge."""
    missing: int
    """Statements with all their citations of which it said that one is missing."""
    statements: int
    """Statements with all their citations."""


def cited_example(example: EvaluationExample) -> CitedExample | None:
    """Return what an example of a data set should cite; `None` if that is not known.

    The sentences of a single chunk become chunks. Where evidence is marked for the whole answer,
    answers of one sentence are taken only. Statements without evidence, or with more than three
    chunks of it, are left without marks, and count for nothing.

    Args:
        example: The example, with gold evidence.
    """
    alone = len(example.chunks) == 1
    chunks = _sentence_chunks(example) if alone else example.chunks
    units: list[tuple[Span, tuple[int, ...]]] = []
    if example.statements is not None:
        for marked in example.statements:
            of_sentences = {sentence if alone else chunk for chunk, sentence in marked.gold}
            gold = sorted(of_sentences if alone else {*marked.gold_chunks} or of_sentences)
            units.append((_stripped(example.answer, marked.span), tuple(gold)))
    elif example.gold:
        places = {place for each in example.gold for place in each}
        gold = sorted({sentence if alone else chunk for chunk, sentence in places})
        if len(split_sentences(example.answer)) == 1:
            units.append((_stripped(example.answer, (0, len(example.answer))), tuple(gold)))
    usable = [unit for unit in units if 0 < len(unit[1]) <= _MOST_GOLD]
    if not usable or len(chunks) < 2:
        return None
    return CitedExample(example.id, example.question, chunks, example.answer, tuple(usable))


def planted_answers(example: CitedExample, seed: int = 0) -> Iterator[Planted]:
    """Yield the answer with right marks, and then with each fault that can be planted.

    Args:
        example: What should be cited.
        seed: With the example's id, it says where faults are and which chunks they name.
    """
    draw = random.Random(f"{seed} {example.id}")
    style = draw.choice(_STYLES)
    behind = draw.random() < 0.5
    right = [list(gold) for _, gold in example.units]
    yield _marked(example, right, style, behind=behind)
    for fault in PLANTED_FAULTS:
        unit = draw.randrange(len(right))
        others = _beside(example, unit)
        own = [list(each) for each in right]
        place = draw.randrange(len(own[unit]))
        if fault == "dropped":
            chunk = own[unit].pop(place)
        elif not others:
            continue
        else:
            chunk = draw.choice(others)
            own[unit][place : place + (fault == "exchanged")] = [chunk]
        planted = _marked(example, own, style, behind=behind)
        yield replace(planted, fault=fault, unit=unit, chunk=chunk)


def planted_outcome(
    planted: Planted, attribution: Attribution, options: AuditOptions | None = None
) -> PlantedOutcome:
    """Audit an answer, and compare what is found with what was planted.

    Args:
        planted: The answer.
        attribution: Of its plain form.
        options: What counts as evidence.
    """
    found = audit_attribution(attribution, planted.citations(), options=options)
    wrong = [
        place
        for place, each in enumerate(found.citations)
        if planted.fault in ("exchanged", "added")
        and each.given.chunk_index == planted.chunk
        and _in_unit(planted, planted.unit, each.given.start)
    ]
    right = [each for place, each in enumerate(found.citations) if place not in wrong]
    faulty = planted.unit if planted.fault in ("exchanged", "dropped") else None
    whole = [
        each
        for each in found.statements
        if any(
            unit != faulty and _in_unit(planted, unit, each.start)
            for unit in range(len(planted.example.units))
        )
    ]
    return PlantedOutcome(
        found=_found(planted, found, wrong),
        located=_located(planted, found, wrong),
        citations=len(right),
        alarms=sum(each.right is False for each in right),
        unknown=sum(each.right is None for each in right),
        missing=sum(bool(each.missing) for each in whole),
        statements=len(whole),
    )


def _found(planted: Planted, audit: AnswerAudit, wrong: Sequence[int]) -> bool | None:
    if planted.fault is None:
        return None
    if planted.fault == "dropped":
        return any(
            each.missing for each in audit.statements if _in_unit(planted, planted.unit, each.start)
        )
    return any(audit.citations[place].right is False for place in wrong)


def _located(planted: Planted, audit: AnswerAudit, wrong: Sequence[int]) -> bool | None:
    if planted.fault is None or planted.unit is None or planted.fault == "added":
        return None
    gold = planted.example.units[planted.unit][1]
    if planted.fault == "exchanged":
        return any(audit.citations[place].instead in gold for place in wrong)
    return any(
        chunk in gold
        for each in audit.statements
        if _in_unit(planted, planted.unit, each.start)
        for chunk in each.missing
    )


def _in_unit(planted: Planted, unit: int | None, place: int) -> bool:
    if unit is None:
        return False
    start, end = planted.example.units[unit][0]
    return start <= place < end


def _marked(
    example: CitedExample, cited: Sequence[Sequence[int]], style: str, *, behind: bool
) -> Planted:
    """Write marks at the ends of statements."""
    text = ""
    inserted: list[Span] = []
    done = 0
    for (span, _), chunks in zip(example.units, cited, strict=True):
        end = span[1]
        if not behind and example.answer[end - 1] in _STOPS and end - span[0] > 1:
            end -= 1
        text += example.answer[done:end]
        start = len(text)
        marks = "".join(style.format(chunk + 1) for chunk in chunks)
        text += f" {marks}" if marks and not style.startswith(("<", "【")) else marks
        inserted.append((start, len(text)))
        done = end
    return Planted(example, text + example.answer[done:], tuple(inserted))


def _beside(example: CitedExample, unit: int) -> list[int]:
    """Return the chunks that are beside the point: no evidence, and not with the very words."""
    span, gold = example.units[unit]
    words = _words(example.answer[slice(*span)])
    return [
        place
        for place, chunk in enumerate(example.chunks)
        if place not in gold and words not in _words(chunk.text)
    ]


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _sentence_chunks(example: EvaluationExample) -> tuple[Chunk, ...]:
    text = example.chunks[0].text
    spans = example.splitter(text)
    return tuple(
        Chunk(text[start:end], f"s{place + 1}") for place, (start, end) in enumerate(spans)
    )


def _stripped(text: str, span: Span) -> Span:
    piece = text[slice(*span)]
    start = span[0] + len(piece) - len(piece.lstrip())
    return start, span[0] + len(piece.rstrip())
