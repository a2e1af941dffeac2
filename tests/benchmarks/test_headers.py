"""Rows with and without their headers, on a few rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.table_facts import TABLES, asked_of
from tests.unit.evaluation.data import ROWS, write_data


def test_what_is_asked_has_one_right_answer() -> None:
    for table in TABLES.values():
        assert all(len(row) == len(table.header) for row in table.rows)
        asked = list(asked_of(table))
        assert len(asked) == len(table.rows) * len(table.said)
        assert all(each.right != each.wrong for each in asked)
        assert len({each.question for each in asked}) == len(asked)


def test_headers_help_the_right_row_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.headers.TABLES", {"canals": TABLES["canals"]})
    write_data(tmp_path / "squad2_dev.jsonl", ROWS)
    result = CliRunner().invoke(app, ["headers", "--data", str(tmp_path), "--rows", "1"])
    assert result.exit_code == 0, result.output
    (row,) = (line for line in result.output.splitlines() if "Markdown, among prose: right" in line)
    _, cases, first, states, _, others, _ = re.split(r"\s*│\s*", row.strip("│ "))
    assert (cases, others) == ("18", "0 → 0")
    counts = [[*map(int, pair.split(" → "))] for pair in (first, states)]
    assert counts[0][0] <= counts[0][1]
    assert counts[1][0] < counts[1][1]
    assert "SQuAD, JSON" in result.output
