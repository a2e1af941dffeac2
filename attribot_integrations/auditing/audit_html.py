"""The audits of a file as one HTML page: the worst first, with filters that need no script.

The rules are those of `render.html`: every text is escaped by the template engine, nothing is
loaded from anywhere, and the content security policy allows no script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from attribot_integrations.auditing.audit_text import (
    FAULT_NAMES,
    VERDICT_MEANINGS,
    figures_line,
    judges_line,
    statement_quote,
    told_fault,
)
from attribot_integrations.auditing.totals import AuditTotals
from attribot_integrations.context.links import web_link
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.text import nats, one_line, visible

if TYPE_CHECKING:
    from jinja2 import Environment

    from attribot_integrations.auditing.audits import AnswerAudit, JudgedCitation
    from attribot_integrations.render.html_options import Theme

__all__ = ["audit_page"]

_THEMES = ("auto", "light", "dark")
_LONG_TEXT = 400


def audit_page(
    audits: Sequence[AnswerAudit], *, title: str | None = None, theme: Theme = "auto"
) -> str:
    """Return a page of its own with all audits, the worst first.

    Args:
        audits: What to show.
        title: Title of the page; the first question by default.
        theme: Colours; `auto` follows the reader's system.

    Raises:
        ConfigurationError: If there is no such theme.
    """
    if theme not in _THEMES:
        raise ConfigurationError(f"theme must be one of {list(_THEMES)}, got {theme!r}")
    totals = AuditTotals.of(audits)
    order = sorted(range(len(audits)), key=lambda place: _worth(audits[place]))
    shown = title if title is not None else next((each.question for each in audits), "")
    return (
        _templates()
        .get_template("audit_page.html")
        .render(
            title=one_line(shown) or "Audit of citations",
            theme=theme,
            rows=totals.rows(),
            filters=[(kind, name, totals.faults[kind]) for kind, name in FAULT_NAMES.items()],
            faultless=totals.faultless,
            answers=totals.answers,
            meanings=VERDICT_MEANINGS,
            views=[_View.of(audits[place], place) for place in order],
        )
    )


def _worth(audit: AnswerAudit) -> tuple[float, int]:
    """Return what audits are ordered by: answers with nothing to judge come last."""
    return (2.0 if audit.f1 is None else audit.f1), -len(audit.faults)


@dataclass(frozen=True)
class _Piece:
    text: str
    verdict: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Row:
    label: str
    name: str
    link: str | None
    verdict: str
    note: str
    score: str
    states: str
    quote: str


@dataclass(frozen=True)
class _View:
    """What the page shows of one answer; nothing in it is escaped yet."""

    id: str
    name: str
    question: str
    pieces: tuple[_Piece, ...]
    kinds: tuple[str, ...]
    faults: tuple[tuple[str, str, str, str], ...]
    """Kind, its name, the statement, and what is wrong."""
    rows: tuple[_Row, ...]
    figures: str
    judges: str
    corrected: str | None
    """The answer with its marks corrected, where that changes any."""
    notes: tuple[str, ...]

    @classmethod
    def of(cls, audit: AnswerAudit, place: int) -> _View:
        corrected = audit.rewrite()
        return cls(
            id=f"audit-{place + 1}",
            name=one_line(audit.id) if audit.id else f"answer {place + 1}",
            question=visible(audit.question).strip(),
            pieces=_pieces(audit),
            kinds=tuple(dict.fromkeys(fault.kind for fault in audit.faults)),
            faults=tuple(
                (
                    fault.kind,
                    FAULT_NAMES[fault.kind],
                    ""
                    if fault.statement_index is None
                    else statement_quote(audit, fault.statement_index, 120),
                    told_fault(audit, fault),
                )
                for fault in audit.faults
            ),
            rows=tuple(_row(audit, each) for each in audit.citations),
            figures=figures_line(audit),
            judges=judges_line(audit),
            corrected=visible(corrected) if corrected != audit.answer else None,
            notes=tuple(one_line(note) for note in audit.notes),
        )


def _pieces(audit: AnswerAudit) -> tuple[_Piece, ...]:
    """Cut the answer at its marks."""
    by_marker: dict[tuple[int, int], list[JudgedCitation]] = {}
    for each in audit.citations:
        if each.given.marker is not None:
            by_marker.setdefault(each.given.marker, []).append(each)
    pieces: list[_Piece] = []
    order = [*VERDICT_MEANINGS]
    done = 0
    for (start, end), own in sorted(by_marker.items()):
        worst = max((each.verdict for each in own), key=order.index)
        told = "; ".join(f"[{one_line(each.given.label)}] {_note(each)}" for each in own)
        pieces.append(_Piece(visible(audit.answer[done:start])))
        pieces.append(_Piece(visible(audit.answer[start:end]), worst, told))
        done = end
    return (*pieces, _Piece(visible(audit.answer[done:])))


def _note(citation: JudgedCitation) -> str:
    return citation.reason or VERDICT_MEANINGS[citation.verdict]


def _row(audit: AnswerAudit, citation: JudgedCitation) -> _Row:
    index = citation.given.chunk_index
    chunk = None if index is None else audit.chunks[index]
    text = "" if chunk is None else one_line(chunk.text)
    return _Row(
        label=one_line(citation.given.label),
        name="no such source" if chunk is None or index is None else chunk_name(chunk, index),
        link=None if chunk is None else web_link(chunk.metadata),
        verdict=citation.verdict,
        note=_note(citation),
        score="-" if citation.score is None else nats(citation.score),
        states="-" if citation.states is None else f"{citation.states:.2f}",
        quote=text if len(text) <= _LONG_TEXT else f"{text[:_LONG_TEXT].rstrip()}…",
    )


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("attribot_integrations.auditing"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
