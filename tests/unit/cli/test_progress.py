"""The bar of rows: how fast, and where."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from attribot_integrations.cli.progress import INTERRUPTED, rows_progress


def rate(speed: float | None, finished: float | None = None) -> str:
    column: Any = rows_progress(Console(file=io.StringIO())).columns[3]
    return str(column.render(SimpleNamespace(speed=speed, finished_speed=finished)))


@pytest.mark.parametrize(
    ("speed", "shown"),
    [(None, ""), (12.34, "12.3/s"), (1.0, "1.0/s"), (0.5, "30.0/min"), (0.01, "0.6/min")],
)
def test_slow_rows_are_counted_by_the_minute(speed: float | None, shown: str) -> None:
    assert rate(speed) == shown


def test_once_it_is_done_the_whole_counts() -> None:
    assert rate(9.0, finished=2.0) == "2.0/s"


def test_it_is_drawn_where_it_is_told_to() -> None:
    out = io.StringIO()
    with rows_progress(Console(file=out, force_terminal=True, width=80)) as progress:
        progress.update(progress.add_task("attributing", total=4), completed=4)
    assert "attributing" in out.getvalue()
    assert "4/4" in out.getvalue()


def test_it_can_be_left_out() -> None:
    out = io.StringIO()
    with rows_progress(Console(file=out, force_terminal=True), shown=False) as progress:
        progress.update(progress.add_task("attributing", total=4), completed=4)
    assert out.getvalue() == ""


def test_an_interrupt_is_told_as_shells_do() -> None:
    assert INTERRUPTED == 128 + 2
