"""Tables of figures."""

from __future__ import annotations

from rich.console import Console

from attribot_integrations.evaluation.figure_table import Column, figure_table, table_title


def test_cells() -> None:
    figures = {"a": 0.125, "a_ci": [0.1, 0.25], "b": None}
    assert Column("a", "A", 2).cell(figures) == "0.12"
    assert Column("a", "A", 3, with_interval=True).cell(figures) == "0.125 [0.100 0.250]"
    assert Column("b", "B", 2, with_interval=True).cell(figures) == "-"
    assert Column("c", "C", 2).cell(figures) == "-"


def test_names_of_rows_are_no_markup() -> None:
    table = figure_table("T", "method", [Column("a", "A", 1)], {"[red]x": {"a": 1.0}})
    console = Console(width=60)
    with console.capture() as capture:
        console.print(table)
    lines = capture.get().split()
    assert lines[:3] == ["T", "method", "A"]
    assert lines[-2:] == ["[red]x", "1.0"]


def test_titles_are_one_line() -> None:
    settings = {"target": "a\nb", "proxy": None}
    assert table_title("data", "3 examples", settings) == "data: 3 examples, a b"
    assert table_title("data", "1 question", {"target": "t", "proxy": "p"}).endswith("t, proxy p")
