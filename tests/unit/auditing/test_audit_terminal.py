"""Audits in a terminal."""

from __future__ import annotations

from io import StringIO
from typing import Literal

from rich.console import Console, RenderableType

from attribot_integrations.auditing.audit_terminal import audit_view, totals_view
from attribot_integrations.auditing.auditor import audit_attribution
from attribot_integrations.auditing.totals import AuditTotals
from attribot_integrations.context.sources import Chunk
from tests.unit.auditing.hand_made import hand_made


def shown(view: RenderableType, *, colours: bool = False) -> str:
    stream = StringIO()
    system: Literal["truecolor"] | None = "truecolor" if colours else None
    console = Console(file=stream, width=100, force_terminal=colours, color_system=system)
    console.print(view)
    return stream.getvalue()


def test_the_answer_its_citations_and_faults() -> None:
    text = shown(
        audit_view(audit_attribution(hand_made("It opened [2, 1]. It shut.", {(0, 0): 5})))
    )
    assert "Q  What happened?" in text
    assert "A  It opened [2, 1]. It shut." in text
    assert "[2]  chunk 2  neither  no evidence that it is from this source  0.00" in text
    assert "[1]  chunk 1  depends  the statement depends on the source      5.00" in text
    assert "beside the point: “It opened [2, 1].” [2] is beside the point" in text
    assert "recall 0.50 of 2 statements; judged by target" in text


def test_marks_have_the_colour_of_their_worst_verdict() -> None:
    answer = "It opened [2, 1]. It opened [1]."
    text = shown(
        audit_view(audit_attribution(hand_made(answer, {(0, 0): 5, (0, 1): 5}))), colours=True
    )
    assert "\x1b[1;31m[2, 1]\x1b[0m" in text
    assert "\x1b[32m[1]\x1b[0m" in text


def test_texts_cannot_steer_the_terminal() -> None:
    chunks: list[str | Chunk] = [Chunk("A.", metadata={"title": "[red]x\x1b[2J"}), "B."]
    found = audit_attribution(hand_made("[bold]It\x1b[2J opened [1].", {(0, 0): 5}, chunks))
    text = shown(audit_view(found, question=False))
    assert "\x1b" not in text
    assert "[bold]It" in text
    assert "[red]x" in text


def test_totals() -> None:
    totals = AuditTotals.of([audit_attribution(hand_made("It opened [2].", {(0, 0): 5}))])
    text = shown(totals_view(totals))
    assert [line.split()[-1] for line in text.splitlines()] == [
        "1",
        "0",
        "1",
        "0.00",
        "0.00",
        "1",
        "0",
        "0",
        "0",
    ]
