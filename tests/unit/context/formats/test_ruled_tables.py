"""Tables with rules and bars."""

from __future__ import annotations

import pytest

from attribot_integrations.context.formats.lines import line_spans
from attribot_integrations.context.formats.ruled_tables import (
    aligned_table,
    bar_rows,
    ruled_table,
)
from tests.unit.context.formats.dividing import kinds, parts


def test_tables_with_rules() -> None:
    text = " id | name\n----+-----\n  1 | Bo\n  2 | Al\n(2 rows)"
    found = kinds(text, ruled_table(text, line_spans(text, 0, len(text))))
    assert found == [
        ("frame", "id | name\n----+-----\n  "),
        *(("part", "1 | Bo"), ("part", "2 | Al")),
        ("frame", "\n(2 rows)"),
    ]
    for other in (
        "a | b\n--+--",
        "----\n a\n----\n b",
        "a\nb\n--+--",
        "a | b\n--+--\nx",
        "text\n---",
    ):
        assert ruled_table(other, line_spans(other, 0, len(other))) is None


GRID = "+---+---+\n| a | b |\n+===+===+\n| 1 | x |\n|   | y |\n+---+---+\n| 2 | z |\n+---+---+"


@pytest.mark.parametrize(
    ("text", "frame", "expected"),
    [
        (
            "It rains:\n| a | b |\n|:--|---|\n| 1 | 2 |\n| 3 | 4 |\n- other",
            "| a | b |\n|:--|---|\n",
            ["| 1 | 2 |", "| 3 | 4 |"],
        ),
        (GRID, GRID[:30], ["| 1 | x |\n|   | y |", "| 2 | z |"]),
        ("=== ===\na   b\n=== ===\n1   x\n2   y\n=== ===", "=== ===\na   b\n=== ===\n", None),
        ("name  size\n----  ----\n1     x\n2     y", "name  size\n----  ----\n", None),
        ("|---|---|\n| 1 | 2 |\n| 3 | 4 |", "|---|---|\n", ["| 1 | 2 |", "| 3 | 4 |"]),
        ("+---+\n| a |\n+---+\n| 1 |\n| 2 |\n+---+", "+---+\n| a |\n+---+\n", ["| 1 |", "| 2 |"]),
    ],
)
def test_a_header_is_what_stands_at_the_rule(
    text: str, frame: str, expected: list[str] | None
) -> None:
    found = kinds(text, ruled_table(text, line_spans(text, 0, len(text))))
    rows = [each for kind, each in found if kind == "part"]
    assert found[0] == ("frame", frame)
    assert [" ".join(row.split()) for row in rows] == ["1 x", "2 y"] or rows == expected
    assert all("-" not in each and "=" not in each for each in rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name  size\n0  North  900\n1  South  450", ["0  North  900", "1  South  450"]),
        ("name   size\nNorth  900\nSouth  450", ["North  900", "South  450"]),
        ("name  size\nNorth  900", []),
        ("name  size\nNorth  long\nSouth  short", []),
        ("It rains.  It is wet.\nSo  it\ngoes  on", []),
        ("1  2\n3  4\n5  6", []),
        ("name  size\nNorth  900\nSouth", []),
    ],
)
def test_columns_that_spaces_set_apart(text: str, expected: list[str]) -> None:
    assert parts(text, aligned_table(text, line_spans(text, 0, len(text)))) == expected


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("| 1 | 2 |\n| 3 | 4 |", True),
        ("rth | 9 |\n| South | 4 |\n| Ea", True),
        ("| a \\| b | 2 |\n| 3 | 4 |", True),
        ("| 1 |\n| 2 |\n| 3 |", True),
        ("| 9 |\n| South | 4 |\n| East | 3 |\n| We", True),
        ("h | 9 |\n| South | 4 |", True),
        ("| 1 | 2 |\n| 3 | 4 |\n| 5 |", True),
        ("| 1 |\n| 2 |", False),
        ("| 9 |\n| South | 4 |\n|", False),
        ("| 1 | 2 |", False),
        ("| 1 | 2 |\n| 3 | 4 | 5 |", False),
        ("| 1 | 2 |\ntext", False),
        ("rth | 9 |\n| Ea", False),
        ("|-|-|\n| 1 | 2 |\n| 3 | 4 |", False),
    ],
)
def test_rows_behind_a_cut(text: str, rows: bool) -> None:
    found = bar_rows(text, line_spans(text, 0, len(text)))
    assert parts(text, found) == (text.splitlines() if rows else [])
