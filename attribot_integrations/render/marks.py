"""What is shown behind the statements of an answer: citation marks and support labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribot_integrations.render.answer_blocks import only_shape
from attribot_integrations.render.evidence import basis_of, states_of
from attribot_integrations.render.frames import below_frame, frame_above
from attribot_integrations.results.wording import wording_of

if TYPE_CHECKING:
    from attribot_integrations.context.retrieved import Part
    from attribot_integrations.context.sources import Source
    from attribot_integrations.results import Attribution, Basis, Citation
    from attribot_integrations.results.support import Support, SupportLabel

__all__ = [
    "CitedSource",
    "Mark",
    "MarkedAnswer",
    "Passage",
    "citation_marks",
    "cited_sources",
    "marked_answer",
]


@dataclass(frozen=True)
class Mark:
    """One mark, `[1]`, or several that say the same, "either [1] or [3]"."""

    numbers: tuple[int, ...]
    """Numbers of the cited chunks; more than one where each of them is enough."""
    citations: tuple[Citation, ...]
    """The citations behind the mark, at least one for each number."""


@dataclass(frozen=True)
class Passage:
    """One statement, with what is shown behind it."""

    before: str
    """The text between the statement before and this one."""
    text: str
    marks: tuple[Mark, ...]
    support: Support | None
    """`None` where statements are not labelled."""
    remark: str | None = None
    """What readers must be told of it, see `Attribution.remarks`."""
    carried: str | None = None
    """What its citations carry together, see `Attribution.carried`."""
    path: str | None = None
    """Which field of a structured answer it is, where the answer's own text does not show that."""
    shape: bool = False
    """Whether it is nothing but a heading, the head of a table or code, which has no label."""

    @property
    def doubt(self) -> SupportLabel | None:
        """The statement's label, where it is another than `supported`; shown behind its marks."""
        if self.shape:
            return None
        label = self.support.label if self.support is not None else None
        return None if label == "supported" else label

    @property
    def note(self) -> str | None:
        """What is shown behind its marks: doubt and remark, of which the one may say the other."""
        known = self.doubt == "parametric" and self.remark is not None
        told = [None if known else self.doubt, self.remark]
        return "; ".join(each for each in told if each is not None) or None


@dataclass(frozen=True)
class MarkedAnswer:
    """An answer divided into its statements; the pieces together are the answer."""

    passages: tuple[Passage, ...]
    tail: str
    """The text behind the last statement."""


@dataclass(frozen=True)
class CitedSource:
    """A cited source, however many statements cite it."""

    number: int
    source_id: int
    chunk_index: int
    text: str
    quote: str
    """Its text as it is quoted: a row of a table with the table's header before it."""
    score: float
    """Sum of its scores for the statements that cite it, in nats."""
    exact: bool
    sufficiency: float | None
    """What it alone restores at most of a statement's log-likelihood, in nats, where it was looked
    at."""
    part: Part = "text"
    """Whether it is retrieved text, or metadata that the prompt shows with it."""
    basis: Basis = "depends"
    """Why it is cited; `both` also where one statement depends on it and it states another."""
    states: float | None = None
    """The most that the verifier says of it for a statement that cites it, 0 to 1."""


def marked_answer(attribution: Attribution) -> MarkedAnswer:
    """Return the answer's statements with their marks and labels.

    Statements that their label denies support have no marks.
    """
    citations: dict[int, list[Citation]] = {}
    for citation in attribution.shown_citations:
        citations.setdefault(citation.statement_index, []).append(citation)
    support = {each.statement_index: each for each in attribution.support}
    passages: list[Passage] = []
    offset = 0
    shows_paths = not wording_of(attribution.answer).fields  # JSON has its keys
    shapes = only_shape(
        attribution.answer, [(each.start, each.end) for each in attribution.statements]
    )
    for statement, remark, carried, shape in zip(
        attribution.statements, attribution.remarks, attribution.carried, shapes, strict=True
    ):
        start = max(offset, statement.start)
        end = max(start, statement.end)
        passages.append(
            Passage(
                before=attribution.answer[offset:start],
                text=attribution.answer[start:end],
                marks=citation_marks(citations.get(statement.index, ())),
                support=support.get(statement.index),
                remark=None if shape else remark,
                carried=carried,
                path=statement.path if shows_paths else None,
                shape=shape,
            )
        )
        offset = end
    return MarkedAnswer(tuple(passages), attribution.answer[offset:])


def cited_sources(attribution: Attribution) -> list[CitedSource]:
    """Return the cited sources by number, the strongest of a number first.

    Chunks of the same text share a number; of what they all say, the strongest stands for all.
    """
    citations: dict[tuple[int, int], list[Citation]] = {}
    for citation in attribution.shown_citations:
        citations.setdefault((citation.number, citation.source_id), []).append(citation)
    rows = {source.id: row for row, source in enumerate(attribution.sources)}
    cited: list[CitedSource] = []
    for (number, source_id), own in citations.items():
        row = rows[source_id] if source_id in rows else attribution.row(source_id)
        source = attribution.sources[row]
        alone = [each.sufficiency for each in own if each.sufficiency is not None]
        cited.append(
            CitedSource(
                number=number,
                source_id=source_id,
                chunk_index=source.chunk_index,
                text=source.text,
                quote=_quote(attribution, source),
                score=sum(each.score for each in own),
                exact=bool(attribution.exact[row]),
                sufficiency=max(alone, default=None),
                part=source.part,
                basis=basis_of(own),
                states=states_of(own),
            )
        )
    cited.sort(key=lambda each: (each.number, -each.score))
    once: dict[tuple[int, str, Part], CitedSource] = {}
    for each in cited:
        once.setdefault((each.number, " ".join(each.text.split()), each.part), each)
    return list(once.values())


def _quote(attribution: Attribution, source: Source) -> str:
    if source.part == "metadata":
        return source.text
    chunk = attribution.chunks[source.chunk_index]
    return below_frame(frame_above(chunk, source.start, source.end), source.text)


def citation_marks(citations: Sequence[Citation]) -> tuple[Mark, ...]:
    """Join the citations of one statement that say the same, and those of one chunk."""
    groups: dict[frozenset[int], list[Citation]] = {}
    for citation in citations:
        same = frozenset((citation.source_id, *citation.alternatives))
        groups.setdefault(same, []).append(citation)
    marks: dict[tuple[int, ...], list[Citation]] = {}
    for members in groups.values():
        numbers = tuple(dict.fromkeys(member.number for member in members))
        marks.setdefault(numbers, []).extend(members)
    return tuple(Mark(numbers, tuple(members)) for numbers, members in marks.items())
