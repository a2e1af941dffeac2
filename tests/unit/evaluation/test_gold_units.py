from __future__ import annotations

import numpy as np
import pytest

from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.gold_units import (
    GoldUnit,
    citation_figures,
    gold_units,
    ranking_figures,
)
from attribot_integrations.evaluation.recordings import Recorded, Recorder, VariantPlan
from attribot_integrations.methods import LeaveOneOut
from tests.unit.evaluation.data import write_data
from tests.unit.evaluation.tiny import tiny_engine


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Recorded]:
    folder = tmp_path_factory.mktemp("gold")
    data = read_set(write_data(folder / "data.jsonl"))
    recorder = Recorder(tiny_engine(), data, LeaveOneOut(), VariantPlan(1))
    recorder.run(folder / "out")
    return list(recorder.read(folder / "out"))


@pytest.fixture
def units(recorded: list[Recorded]) -> list[GoldUnit]:
    return [unit for each in recorded for unit in gold_units(each, each.attribution)]


def test_statements_with_evidence_of_their_own_are_units(units: list[GoldUnit]) -> None:
    assert [(each.text, sorted(each.sentences)) for each in units] == [
        ("Vela Sarn likes tea since 1962.", [(0, 0)]),
        ("Hob Tarn built it.", [(0, 1)]),
        ("It has stood since 1871.", [(0, 2)]),
    ]
    assert [each.statements for each in units] == [(0,), (0,), (1,)]
    first = units[0]
    assert first.places == ((0, 0), (0, 1), (1, 0))
    np.testing.assert_array_equal(first.scores, first.attribution.source_scores)
    assert first.cited <= set(first.places)


def test_rankings(units: list[GoldUnit]) -> None:
    assert ranking_figures(units[0], np.array([3, 2, 1], np.float32)) == {
        "gold_map": 1.0,
        "chunk_map": 1.0,
    }
    assert ranking_figures(units[0], np.array([1, 3, 2], np.float32)) == {
        "gold_map": 1 / 3,
        "chunk_map": 1.0,  # the sentence beside it lifts its chunk
    }
    assert ranking_figures(units[1], np.array([3, 2, 1], np.float32)) == {
        "gold_map": 0.5,
        "chunk_map": None,  # one chunk is no ranking
    }


def test_citations(units: list[GoldUnit]) -> None:
    assert citation_figures(units[0], {(0, 0), (1, 0)}) == {
        "sentence_precision": 0.5,
        "sentence_recall": 1.0,
        "sentence_f1": pytest.approx(2 / 3),
        "chunk_precision": 0.5,
        "chunk_recall": 1.0,
        "chunk_f1": pytest.approx(2 / 3),
    }
    assert citation_figures(units[0], ())["sentence_f1"] == 0
