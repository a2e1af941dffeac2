"""Figures over many audits."""

from __future__ import annotations

import json

import pytest

from attribot_integrations.auditing.auditor import audit_attribution
from attribot_integrations.auditing.totals import AuditTotals
from tests.unit.auditing.hand_made import hand_made

TWO = {(0, 0): 5.0, (1, 1): 5.0}


def totals(*answers: str) -> AuditTotals:
    return AuditTotals.of(audit_attribution(hand_made(answer, TWO)) for answer in answers)


def test_means_are_over_answers() -> None:
    found = totals("It opened [1]. It shut [2].", "It opened [4]. It shut.", "It opened. It shut.")
    assert (found.answers, found.citations, found.faultless) == (3, 3, 1)
    assert found.precision == pytest.approx(0.5)
    assert found.recall == pytest.approx(1 / 3)
    assert found.verdicts == {"depends": 2, "neither": 1}
    assert found.faults == {
        "wrong_number": 1,
        "beside_the_point": 0,
        "missing": 3,
        "out_of_range": 0,
    }
    assert json.loads(json.dumps(found.to_dict()))["faultless"] == 1


@pytest.mark.parametrize(
    ("answer", "least", "reached"),
    [
        ("It opened [1]. It shut [2].", 1.0, True),
        ("It opened [1]. It shut.", 0.5, True),
        ("It opened [1]. It shut.", 0.6, False),
        ("It opened [1][4]. It shut [2].", 0.8, False),
    ],
)
def test_both_figures_have_to_reach_a_bar(answer: str, least: float, reached: bool) -> None:
    assert totals(answer).reaches(least) is reached


def test_nothing_judged_is_not_low() -> None:
    found = AuditTotals.of([audit_attribution(hand_made("A [1].", {}, labels={0: "parametric"}))])
    assert found.reaches(1.0)
    assert found.rows()[-1] == ("could not be judged", "1")
    empty = AuditTotals.of([])
    assert (empty.answers, empty.precision, empty.reaches(1.0)) == (0, None, True)
