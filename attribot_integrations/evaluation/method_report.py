"""Results of an evaluation of methods on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from attribot_integrations.evaluation.figure_table import Column, figure_table, table_title
from attribot_integrations.render.text import one_line

__all__ = ["notes", "results_table"]

Results = Mapping[str, Any]

_COLUMNS = (
    Column("map", "mAP", 2, with_interval=True),
    Column("top1", "top-1", 2, with_interval=True),
    Column("pearson", "Pearson", 2),
    Column("lds", "LDS", 2),
    Column("drop_1", "drop@1", 1),
    Column("gold_map", "gold mAP", 2),
    Column("sentence_f1", "cited F1", 2),
    Column("tokens_vs_naive", "tokens", 3),
    Column("cost_vs_naive", "cost", 3),
    Column("seconds_vs_naive", "time", 3),
)

_LEGEND = (
    "mAP, top-1, Pearson: against exact leave-one-out on the target (mAP: sources above mean + "
    "2 standard deviations). LDS, drop@1: against ablations. Gold: against marked evidence. "
    "Tokens, cost (tokens x parameters), time: naive leave-one-out is 1. [] is 95 %."
)


def results_table(results: Results) -> Table:
    """Return a table with a row for each method, and the columns that the data has figures for."""
    methods: Mapping[str, Mapping[str, Any]] = results["methods"]
    shown = [
        column
        for column in _COLUMNS
        if any(figures.get(column.figure) is not None for figures in methods.values())
    ]
    settings = results["settings"]
    title = table_title(settings["data"], f"{results['n']} examples", settings)
    return figure_table(title, "method", shown, methods)


def notes(results: Results) -> list[str]:
    """Return what a reader of the table must know beside it."""
    lines = [_LEGEND]
    rows = results["n"] + results["skipped"]
    if rows:
        line = f"The target's own greedy answer is the one scored in {results['answered_right']} of"
        line += f" {rows} examples"
        lines.append(
            line
            + (f"; the {results['skipped']} others are left out." if results["skipped"] else ".")
        )
    bare = results["without_outliers"].get("map", 0)
    if bare:
        least = results["settings"]["min_score"]
        lines.append(
            f"Examples in which no outlier's exact score reaches {least:g} nats: {bare}. There is "
            "nothing to find, and they do not count in mAP (nor in top-1, where no source reaches "
            "it)."
        )
    errors = [
        each["max_error_vs_naive"]
        for each in results["methods"].values()
        if each["max_error_vs_naive"] is not None
    ]
    if errors:
        lines.append(
            f"Scores marked exact differ from naive ones by {max(errors):.1e} nats at most."
        )
    if results["failed"]:
        first = results["failed"][0]
        problem = one_line(f"{first['id']}: {first['type']}: {first['message']}")
        lines.append(
            f"{len(results['failed'])} examples could not be attributed; the first: {problem}"
        )
    return lines
