"""Attributes for traces, and spans that hold them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from attribot_integrations.errors import MissingExtraError
from attribot_integrations.render.tracing import (
    evaluation_events,
    retrieval_attributes,
    trace_attribution,
    trace_evaluation,
)
from tests.unit.render.samples import ANSWER, CHUNKS, HOSTILE, hostile, sample


def test_openinference_documents() -> None:
    attributes = sample().to_openinference()
    start = "retrieval.documents.0.document"
    assert attributes["openinference.span.kind"] == "EVALUATOR"
    assert attributes[f"{start}.id"] == "d1"
    assert attributes[f"{start}.score"] == 0.25
    assert json.loads(str(attributes[f"{start}.metadata"])) == {
        "score_unit": "nats",
        "citation_number": 1,
    }
    assert "retrieval.documents.2.document.id" not in attributes
    assert attributes["retrieval.documents.3.document.score"] == -1.0


def test_openinference_evaluations() -> None:
    attributes = sample().to_openinference()
    own = {
        key.removeprefix("evaluations.3.evaluation."): value
        for key, value in attributes.items()
        if key.startswith("evaluations.3.")
    }
    metadata = json.loads(str(own.pop("metadata")))
    assert own == {
        "name": "citation_support",
        "score": 0.125,
        "label": "unsupported",
        "explanation": "no source is cited",
        "annotator_kind": "CODE",
        "identifier": "attribot",
    }
    assert ANSWER[metadata["answer_start"] : metadata["answer_end"]] == "It was painted by Ada."
    assert attributes["evaluations.0.evaluation.name"] == "citation_coverage"
    assert attributes["evaluations.0.evaluation.score"] == 0.5
    assert "evaluations.1.evaluation.score" not in attributes  # no probability is configured
    first = json.loads(str(attributes["evaluations.1.evaluation.metadata"]))["citations"][0]
    assert CHUNKS[0].text[first["chunk_start"] : first["chunk_end"]] == "The pier opened in 1962."
    assert first["alternatives"] == [4]


def test_texts_are_left_out_unless_asked_for() -> None:
    secrets = ("pier", "painted", "Guide")
    for kept, shown in (
        (sample().to_openinference(), sample().to_openinference(content=True)),
        (retrieval_attributes(sample()), retrieval_attributes(sample(), content=True)),
    ):
        assert not [secret for secret in secrets if secret in repr(kept)]
        assert "pier" in repr(shown)
    assert "pier" not in repr(evaluation_events(sample()))
    assert sample().to_openinference(content=True)["output.value"] == ANSWER


def test_events() -> None:
    events = evaluation_events(sample(), response_id="r1")
    assert [event["gen_ai.evaluation.name"] for event in events] == [
        "citation_coverage",
        *["citation_support"] * 4,
    ]
    assert events[3]["gen_ai.evaluation.score.value"] == 0.125
    assert events[3]["gen_ai.evaluation.score.label"] == "unsupported"
    assert {event["gen_ai.response.id"] for event in events} == {"r1"}
    assert events[1]["gen_ai.evaluation.explanation"] == "cited: [1] or [2]"


def test_results_without_statements_and_labels() -> None:
    bare = replace(sample(), statements=(), citations=(), support=())
    (event,) = evaluation_events(bare)
    assert "gen_ai.evaluation.score.value" not in event
    assert "gen_ai.evaluation.score.label" not in evaluation_events(
        replace(sample(), support=())
    )[1]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_attributes_can_be_sent(text: str) -> None:
    for key, value in hostile(text).to_openinference(content=True).items():
        assert isinstance(value, str | int | float)
        f"{key}{value}".encode()
        if key.endswith("metadata"):
            json.loads(str(value))


# Spans


class Collector(SpanExporter):
    """Keeps the spans that have ended."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    provider = TracerProvider(shutdown_on_exit=False)
    collector = Collector()
    provider.add_span_processor(SimpleSpanProcessor(collector))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return collector.spans


def test_the_current_span_gets_scores_and_events(spans: list[Any]) -> None:
    with trace.get_tracer("test").start_as_current_span("answer"):
        trace_attribution(sample())
    (span,) = spans
    documents = json.loads(span.attributes["gen_ai.retrieval.documents"])
    assert [document["score"] for document in documents] == [0.25, 6.0, 0.125, -1.0]
    assert [event.name for event in span.events] == ["gen_ai.evaluation.result"] * 5
    assert span.events[3].attributes["gen_ai.evaluation.score.label"] == "unsupported"


def test_an_evaluation_is_a_span_with_one_link(spans: list[Any]) -> None:
    with trace.get_tracer("test").start_as_current_span("answer") as answer:
        pass
    trace_evaluation(sample(), answer.get_span_context())
    _, span = spans
    assert span.name == "attribot.evaluate"
    assert span.attributes["openinference.span.kind"] == "EVALUATOR"
    assert [link.context.span_id for link in span.links] == [answer.get_span_context().span_id]


def test_without_a_span_nothing_is_linked(spans: list[Any]) -> None:
    trace_attribution(sample())
    trace_evaluation(sample())
    (span,) = spans
    assert not span.links


@pytest.mark.parametrize("function", [trace_attribution, trace_evaluation])
def test_missing_extra(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(MissingExtraError, match=r'pip install "attribot-integrations\[tracing\]"'):
        function(sample())
