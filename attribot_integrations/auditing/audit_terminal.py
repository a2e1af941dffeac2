"""An audit for a terminal, with `rich`; texts can neither style nor steer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from attribot_integrations.auditing.audit_text import (
    FAULT_NAMES,
    VERDICT_MEANINGS,
    figures_line,
    judges_line,
    statement_quote,
    told_fault,
)
from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.text import nats, one_line, visible

if TYPE_CHECKING:
    from attribot_integrations.auditing.audits import AnswerAudit, JudgedCitation, Verdict
    from attribot_integrations.auditing.totals import AuditTotals
    from attribot_integrations.context.sources import Span

__all__ = ["audit_view", "totals_view"]

_STYLES: Final[dict[Verdict, str]] = {
    "both": "bold green",
    "depends": "green",
    "states": "cyan",
    "redundant": "cyan",
    "neither": "bold red",
    "unknown": "yellow",
    "unresolved": "bold red",
}
_QUIET: Final = "dim"


def audit_view(audit: AnswerAudit, *, question: bool = True) -> RenderableType:
    """Return the answer with its marks coloured by verdict, a row for each citation, the faults.

    Args:
        audit: What to show.
        question: Whether to show the question above the answer.
    """
    parts: list[RenderableType] = []
    if question and audit.question.strip():
        parts.append(Text.assemble(("Q  ", "bold"), (one_line(audit.question), "bold")))
    parts.append(Text.assemble(("A  ", "bold"), _coloured(audit)))
    if audit.citations:
        parts.append(Padding(_table(audit.citations, audit), (1, 0, 0, 3), expand=False))
    faults = [_fault_line(audit, place) for place in range(len(audit.faults))]
    lines = faults or [Text("no fault found", "green")]
    lines.append(Text(f"{figures_line(audit)}; {judges_line(audit)}", _QUIET))
    lines += [Text(one_line(note), "yellow") for note in audit.notes]
    parts.append(Padding(Group(*lines), (1, 0, 1, 3), expand=False))
    return Group(*parts)


def totals_view(totals: AuditTotals) -> RenderableType:
    """Return the figures of a whole file.

    Args:
        totals: What to show.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for name, value in totals.rows():
        table.add_row(Text(name), Text(value, "bold"))
    return table


def _coloured(audit: AnswerAudit) -> Text:
    worst: dict[Span, Verdict] = {}
    order = [*_STYLES]
    for each in audit.citations:
        if (marker := each.given.marker) is not None:
            before = worst.get(marker, each.verdict)
            worst[marker] = max(before, each.verdict, key=order.index)
    shown = Text()
    done = 0
    for (start, end), verdict in sorted(worst.items()):
        shown.append(visible(audit.answer[done:start]))
        shown.append(visible(audit.answer[start:end]), _STYLES[verdict])
        done = end
    return shown.append(visible(audit.answer[done:]))


def _table(citations: Sequence[JudgedCitation], audit: AnswerAudit) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=_QUIET)
    table.add_column("", no_wrap=True)
    table.add_column("source", overflow="fold", max_width=28)
    table.add_column("verdict", overflow="fold", ratio=1)
    table.add_column("nats", justify="right", no_wrap=True)
    table.add_column("states", justify="right", no_wrap=True)
    for each in citations:
        chunk = each.given.chunk_index
        name = "-" if chunk is None else chunk_name(audit.chunks[chunk], chunk)
        told = Text(each.verdict, _STYLES[each.verdict])
        told.append(f"  {each.reason or VERDICT_MEANINGS[each.verdict]}", _QUIET)
        table.add_row(
            Text(f"[{one_line(each.given.label)}]"),
            Text(name),
            told,
            Text("-" if each.score is None else nats(each.score)),
            Text("-" if each.states is None else f"{each.states:.2f}"),
        )
    return table


def _fault_line(audit: AnswerAudit, place: int) -> Text:
    fault = audit.faults[place]
    line = Text(f"{FAULT_NAMES[fault.kind]}: ", "bold red")
    if fault.statement_index is not None:
        line.append(f"“{statement_quote(audit, fault.statement_index)}” ", _QUIET)
    return line.append(told_fault(audit, fault))
