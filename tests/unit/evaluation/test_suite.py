from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.evaluation.recordings import VariantPlan
from attribot_integrations.evaluation.suite import Suite, SuitePart, read_suite
from attribot_integrations.evaluation.suite_dependence import DependenceOptions
from attribot_integrations.evaluation.text_scorers import StringFirst
from attribot_integrations.methods import Knockout, LeaveOneOut, Method
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.results.policies import CiteDependence
from attribot_integrations.verifying import LexicalVerifier
from tests.unit.evaluation.data import ROWS, write_data
from tests.unit.evaluation.tiny import tiny_engine

METHODS: Mapping[str, Method] = {"knockout": Knockout(), "exact": LeaveOneOut()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suite")
    (folder / "data").mkdir()
    write_data(folder / "data" / "b.jsonl")
    write_data(folder / "data" / "a.jsonl", ROWS[:1])
    return folder


@pytest.fixture(scope="module")
def suite(folder: Path) -> Suite:
    suite = Suite(
        tiny_engine(),
        [SuitePart(data, METHODS, VariantPlan(1)) for data in read_suite(folder / "data")],
        {"string": StringFirst()},
        DependenceOptions(1, ablations=4),
    )
    suite.record(folder / "out")
    return suite


def test_every_set_and_all_of_them_have_figures(suite: Suite, folder: Path) -> None:
    results = suite.judge(folder / "out")
    assert list(results["sets"]) == ["a.jsonl", "b.jsonl"]
    assert results["settings"]["verifier"] == LexicalVerifier().name
    one, both = results["sets"]["a.jsonl"], results["all"]
    assert list(one["methods"]) == ["knockout", "exact"]
    assert one["examples"] == {"knockout": 1, "exact": 1}
    assert one["failed"] == {"knockout": [], "exact": []}
    assert one["methods"]["exact"]["gold_map_n"] == 1
    assert both["methods"]["exact"]["gold_map_n"] == 4
    assert both["scorers"]["string"]["gold_map"] == 1.0
    assert both["methods"]["exact"]["supported_right_n"] == 5
    # Knockout is compared with exact scores, and those with nothing.
    assert -1 <= both["methods"]["knockout"]["pearson"] <= 1
    assert "pearson" not in both["methods"]["exact"]
    assert 0 < both["methods"]["knockout"]["tokens_vs_naive"] < 2
    # One answer of each set is ablated by what each ranks highest.
    for figures in (both["methods"]["exact"], both["scorers"]["string"]):
        assert figures["drop_1_n"] == 2
    json.dumps(results, allow_nan=False)


def test_scorers_of_all_sets_are_counted_whatever_method_is_first(
    suite: Suite, folder: Path
) -> None:
    a, b = suite.parts
    mixed = replace(
        suite,
        parts=[
            replace(a, methods={"knockout": Knockout()}),
            replace(b, methods={"exact": LeaveOneOut()}),
        ],
        ablated=DependenceOptions(),
    )
    results = mixed.judge(folder / "out")
    counts = [part["scorers"]["string"]["gold_map_n"] for part in results["sets"].values()]
    assert results["all"]["scorers"]["string"]["gold_map_n"] == sum(counts) == 4


def test_judging_again_with_another_policy(suite: Suite, folder: Path) -> None:
    def recall(threshold: float) -> float:
        options = EngineOptions(
            policy=CiteDependence(threshold, max_citations=9), alternatives=None
        )
        figures = suite.judge(folder / "out", options)["all"]["methods"]["exact"]
        found = figures["sentence_recall"]
        assert isinstance(found, float)
        return found

    assert recall(1e6) == 0
    assert recall(1e-9) > 0


def test_nothing_is_run_twice(suite: Suite, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite.engine, "attribute_request", None)
    told: list[tuple[str, int, int]] = []
    suite.record(folder / "out", progress=lambda *each: told.append(each))
    assert told == [
        ("a.jsonl, knockout", 1, 1),
        ("a.jsonl, exact", 1, 1),
        ("a.jsonl, ablated", 1, 1),
        ("b.jsonl, knockout", 3, 3),
        ("b.jsonl, exact", 3, 3),
        ("b.jsonl, ablated", 1, 1),
    ]


def test_what_is_no_suite(suite: Suite, tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"holds no \.jsonl file"):
        read_suite(tmp_path)
    with pytest.raises(ConfigurationError, match="sets of a suite need names of their own"):
        replace(suite, parts=(*suite.parts, suite.parts[0]))
    with pytest.raises(ConfigurationError, match="there is none for any"):
        replace(suite, parts=())
    with pytest.raises(ConfigurationError, match=r"there is none for \['a.jsonl'\]"):
        replace(suite, parts=[replace(suite.parts[0], methods={})])
