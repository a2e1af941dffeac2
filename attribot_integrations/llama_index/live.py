"""Pieces of a streamed answer, with the citations of each statement once that is complete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from attribot_integrations.answers.attempt import Outcome
from attribot_integrations.llama_index.capturing import CapturedSynthesis
from attribot_integrations.llama_index.node_citations import NodeCitation, get_citations
from attribot_integrations.llama_index.records import AttributionRecord, payload

if TYPE_CHECKING:
    from attribot_integrations.answers.live import News
    from attribot_integrations.results.support import SupportLabel

__all__ = ["AnswerPiece", "CitedStatement", "pieces_of"]


@dataclass(frozen=True)
class CitedStatement:
    """What is known of one statement of an answer."""

    index: int
    """Which one it is, from 0."""
    start: int
    """Offset in the answer of its first character."""
    end: int
    """Offset in the answer behind its last character."""
    text: str
    label: SupportLabel
    """Whether the sources support it."""
    remark: str | None
    """What readers must be told of it beside its citations."""
    citations: tuple[NodeCitation, ...]
    """The nodes that carry it, strongest first; none if it is not supported."""


@dataclass(frozen=True)
class AnswerPiece:
    """A piece of a streamed answer: what it goes on with, or what is known of its statements."""

    text: str = ""
    """What the answer goes on with."""
    statements: tuple[CitedStatement, ...] = ()
    """Those of which something is new; it replaces what was said of the same one before."""
    withdrawn: tuple[int, ...] = ()
    """Statements that were spoken of before, and are none of the complete answer."""
    record: AttributionRecord | None = None
    """The complete answer's record; in the last piece only."""


def pieces_of(news: Iterable[News]) -> Iterator[AnswerPiece]:
    """Yield a piece for each time that something has become known."""
    for each in news:
        yield AnswerPiece(statements=tuple(_statements(each)), withdrawn=each.withdrawn)


def _statements(news: News) -> Iterator[CitedStatement]:
    attribution = news.attribution
    if attribution is None:
        return
    captured = cast("CapturedSynthesis", news.captured)
    cited = get_citations(payload(captured, Outcome("ok", attribution=attribution)))
    shown = {id(each) for each in attribution.shown_citations}
    labels = {each.statement_index: each.label for each in attribution.support}
    for index in news.statements:
        statement = attribution.statements[index]
        own = (
            node
            for node, one in zip(cited, attribution.citations, strict=True)
            if one.statement_index == index and id(one) in shown
        )
        yield CitedStatement(
            index=index,
            start=statement.start,
            end=statement.end,
            text=statement.text,
            label=labels.get(index, "unknown"),
            remark=attribution.remarks[index],
            citations=tuple(own),
        )
