"""Observations of Langfuse."""

from __future__ import annotations

import json
from pathlib import Path

from attribot_integrations.traces import read_traces
from tests.unit.traces.made import SAMPLES, check_sample, only, read

SAMPLE = SAMPLES / "langfuse-5.0.4.jsonl"
ONE_WORD = {
    "trace_id": "traceId",
    "parent_observation_id": "parentObservationId",
    "start_time": "startTime",
}


def test_its_export() -> None:
    check_sample(only(read_traces(SAMPLE, "langfuse")))


def test_what_its_interface_gives(tmp_path: Path) -> None:
    """Names in one word, inputs and outputs as data, and all in one object."""
    rows = []
    for line in SAMPLE.read_text().splitlines():
        row = {ONE_WORD.get(key, key): value for key, value in json.loads(line).items()}
        for key in ("input", "output"):
            if row[key].startswith(("[", "{")):
                row[key] = json.loads(row[key])
        rows.append(row)
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"data": rows, "meta": {"cursor": None}}, indent=1))
    check_sample(only(read_traces(path, "langfuse")))


def test_observations_without_one_around_them(tmp_path: Path) -> None:
    found = {"id": "r", "trace_id": "t", "type": "RETRIEVER", "start_time": "2026-01-01 10:00:00.1"}
    said = {"id": "g", "trace_id": "t", "type": "GENERATION", "start_time": "2026-01-01 10:00:00.2"}
    traces = read(
        tmp_path / "rows.jsonl",
        "langfuse",
        {**said, "parent_observation_id": "", "input": "Who?", "output": "Ada."},
        {**found, "parent_observation_id": "", "input": "Who?", "output": '["Ada wrote it."]'},
    )
    request = only(traces)
    assert (request.question, request.answer) == ("Who?", "Ada.")
    assert request.id == "t#g"


def test_damaged_rows(tmp_path: Path) -> None:
    traces = read(tmp_path / "rows.jsonl", "langfuse", {"id": "a"}, {"trace_id": "t", "id": {}})
    assert [(one.number, one.reason, one.detail) for one in traces.unread] == [
        (1, "an id is missing", "trace_id or traceId"),
        (2, "an id is no text", "id is dict"),
    ]
