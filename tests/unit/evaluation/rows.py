"""Rows of an evaluation, made by hand."""

from __future__ import annotations

from typing import Any

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
