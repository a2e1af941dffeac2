"""Attributions in the forms of tools."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.results import Attribution
from attribot_integrations.results.support import Support
from attribot_integrations.traces import trace_feedback
from attribot_integrations.traces.feedback import FEEDBACK
from tests.unit.render.samples import CHUNKS, HOSTILE, hostile, sample

PLACE = "0af7651916cd43dd8448eb211c80319c#83fda3a5ab623902"
TRACE, SPAN = PLACE.split("#")


def of_a_trace() -> Attribution:
    """The third document is not known to be of the trace."""
    marks: list[dict[str, Any]] = [
        {"retrieved_by": {"span": "r", "position": place}} for place in range(4)
    ]
    marks[2] = {}
    chunks = tuple(
        replace(chunk, metadata={**chunk.metadata, **mark})
        for chunk, mark in zip(CHUNKS, marks, strict=True)
    )
    return replace(sample(), chunks=chunks, id=PLACE)


def named(payloads: list[dict[str, Any]], name: str, key: str = "name") -> list[dict[str, Any]]:
    return [payload for payload in payloads if payload[key] == name]


def test_langsmith() -> None:
    payloads = trace_feedback("langsmith", replace(of_a_trace(), id=f"{PLACE}#project"))
    (coverage,) = named(payloads, "citation_coverage", "key")
    assert coverage["run_id"] == SPAN
    assert coverage["trace_id"] == TRACE
    assert coverage["session_id"] == "project"
    assert coverage["score"] == 0.5
    assert coverage["comment"] == "2 of 4 statements have a citation"
    assert coverage["source_info"]["source"] == "attribot"
    statements = named(payloads, "citation_support", "key")
    assert [each["value"] for each in statements] == [
        "supported",
        "supported",
        "unsupported",
        "parametric",
    ]
    assert (statements[2]["score"], statements[2]["comment"]) == (0.125, "no source is cited")
    assert "score" not in statements[0]
    assert len({payload["feedback_id"] for payload in payloads}) == 5


def test_what_is_sent_again_has_the_same_ids() -> None:
    once, again = (trace_feedback("langsmith", of_a_trace()) for _ in range(2))
    other = trace_feedback("langsmith", of_a_trace(), trace_id="t", span_id="s")
    ids = [[payload["feedback_id"] for payload in some] for some in (once, again, other)]
    assert ids[0] == ids[1]
    assert set(ids[0]).isdisjoint(ids[2])


def test_langfuse() -> None:
    payloads = trace_feedback("langfuse", of_a_trace())
    (coverage,) = named(payloads, "citation_coverage")
    assert (coverage["value"], coverage["data_type"]) == (0.5, "NUMERIC")
    assert (coverage["trace_id"], coverage["observation_id"]) == (TRACE, SPAN)
    labels = named(payloads, "citation_support")
    assert [each["value"] for each in labels][2] == "unsupported"
    assert {each["data_type"] for each in labels} == {"CATEGORICAL"}
    (probability,) = named(payloads, "citation_support_probability")
    assert (probability["value"], probability["data_type"]) == (0.125, "NUMERIC")
    assert len({payload["score_id"] for payload in payloads}) == len(payloads)


def test_phoenix() -> None:
    payloads = trace_feedback("phoenix", of_a_trace())
    (coverage,) = named(payloads, "citation_coverage")
    assert coverage["span_id"] == SPAN
    assert coverage["annotator_kind"] == "CODE"
    assert coverage["result"] == {
        "score": 0.5,
        "explanation": "2 of 4 statements have a citation",
    }
    statements = named(payloads, "citation_support")
    assert [each["identifier"] for each in statements] == [f"attribot-{n}" for n in range(1, 5)]
    assert statements[2]["result"]["label"] == "unsupported"
    documents = named(payloads, "citation")
    assert [(each["span_id"], each["document_position"]) for each in documents] == [
        ("r", 0),
        ("r", 1),
        ("r", 3),
    ]
    assert documents[0]["result"] == {
        "label": "cited",
        "score": 0.25,
        "explanation": "citation 1; the score is in nats",
    }
    assert documents[2]["result"] == {"label": "not cited", "score": -1.0}
    assert all("identifier" not in each for each in documents)  # Phoenix refuses it there


def test_mlflow() -> None:
    payloads = trace_feedback("mlflow", of_a_trace())
    coverage, *statements = payloads
    assert (coverage["name"], coverage["value"]) == ("citation_coverage", 0.5)
    assert (coverage["trace_id"], coverage["span_id"]) == (TRACE, SPAN)
    assert coverage["source"] == {"source_type": "CODE", "source_id": "attribot"}
    assert statements[2]["value"] == "unsupported"
    assert statements[2]["rationale"] == "no source is cited"
    assert statements[2]["metadata"]["probability"] == "0.125"
    for payload in payloads:
        assert all(isinstance(value, str) for value in payload["metadata"].values())


def test_statements_that_nobody_judged_have_no_value() -> None:
    bare = replace(of_a_trace(), support=())
    for tool in ("langfuse", "mlflow"):
        assert [each["name"] for each in trace_feedback(tool, bare)] == ["citation_coverage"]
    assert len(trace_feedback("langsmith", bare)) == 5


def test_a_trace_as_a_whole() -> None:
    langsmith, *_ = trace_feedback("langsmith", sample(), trace_id=TRACE, project_id="p")
    assert (langsmith["run_id"], langsmith["session_id"]) == (TRACE, "p")
    for tool in ("langfuse", "mlflow"):
        first, *_ = trace_feedback(tool, sample(), trace_id=TRACE)
        assert {"observation_id", "span_id"}.isdisjoint(first)
    with pytest.raises(InputError, match="Phoenix takes annotations of spans: give span_id"):
        trace_feedback("phoenix", sample(), trace_id=TRACE)


@pytest.mark.parametrize("tool", FEEDBACK)
def test_texts_are_left_out_unless_asked_for(tool: str) -> None:
    secret = "It measures 900 metres."
    assert secret not in json.dumps(trace_feedback(tool, of_a_trace()))
    assert secret in json.dumps(trace_feedback(tool, of_a_trace(), content=True))


@pytest.mark.parametrize("tool", FEEDBACK)
def test_feedback_is_plain_data_whatever_the_texts_are(tool: str) -> None:
    for text in HOSTILE:
        result = replace(hostile(text), id="é#s")
        payloads = trace_feedback(tool, result, content=True)
        json.dumps(payloads, allow_nan=False, ensure_ascii=False).encode()


def test_support_of_any_label_is_sent() -> None:
    unknown = Support(0, "unknown", -1.0, -1.0, reason="a \ud800 reason")
    result = replace(of_a_trace(), support=(unknown,))
    labels = named(trace_feedback("langfuse", result), "citation_support")
    assert [each["value"] for each in labels] == ["unknown"]


def test_results_of_no_trace() -> None:
    with pytest.raises(InputError, match="the id 'a1' names no place in a trace: give trace_id"):
        trace_feedback("langsmith", replace(sample(), id="a1"))


def test_other_tools_are_refused() -> None:
    message = "feedback goes to langsmith, langfuse, phoenix, mlflow; got 'otlp'"
    with pytest.raises(ConfigurationError, match=message):
        trace_feedback("otlp", of_a_trace())


def test_chunks_stay_as_they_are() -> None:
    result = of_a_trace()
    before = [dict(chunk.metadata) for chunk in result.chunks]
    trace_feedback("phoenix", result, content=True)
    assert [dict(chunk.metadata) for chunk in result.chunks] == before
    assert isinstance(result.chunks[0], Chunk)
