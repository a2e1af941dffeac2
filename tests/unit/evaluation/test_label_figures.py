from __future__ import annotations

from pathlib import Path

import pytest

from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.label_figures import (
    JudgedStatement,
    judged_statements,
    known_support,
    label_figures,
)
from attribot_integrations.evaluation.recordings import Recorder, VariantPlan
from attribot_integrations.methods import LeaveOneOut
from attribot_integrations.results.support import Support, SupportLabel
from tests.unit.evaluation.data import write_data
from tests.unit.evaluation.tiny import tiny_engine


def judged(
    supported: bool, label: SupportLabel, probability: float | None = None
) -> JudgedStatement:
    support = Support(0, label, -1.0, -2.0, probability)
    return JudgedStatement("answer" if supported else "other", supported, support)


def test_what_is_known(tmp_path: Path) -> None:
    data = read_set(write_data(tmp_path / "data.jsonl"))
    recorder = Recorder(tiny_engine(), data, LeaveOneOut(), VariantPlan(3))
    recorder.run(tmp_path / "out")
    known = {
        (each.variant.example.id, each.variant.kind): list(known_support(each))
        for each in recorder.read(tmp_path / "out")
    }
    assert known["tea", "answer"] == [(0, True)]
    assert known["mill", "answer"] == [(0, True), (1, True)]
    assert known["ferry", "answer"] == [(0, True), (1, False)]  # what an expert says
    assert known["mill", "removed"] == [(0, False), (1, False)]
    # Of an exchange, only the statement in which it stands is known.
    assert len(known["mill", "exchanged"]) == 1
    first = next(recorder.read(tmp_path / "out"))
    (statement,) = judged_statements(first, first.attribution)
    assert statement.support == first.attribution.support[0]


def test_shares_and_probabilities() -> None:
    figures = label_figures(
        [
            judged(True, "supported", 0.9),
            judged(True, "unsupported", 0.4),
            judged(False, "uncertain", 0.3),
            judged(False, "supported", 0.6),
        ]
    )
    assert figures["supported_right"] == 0.5
    assert figures["supported_right_n"] == 2
    assert figures["unsupported_right"] == 0.5
    assert figures["accuracy"] == 0.5
    assert figures["auroc"] == 0.75
    # Each probability is in a bin of its own.
    assert figures["calibration_error"] == pytest.approx((0.1 + 0.6 + 0.3 + 0.6) / 4)
    assert figures["confusion"] == {
        "answer": {"supported": 1, "unsupported": 1},
        "other": {"uncertain": 1, "supported": 1},
    }


def test_nothing_to_judge() -> None:
    figures = label_figures([])
    assert figures["supported_right"] is None
    assert figures["accuracy"] is None
    assert figures["auroc"] is None


def test_labels_without_probabilities() -> None:
    figures = label_figures([judged(True, "supported"), judged(False, "unknown")])
    assert (figures["accuracy"], figures["auroc"], figures["calibration_error"]) == (1, None, None)
