"""A comparison of filters on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from attribot_integrations.render.text import one_line

__all__ = ["FILTER_LEGEND", "filter_table"]

_COLUMNS = (
    ("recall", "recall", 3),
    ("all_facts", "all facts", 3),
    ("dropped", "dropped", 3),
    ("exact_answer", "exact answer", 3),
    ("saved", "saved", 2),
    ("tokens_vs_pass", "tokens", 2),
    ("cost_vs_pass", "cost", 2),
    ("seconds_vs_pass", "time", 2),
)
"""Figure, heading and decimals; those with an interval that is worth its width are below."""
_WITH_INTERVAL = {"recall", "dropped", "exact_answer"}

FILTER_LEGEND = (
    "Recall: chunks with a needed fact that are kept; all facts: questions whose facts are all "
    "left; dropped: other chunks that are not kept. Exact answer: the target's, from what is kept. "
    "Saved: share of the context's tokens. Tokens, cost (tokens x parameters), time: one pass of "
    "the target over the full prompt is 1. [] is 95 %."
)
"""What a reader of the table must know beside it."""


def filter_table(context: Mapping[str, Any], settings: Mapping[str, Any]) -> Table:
    """Return a table with a row for each filter.

    Args:
        context: One of the results' `contexts`.
        settings: The results' `settings`.
    """
    proxy = f", proxy {settings['proxy']}" if settings["proxy"] else ""
    title = one_line(f"{context['data']}: {context['n']} questions, {settings['target']}{proxy}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    table.add_column("filter", no_wrap=True)
    for _, heading, _ in _COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, figures in context["filters"].items():
        table.add_row(Text(name), *(Text(_cell(figures, *column)) for column in _COLUMNS))
    return table


def _cell(figures: Mapping[str, Any], key: str, _: str, decimals: int) -> str:
    value = figures[key]
    if value is None:
        return "-"
    text = f"{value:.{decimals}f}"
    if key not in _WITH_INTERVAL:
        return text
    low, high = figures[f"{key}_ci"]
    return f"{text} [{low:.{decimals}f} {high:.{decimals}f}]"
