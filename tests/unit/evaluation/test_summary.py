from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from attribot_integrations.evaluation.fidelity_plots import Point, pareto_front, plot_fidelity
from attribot_integrations.evaluation.method_report import notes, results_table
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.evaluation.summary import summarize


def row(number: int, **figures: float | None) -> dict[str, Any]:
    values: dict[str, float | None] = {
        "map": 1.0,
        "top1": 1.0,
        "pearson": 0.5,
        "tokens_vs_naive": 0.5,
        "cost_vs_naive": 0.25,
        "error_vs_naive": None,
    }
    return {
        "index": number,
        "id": f"e{number}",
        "kind": "odd" if number % 2 else "even",
        "answered_right": number < 2,
        "outliers": {"map": 0 if figures.get("map", 1) is None else 1},
        "naive": {"tokens": 100, "passes": 5, "seconds": 0.5},
        "methods": {"a": {**values, **figures}, "b": dict(values)},
    }


ROWS = [
    row(0, map=0.5, error_vs_naive=1e-6, gold_map=1.0),
    row(1, map=1.0, error_vs_naive=3e-6, pearson=None),
    row(2, map=None),
    {"index": 3, "id": "e3", "answered_right": False},
    {"index": 4, "id": "e4", "error": {"type": "PromptTooLongError", "message": "too\x1blong"}},
]


def results(rows: list[dict[str, Any]]) -> dict[str, Any]:
    settings = {"data": "d.jsonl", "target": "T", "proxy": None, "min_score": 1.0}
    return {"schema": 1, "settings": settings, **summarize(rows, ["a", "b"])}


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


def test_table_and_notes() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(results_table(results(ROWS)))
    shown = capture.get()
    assert "d.jsonl: 3 examples, T" in shown
    assert "0.75 [0.50 1.00]" in shown
    assert "gold mAP" in shown
    assert "LDS" not in shown  # no figures, no column
    text = "\n".join(notes(results(ROWS)))
    assert "in 2 of 4 examples; the 1 others are left out." in text
    assert "no outlier's exact score reaches 1 nats: 1. There" in text
    assert "3.0e-06 nats" in text
    assert "e4: PromptTooLongError: too long" in text


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_results({"x": float("nan")}, path)
    assert path.read_text() == "old"
    write_results(results(ROWS), path)
    assert json.loads(path.read_text())["schema"] == 1
    assert [each.name for each in tmp_path.iterdir()] == ["results.json"]


def test_pareto_front() -> None:
    def point(name: str, cost: float, fidelity: float) -> Point:
        return Point(name, cost, fidelity, fidelity, fidelity)

    points = [
        point("dear and best", 1.0, 0.9),
        point("free", 0.0, 0.2),
        point("cheap", 0.1, 0.7),
        point("cheap too", 0.1, 0.7),
        point("beaten on both", 0.5, 0.6),
        point("as good, dearer", 0.2, 0.7),
        point("as cheap, worse", 0.1, 0.6),
    ]
    names = [each.name for each in pareto_front(points)]
    assert names == ["free", "cheap", "cheap too", "dear and best"]
    assert pareto_front([]) == []


def test_plot(tmp_path: Path) -> None:
    rows = [row(0, cost_vs_naive=0.0), row(1, cost_vs_naive=0.0)]
    plot_fidelity(results(rows), tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    plot_fidelity(results([]), tmp_path / "empty.png")
    assert (tmp_path / "empty.png").exists()
