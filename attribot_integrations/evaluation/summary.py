"""Rows of many examples become means with confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attribot_integrations.evaluation.bootstrap import bootstrap_mean

__all__ = ["summarize"]

Row = Mapping[str, Any]

_MAIN = ("map", "top1", "pearson", "tokens_vs_naive", "cost_vs_naive")
"""Figures that every method has, if only as `None`."""
_KIND = (
    "map",
    "top1",
    "pearson",
    "lds",
    "gold_map",
    "sentence_precision",
    "sentence_recall",
    "sentence_f1",
    "all_gold_cited",
    "supported_with_gold",
    "supported_without_gold",
)
"""Figures that are also given for each kind of example."""


def summarize(
    rows: Sequence[Row], methods: Sequence[str], *, resamples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """Return the figures of every method over all examples.

    Each figure is the mean over the examples for which it is defined, under its name; `…_ci` is its
    95 % bootstrap interval and `…_n` the number of those examples. A figure that no example defines
    is `None`. `max_error_vs_naive` is a maximum: the largest difference in nats between a score
    marked as exact and naive leave-one-out. Under `kinds` are means over the examples of one kind.

    Args:
        rows: One for each example, see `measuring.measure`.
        methods: Names of the methods, in the order of the results.
        resamples: Samples for the intervals.
        seed: Seed of the samples.
    """
    measured = [row for row in rows if "methods" in row]
    failed = [row for row in rows if "error" in row]
    asked = [row for row in rows if "answered_right" in row]
    return {
        "n": len(measured),
        "skipped": len(rows) - len(measured) - len(failed),
        "failed": [{"id": row["id"], **row["error"]} for row in failed],
        "answered_right": sum(row["answered_right"] for row in asked),
        "without_outliers": _without_outliers(measured),
        "kinds": _by_kind(measured, methods),
        "naive": _means([row["naive"] for row in measured], resamples, seed),
        "methods": {
            name: _method([row["methods"][name] for row in measured], resamples, seed)
            for name in methods
        },
    }


def _method(values: Sequence[Mapping[str, float | None]], resamples: int, seed: int) -> Any:
    errors = [each["error_vs_naive"] for each in values if each["error_vs_naive"] is not None]
    kept = [{key: x for key, x in each.items() if key != "error_vs_naive"} for each in values]
    means = {**dict.fromkeys(_MAIN), **_means(kept, resamples, seed)}
    return means | {"max_error_vs_naive": max(errors) if errors else None}


def _means(
    values: Sequence[Mapping[str, float | None]], resamples: int, seed: int
) -> dict[str, Any]:
    names = dict.fromkeys(name for each in values for name in each)
    means: dict[str, Any] = {}
    for name in names:
        found = [value for each in values if (value := each.get(name)) is not None]
        mean = bootstrap_mean(found, resamples=resamples, seed=seed)
        means[name] = mean.value if mean else None
        means[f"{name}_ci"] = [mean.low, mean.high] if mean else None
        means[f"{name}_n"] = len(found)
    return means


def _without_outliers(rows: Sequence[Row]) -> dict[str, int]:
    """Return, for each rule, the number of examples that it finds nothing in."""
    rules = dict.fromkeys(rule for row in rows for rule in row["outliers"])
    return {rule: sum(not row["outliers"][rule] for row in rows) for rule in rules}


def _by_kind(rows: Sequence[Row], methods: Sequence[str]) -> dict[str, Any]:
    """Return the number of examples of each kind, and the main means over them alone."""
    kinds: dict[str, Any] = {}
    for kind in dict.fromkeys(row["kind"] for row in rows if row["kind"] is not None):
        own = [row for row in rows if row["kind"] == kind]
        kinds[kind] = {
            "n": len(own),
            "answered_right": sum(row["answered_right"] for row in own),
            "methods": {
                name: {key: _mean([row["methods"][name].get(key) for row in own]) for key in _KIND}
                for name in methods
            },
        }
    return kinds


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None
