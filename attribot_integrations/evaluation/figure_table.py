"""Figures of what is compared, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from attribot_integrations.render.text import one_line

__all__ = ["Column", "figure_table", "table_title"]


@dataclass(frozen=True)
class Column:
    """One figure of every row."""

    figure: str
    """Its name in the results."""
    heading: str
    decimals: int
    with_interval: bool = False
    """Whether its interval, `…_ci`, is worth the width."""

    def cell(self, figures: Mapping[str, Any]) -> str:
        """Return the figure as text, "-" where it is not defined."""
        value = figures.get(self.figure)
        if value is None:
            return "-"
        text = f"{value:.{self.decimals}f}"
        if not self.with_interval:
            return text
        low, high = figures[f"{self.figure}_ci"]
        return f"{text} [{low:.{self.decimals}f} {high:.{self.decimals}f}]"


def figure_table(
    title: str, first: str, columns: Sequence[Column], rows: Mapping[str, Mapping[str, Any]]
) -> Table:
    """Return a table of figures.

    Args:
        title: What stands above it.
        first: Heading of the first column, which names the rows.
        columns: The others.
        rows: The figures by the row's name.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True)
    for name, figures in rows.items():
        table.add_row(Text(name), *(Text(column.cell(figures)) for column in columns))
    return table


def table_title(data: str, counted: str, settings: Mapping[str, Any]) -> str:
    """Return one line on what was measured: the data, how much of it, and the models.

    Args:
        data: What the examples are.
        counted: How many there are, such as "60 examples".
        settings: The results' `settings`.
    """
    proxy = f", proxy {settings['proxy']}" if settings["proxy"] else ""
    return one_line(f"{data}: {counted}, {settings['target']}{proxy}")
