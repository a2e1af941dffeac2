"""OTLP's JSON, with attributes of OpenInference and of OpenTelemetry's GenAI conventions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.traces import read_traces
from tests.unit.traces.made import SAMPLES, SEARCHED, check_sample, only, read, texts

LANGCHAIN = SAMPLES / "openinference-langchain-0.1.80.json"
LLAMA_INDEX = SAMPLES / "openinference-llama-index-4.6.1.json"
SDK = SAMPLES / "opentelemetry-sdk-1.45.2.jsonl"


def export(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [*spans]}]}]}


def span(id_: str, parent: str = "", start: int = 0, **attributes: Any) -> dict[str, Any]:
    return {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": id_,
        "parentSpanId": parent,
        "startTimeUnixNano": str(start),
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
    }


def text(value: str) -> dict[str, str]:
    return {"stringValue": value}


@pytest.mark.parametrize("path", [LANGCHAIN, SDK], ids=["otlp", "sdk"])
def test_openinference_of_langchain(path: Path) -> None:
    check_sample(only(read_traces(path, "otlp")))


def test_openinference_of_llama_index() -> None:
    request = only(read_traces(LLAMA_INDEX, "otlp"))
    assert request.question == SEARCHED
    assert texts(request) == ["The harbour opened in 1962.", "A river runs through it."]
    assert request.answer == "It opened in 1962."
    assert isinstance(request.prompt, list)
    (message,) = request.prompt
    assert "file_name: harbour.txt\n\nThe harbour opened in 1962." in message["content"]


def test_the_conventions_for_generative_models(tmp_path: Path) -> None:
    documents = {
        "arrayValue": {
            "values": [
                {
                    "kvlistValue": {
                        "values": [
                            {"key": "id", "value": text("d1")},
                            {"key": "content", "value": text("Ada wrote it.")},
                            {"key": "score", "value": {"doubleValue": 0.5}},
                        ]
                    }
                }
            ]
        }
    }
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Who?"}]}])
    said = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "Ada."}]}])
    record = export(
        span("1" * 16),
        span(
            "2" * 16,
            "1" * 16,
            5,
            **{
                "gen_ai.operation.name": text("retrieval"),
                "gen_ai.retrieval.query.text": text("Who wrote it?"),
                "gen_ai.retrieval.documents": documents,
            },
        ),
        span(
            "3" * 16,
            "1" * 16,
            6,
            **{
                "gen_ai.operation.name": text("chat"),
                "gen_ai.input.messages": text(asked),
                "gen_ai.output.messages": text(said),
            },
        ),
    )
    request = only(read(tmp_path / "otlp.jsonl", "otlp", record))
    assert (request.question, request.answer) == ("Who wrote it?", "Ada.")
    assert request.prompt == [{"role": "user", "content": "Who?"}]
    (chunk,) = request.chunks
    assert (getattr(chunk, "text", None), getattr(chunk, "id", None)) == ("Ada wrote it.", "d1")


def test_a_trace_may_be_in_several_exports(tmp_path: Path) -> None:
    (resource,) = json.loads(LANGCHAIN.read_text())["resourceSpans"]
    spans = resource["scopeSpans"][0]["spans"]
    records = [export(one) for one in reversed(spans)]
    check_sample(only(read(tmp_path / "parts.jsonl", "otlp", *records)))


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = text("x")
    for _ in range(levels):
        value = {"arrayValue": {"values": [value]}}
    return value


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"spans": []}, "this holds no spans: resourceSpans is missing"),
        ({"resourceSpans": {}}, "this is no list of objects: resourceSpans"),
        ({"resourceSpans": [3]}, "this is no list of objects: resourceSpans"),
        (
            {"resourceSpans": [{"scopeSpans": [{"spans": "x"}]}]},
            "this is no list of objects: spans",
        ),
        (export({"spanId": "a"}), "an id is missing: traceId or trace_id"),
        (export({**span("a"), "attributes": {}}), "attributes are no list: they are dict"),
        (
            export({**span("a"), "attributes": [{"value": 1}]}),
            "an attribute is no object with a key",
        ),
        (export(span("a", x=deep(100))), "an attribute is nested too deep"),
    ],
)
def test_damaged_exports(tmp_path: Path, record: dict[str, Any], message: str) -> None:
    (remark,) = read(tmp_path / "otlp.jsonl", "otlp", record).unread
    assert ": ".join(filter(None, (remark.reason, remark.detail))) == message


def test_a_damaged_span_leaves_the_others(tmp_path: Path) -> None:
    record = json.loads(LANGCHAIN.read_text())
    record["resourceSpans"][0]["scopeSpans"][0]["spans"].insert(0, {"spanId": "a"})
    traces = read(tmp_path / "otlp.jsonl", "otlp", record)
    assert len(traces.damaged) == 1
    check_sample(traces.requests[0])


def test_values_of_no_known_type_are_nothing(tmp_path: Path) -> None:
    strange: dict[str, Any] = {
        "input.value": {"bytesValue": "AA=="},
        "output.value": {"newValue": 1},
    }
    odd = span("1" * 16, **strange)
    traces = read(tmp_path / "otlp.jsonl", "otlp", export(odd, span("2" * 16, a=None, b={})))
    assert [one.reason for one in traces.unread] == ["nothing was retrieved"]
