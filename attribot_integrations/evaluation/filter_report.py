"""A comparison of filters on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from attribot_integrations.evaluation.figure_table import Column, figure_table, table_title

__all__ = ["FILTER_LEGEND", "filter_table"]

_COLUMNS = (
    Column("recall", "recall", 3, with_interval=True),
    Column("all_facts", "all facts", 3),
    Column("dropped", "dropped", 3, with_interval=True),
    Column("exact_answer", "exact answer", 3, with_interval=True),
    Column("saved", "saved", 2),
    Column("tokens_vs_pass", "tokens", 2),
    Column("cost_vs_pass", "cost", 2),
    Column("seconds_vs_pass", "time", 2),
)

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
    title = table_title(context["data"], f"{context['n']} questions", settings)
    return figure_table(title, "filter", _COLUMNS, context["filters"])
