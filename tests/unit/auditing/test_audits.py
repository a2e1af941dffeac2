"""Precision, recall and faults of one answer."""

from __future__ import annotations

import pytest

from attribot_integrations.auditing.auditor import audit_attribution
from attribot_integrations.auditing.audits import CARRIED, AnswerAudit
from tests.unit.auditing.hand_made import hand_made

TWO = {(0, 0): 5.0, (1, 1): 5.0}


def audited(answer: str) -> AnswerAudit:
    return audit_attribution(hand_made(answer, TWO))


@pytest.mark.parametrize(
    ("answer", "precision", "recall", "f1"),
    [
        ("It opened [1]. It shut [2].", 1, 1, 1),
        ("It opened [1]. It shut.", 1, 0.5, 2 / 3),
        ("It opened [1][4]. It shut [2].", 2 / 3, 1, 0.8),
        ("It opened [2]. It shut [2].", 0.5, 0.5, 0.5),
        ("It opened [2]. It shut [1].", 0, 0, 0),
        ("It opened. It shut.", None, 0, 0),
    ],
)
def test_figures(answer: str, precision: float | None, recall: float, f1: float) -> None:
    found = audited(answer)
    assert found.precision == (None if precision is None else pytest.approx(precision))
    assert found.recall == pytest.approx(recall)
    assert found.f1 == pytest.approx(f1)


def test_a_right_citation_of_a_statement_that_lacks_another_does_not_count() -> None:
    found = audit_attribution(hand_made("It opened [1].", {(0, 0): 5, (1, 0): 4}))
    assert (found.precision, found.recall) == (0, 0)


def test_faults_stand_in_the_order_of_statements() -> None:
    found = audited("It opened [2][4]. It shut.")
    assert [
        (each.kind, each.statement_index, each.citation, each.chunk) for each in found.faults
    ] == [
        ("wrong_number", 0, 0, 0),
        ("beside_the_point", 0, 1, None),
        ("missing", 1, None, 1),
    ]
    (fault, *_) = audited("It opened [9]. It shut [2].").faults
    assert (fault.kind, fault.chunk) == ("out_of_range", 0)


def test_nothing_to_judge_has_no_figures() -> None:
    found = audit_attribution(hand_made("It opened [1].", {}, labels={0: "parametric"}))
    assert (found.precision, found.recall, found.f1) == (None, None, None)
    assert found.faults == ()


def test_verdicts_that_are_right() -> None:
    assert {"neither", "unresolved", "unknown"}.isdisjoint(CARRIED)


def test_an_audit_shows_itself() -> None:
    found = audited("It opened [2]. It shut [2].")
    assert str(found).startswith("It opened [2]. It shut [2].")
    assert found.rewrite() == "It opened [1]. It shut [2]."
    assert found.to_html().startswith("<!DOCTYPE html>")
    assert AnswerAudit.from_dict(found.to_dict()) == found
