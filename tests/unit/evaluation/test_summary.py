from __future__ import annotations

import json

from attribot_integrations.evaluation.summary import summarize
from tests.unit.evaluation.rows import ROWS


def test_means_are_over_the_examples_that_define_them() -> None:
    found = summarize(ROWS, ["a", "b"])
    a = found["methods"]["a"]
    assert (a["map"], a["map_n"]) == (0.75, 2)
    assert a["map_ci"] == [0.5, 1.0]
    assert (a["gold_map"], a["gold_map_n"]) == (1.0, 1)
    assert (a["pearson"], a["pearson_n"]) == (0.5, 2)
    assert (a["cost_vs_naive"], a["cost_vs_naive_ci"]) == (0.25, [0.25, 0.25])
    assert a["max_error_vs_naive"] == 3e-6
    assert found["methods"]["b"]["max_error_vs_naive"] is None
    assert "error_vs_naive" not in a
    assert (found["n"], found["skipped"], len(found["failed"])) == (3, 1, 1)
    assert (found["answered_right"], found["without_outliers"]) == (2, {"map": 1})
    assert found["naive"]["tokens"] == 100


def test_kinds() -> None:
    kinds = summarize(ROWS, ["a", "b"])["kinds"]
    assert {kind: each["n"] for kind, each in kinds.items()} == {"even": 2, "odd": 1}
    assert kinds["even"]["methods"]["a"]["map"] == 0.5
    assert kinds["odd"]["methods"]["a"]["pearson"] is None


def test_nothing_measured() -> None:
    found = summarize([], ["a"])
    assert found["n"] == 0
    assert found["methods"]["a"]["map"] is None
    json.dumps(found, allow_nan=False)
