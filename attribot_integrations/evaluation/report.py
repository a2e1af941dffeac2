"""Results of an evaluation on a terminal, and on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from attribot_integrations.render.text import one_line

__all__ = ["notes", "results_table", "write_results"]

Results = Mapping[str, Any]

_COLUMNS = (
    ("map", "mAP", 2),
    ("top1", "top-1", 2),
    ("pearson", "Pearson", 2),
    ("lds", "LDS", 2),
    ("drop_1", "drop@1", 1),
    ("gold_map", "gold mAP", 2),
    ("sentence_f1", "cited F1", 2),
    ("tokens_vs_naive", "tokens", 3),
    ("cost_vs_naive", "cost", 3),
    ("seconds_vs_naive", "time", 3),
)
"""Figure, heading and decimals; those with an interval that is worth its width are below."""
_WITH_INTERVAL = {"map", "top1"}

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
        if any(figures.get(column[0]) is not None for figures in methods.values())
    ]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=_title(results), title_justify="left")
    table.add_column("method", no_wrap=True)
    for _, heading, _ in shown:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, figures in methods.items():
        cells = [_cell(figures, key, decimals) for key, _, decimals in shown]
        table.add_row(Text(name), *map(Text, cells))
    return table


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


def write_results(results: Results, path: Path) -> None:
    """Write results as JSON; a file that is there is replaced at once or not at all."""
    text = json.dumps(results, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)


def _title(results: Results) -> str:
    settings = results["settings"]
    proxy = f", proxy {settings['proxy']}" if settings["proxy"] else ""
    return one_line(f"{settings['data']}: {results['n']} examples, {settings['target']}{proxy}")


def _cell(figures: Mapping[str, Any], key: str, decimals: int) -> str:
    value = figures.get(key)
    if value is None:
        return "-"
    text = f"{value:.{decimals}f}"
    if key not in _WITH_INTERVAL:
        return text
    low, high = figures[f"{key}_ci"]
    return f"{text} [{low:.{decimals}f} {high:.{decimals}f}]"
