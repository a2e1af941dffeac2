"""Files of traces, read as requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.traces import TraceRemark, read_traces
from attribot_integrations.traces.reading import READERS
from tests.unit.traces.made import read


def observation(trace: str, id_: str, type_: str, **fields: Any) -> dict[str, Any]:
    return {"trace_id": trace, "id": id_, "type": type_, **fields}


def good(trace: str) -> list[dict[str, Any]]:
    return [
        observation(trace, "root", "CHAIN", input="Who?", output="Ada."),
        observation(
            trace, "r", "RETRIEVER", output=["Ada wrote it."], parent_observation_id="root"
        ),
        observation(
            trace, "g", "GENERATION", input="Who?", output="Ada.", parent_observation_id="root"
        ),
    ]


def silent(trace: str) -> dict[str, Any]:
    return observation(trace, "root", "CHAIN", input="Hi", output="Hello.")


def test_what_became_of_each_trace(tmp_path: Path) -> None:
    broken = {"id": "a"}
    half = [
        observation("half", "r", "RETRIEVER", input="Who?", output=["Ada wrote it."]),
        observation("half", "g", "GENERATION", output="Ada."),
    ]
    traces = read(
        tmp_path / "f", "langfuse", *good("a"), broken, *map(silent, "bcdef"), *half, *good("z")
    )
    assert [request.id for request in traces.requests] == ["a#root", "half#g", "z#root"]
    assert traces.unread[0] == TraceRemark(4, None, "an id is missing", "trace_id or traceId")
    assert [(one.trace, one.reason) for one in traces.unread[1:]] == [
        (trace, "nothing was retrieved") for trace in "bcdef"
    ]
    assert traces.summary() == [
        "answers found: 3",
        "not read, 1: an id is missing (record 4)",
        "no answer to attribute, 5: nothing was retrieved (b, c, d, …)",
        "read all the same, 1: the prompt was not recorded (half#g)",
        "read all the same, 1: the question is what was searched for, or the user's last message "
        "(half#g)",
    ]


def test_rows_are_answers_and_what_is_damaged(tmp_path: Path) -> None:
    traces = read(tmp_path / "f", "langfuse", *good("a"), {"id": "a"}, silent("b"), *good("c"))
    assert traces.count() == 3
    rows = dict(traces.rows(lambda place: True))
    assert isinstance(rows[0].content, DataFileError)
    assert str(rows[0].content) == "an id is missing: trace_id or traceId"
    assert [rows[place].id for place in (1, 2)] == ["a#root", "c#root"]
    assert rows[2].content == traces.requests[1]
    assert [place for place, _ in traces.rows(lambda place: place != 1, 2)] == [0]


def test_steps_of_traces_may_be_mixed(tmp_path: Path) -> None:
    mixed = [row for rows in zip(good("a"), good("b"), strict=True) for row in rows]
    traces = read(tmp_path / "f", "langfuse", *reversed(mixed))
    assert sorted(str(request.id) for request in traces.requests) == ["a#root", "b#root"]


@pytest.mark.parametrize("source", READERS)
@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": None, "trace_id": None, "context": [], "spans": 3, "resourceSpans": None},
        {"id": {"a": {"b": []}}, "trace_id": [], "attributes": 3, "trace": 3, "data": "x"},
        {"trace_id": "t", "id": "a", "parent_observation_id": "a", "parent_run_id": "a"},
        {"run_type": 1, "inputs": 1, "outputs": [[[[[]]]]], "id": "a", "trace_id": "t"},
    ],
    ids=["empty", "nothing", "types", "circle", "odd"],
)
def test_hostile_records_have_a_reason(tmp_path: Path, source: str, record: dict[str, Any]) -> None:
    traces = read(tmp_path / "f", source, record)
    assert traces.requests == ()
    (remark,) = traces.unread
    assert remark.reason


def test_damage_does_not_spread(tmp_path: Path) -> None:
    """Steps within each other are their trace's problem alone."""
    circle = [
        observation("bad", "a", "RETRIEVER", output=["A."], parent_observation_id="b"),
        observation("bad", "b", "CHAIN", parent_observation_id="a"),
    ]
    traces = read(tmp_path / "f", "langfuse", *circle, *good("a"))
    assert len(traces.requests) == 1
    (remark,) = traces.unread
    assert remark.trace == "bad"
    assert remark.detail == "their parents form a circle"


def test_long_ids_do_not_fill_the_screen(tmp_path: Path) -> None:
    (_, line) = read(tmp_path / "f", "langfuse", silent("x" * 5_000)).summary()
    assert len(line) < 200


def test_other_tools_are_refused(tmp_path: Path) -> None:
    message = "traces are read from langsmith, langfuse, phoenix, mlflow, otlp; got 'weave'"
    with pytest.raises(ConfigurationError, match=message):
        read_traces(tmp_path / "f", "weave")
