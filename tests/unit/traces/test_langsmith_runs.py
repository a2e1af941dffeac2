"""Runs of LangSmith."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces import read_traces
from attribot_integrations.traces.langsmith_runs import read_runs
from tests.unit.traces.made import SAMPLES, check_sample, only, read

SAMPLE = SAMPLES / "langsmith-0.15.1.jsonl"


def sample_rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SAMPLE.read_text().splitlines()]


def test_what_its_tracer_sends() -> None:
    request = only(read_traces(SAMPLE, "langsmith"))
    check_sample(request)
    root = next(row for row in sample_rows() if not row.get("parent_run_id"))
    assert request.id == f"{root['id']}#{root['id']}#{root['session_id']}"


def test_a_bulk_export(tmp_path: Path) -> None:
    """Parquet, with JSON in the columns of inputs and outputs, and times of nanoseconds."""
    rows = sample_rows()
    columns = {
        key: [row.get(key) for row in rows]
        for key in ("id", "trace_id", "parent_run_id", "run_type", "session_id", "error")
    }
    for key in ("inputs", "outputs"):
        columns[key] = [json.dumps(row[key]) for row in rows]
    table = pyarrow.table(columns)
    times = pyarrow.array([row["start_time"][:26] for row in rows])
    table = table.append_column("start_time", times.cast(pyarrow.timestamp("ns")))
    pyarrow.parquet.write_table(table, tmp_path / "runs.parquet")
    check_sample(only(read_traces(tmp_path / "runs.parquet", "langsmith")))


def test_runs_that_hold_their_children(tmp_path: Path) -> None:
    rows = sample_rows()
    by_id = {row["id"]: row for row in rows}
    for row in rows:
        if row["parent_run_id"]:
            by_id[row["parent_run_id"]].setdefault("child_runs", []).append(row)
    root = next(row for row in rows if row["id"] == row["trace_id"])
    check_sample(only(read(tmp_path / "runs.jsonl", "langsmith", root)))


def test_the_path_of_a_run_tells_its_parent() -> None:
    (span,) = read_runs({"id": "c", "dotted_order": "20260101T0Za.20260101T1Zb.20260101T2Zc"}, 1)
    assert not isinstance(span, DataFileError)
    assert (span.trace, span.parent) == ("a", "b")


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"run_type": "llm"}, "an id is missing: id or run_id"),
        ({"id": ["a"]}, "an id is no text: id is list"),
        ({"id": "a", "parent_run_id": 1.5}, "an id is no text: parent_run_id is float"),
    ],
)
def test_damaged_runs(run: dict[str, Any], message: str) -> None:
    (error,) = read_runs(run, 1)
    assert isinstance(error, DataFileError)
    assert str(error) == message


def test_a_damaged_child_leaves_the_others() -> None:
    children = [3, {"run_type": "llm"}, {"id": "b", "parent_run_id": "a", "child_runs": "x"}]
    found = list(read_runs({"id": "a", "child_runs": children}, 1))
    assert [str(one) for one in found if isinstance(one, DataFileError)] == [
        "an id is missing: id or run_id",
        "a run is no object: it is int",
    ]
    assert [one.id for one in found if not isinstance(one, DataFileError)] == ["a", "b"]


def test_strange_fields_are_no_error() -> None:
    strange = {
        "id": 7,
        "run_type": [],
        "dotted_order": 3,
        "start_time": {},
        "inputs": "{",
        "error": 0,
    }
    (span,) = read_runs(strange, 1)
    assert not isinstance(span, DataFileError)
    assert (span.id, span.trace, span.kind, span.start) == ("7", "7", "other", "")
