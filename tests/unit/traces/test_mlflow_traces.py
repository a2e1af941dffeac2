"""Traces of MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.traces import read_traces
from tests.unit.traces.made import ASKED, SAMPLES, SEARCHED, check_sample, only, read

SAMPLE = SAMPLES / "mlflow-3.17.2.jsonl"


def sample_traces() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SAMPLE.read_text().splitlines()]


def test_what_its_store_gives() -> None:
    traces = read_traces(SAMPLE, "mlflow")
    assert traces.unread == ()
    by_hand, chain = traces.requests
    check_sample(by_hand, SEARCHED)
    check_sample(chain, ASKED)
    first = sample_traces()[0]["info"]["trace_id"]
    assert by_hand.id == f"{first}#f314d706d61f4d4a"  # in hexadecimal, as feedback names spans


def test_the_table_of_a_search(tmp_path: Path) -> None:
    row = {"trace_id": "x", "trace": json.dumps(sample_traces()[1]), "state": "OK"}
    check_sample(only(read(tmp_path / "table.jsonl", "mlflow", row)))


def test_the_version_before(tmp_path: Path) -> None:
    trace = sample_traces()[0]
    for number, span in enumerate(trace["data"]["spans"]):
        del span["trace_id"], span["parent_span_id"]
        span["context"] = {"trace_id": "0x1", "span_id": f"0x{number + 1}"}
        span["span_id"] = None
        span["parent_id"] = "0x1" if number else None
        span["start_time"] = span.pop("start_time_unix_nano")
        span["status_code"] = span.pop("status")["code"]
    trace["info"]["request_id"] = trace["info"].pop("trace_id")
    request = only(read(tmp_path / "old.jsonl", "mlflow", trace))
    check_sample(request, SEARCHED)
    assert request.id == f"{trace['info']['request_id']}#0000000000000001"


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        ({"info": {"trace_id": "tr-1"}}, "this is no trace of MLflow: data.spans is missing"),
        ({"trace": "[" * 9_999}, "this is no trace of MLflow: data.spans is missing"),
        ({"data": {"spans": []}}, "an id is missing: trace_id or request_id"),
        ({"info": {"trace_id": "t"}, "data": {"spans": [3]}}, "a span is no object: it is int"),
        (
            {"info": {"trace_id": "t"}, "data": {"spans": [{"span_id": "a", "attributes": []}]}},
            "attributes are no object: they are list",
        ),
    ],
)
def test_damaged_traces(tmp_path: Path, trace: dict[str, Any], message: str) -> None:
    (remark,) = read(tmp_path / "t.jsonl", "mlflow", trace).unread
    assert f"{remark.reason}: {remark.detail}" == message
