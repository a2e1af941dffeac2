"""Spans of Phoenix."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from attribot_integrations.traces import read_traces
from tests.unit.traces.made import SAMPLES, check_sample, only, read

SPANS = SAMPLES / "phoenix-20.26.1.json"
TABLE = SAMPLES / "phoenix-20.26.1.parquet"


@pytest.mark.parametrize("path", [SPANS, TABLE], ids=["spans", "table"])
def test_what_a_server_gives(path: Path) -> None:
    request = only(read_traces(path, "phoenix"))
    check_sample(request)
    (root,) = [span for span in json.loads(SPANS.read_text()) if span["parent_id"] is None]
    assert request.id == f"{root['context']['trace_id']}#{root['context']['span_id']}"


def test_a_table_as_json(tmp_path: Path) -> None:
    rows = pyarrow.parquet.read_table(TABLE).drop_columns(["start_time", "end_time"]).to_pylist()
    order = [row for row in rows if row["span_kind"] == "RETRIEVER"]
    order += [row for row in rows if row not in order]
    check_sample(only(read(tmp_path / "table.jsonl", "phoenix", *order)))


def test_damaged_spans(tmp_path: Path) -> None:
    context = {"trace_id": "t", "span_id": "s"}
    traces = read(
        tmp_path / "spans.jsonl",
        "phoenix",
        {"context": context, "attributes": [1]},
        {"context": {"trace_id": "t"}, "attributes": {}},
        {"context": context, "attributes": {}, "parent_id": []},
    )
    assert [f"{one.reason}: {one.detail}" for one in traces.unread] == [
        "attributes are no object: they are list",
        "an id is missing: span_id or context.span_id",
        "an id is no text: parent_id is list",
    ]
