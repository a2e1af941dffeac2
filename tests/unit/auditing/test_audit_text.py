"""Audits in words."""

from __future__ import annotations

from typing import get_args

from attribot_integrations.auditing.audit_text import (
    FAULT_NAMES,
    VERDICT_MEANINGS,
    audit_text,
    figures_line,
    judges_line,
    statement_quote,
    told_fault,
)
from attribot_integrations.auditing.auditor import audit_attribution
from attribot_integrations.auditing.audits import FaultKind, Verdict
from tests.unit.auditing.hand_made import hand_made


def test_every_verdict_and_fault_has_words() -> None:
    assert {*VERDICT_MEANINGS} == {*get_args(Verdict)}
    assert {*FAULT_NAMES} == {*get_args(FaultKind)}


def test_faults_are_told() -> None:
    answer = "It opened [2][4]. It shut. It shut [9]. It shut [9]."
    found = audit_attribution(hand_made(answer, {(0, 0): 5, (1, 1): 5, (1, 2): 5}))
    assert [told_fault(found, fault) for fault in found.faults] == [
        "[2] is the wrong one: the text is in [1] (chunk 1)",
        "[4] is beside the point: no evidence that this is from it",
        "no citation of [2] (chunk 2), which it rests on",
        "[9] names no source that there is: the text is in [2] (chunk 2)",
        "[9] names no source that there is",
    ]


def test_all_of_it_is_plain_text() -> None:
    found = audit_attribution(hand_made("It opened\x1b[31m [2].", {(0, 0): 5}))
    text = audit_text(found)
    assert "\x1b" not in text
    assert "“It opened [31m [2].”: [2] is the wrong one" in text
    assert "citation precision 0.00 of 1, recall 0.00 of 1 statements; judged by target" in text
    assert "Only dependence was judged" in text


def test_no_fault_and_what_is_unknown_are_said() -> None:
    found = audit_attribution(hand_made("It opened [2].", {}, labels={0: "parametric"}))
    assert "- no fault found\n- 1 of 1 citations could not be judged" in audit_text(found)
    assert figures_line(found) == "citation precision - of 0, recall - of 0 statements"


def test_judges_are_named() -> None:
    found = audit_attribution(hand_made("It opened [2].", {}, stated={}))
    assert judges_line(found) == "judged by target, statements by by hand"


def test_long_statements_are_cut() -> None:
    found = audit_attribution(hand_made(f"It {'really ' * 30}opened.", {}))
    assert statement_quote(found, 0) == f"It {'really ' * 30}"[:70] + "…"
    assert statement_quote(found, 7) == ""
