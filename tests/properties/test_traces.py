"""Whatever a file of traces holds, there is an answer or a reason."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.assembling import answers_of
from attribot_integrations.traces.reading import READERS
from attribot_integrations.traces.tracespans import TraceSpan

NAMES = (
    *("id", "trace_id", "parent_run_id", "run_type", "inputs", "outputs", "child_runs", "type"),
    *("parent_observation_id", "input", "output", "context", "span_id", "attributes", "parent_id"),
    *("span_kind", "info", "data", "spans", "resourceSpans", "scopeSpans", "traceId", "spanId"),
    *("key", "value", "stringValue", "arrayValue", "kvlistValue", "values", "messages", "role"),
    *("content", "page_content", "documents", "message", "kwargs", "generations", "start_time"),
    *("retrieval.documents", "retrieval.documents.0.document.content", "llm.input_messages"),
    *("openinference.span.kind", "mlflow.spanType", "mlflow.spanOutputs", "dotted_order"),
)
WORDS = (
    "",
    "a",
    "b",
    "RETRIEVER",
    "llm",
    "CHAIN",
    '"x"',
    "[{",
    '{"documents": ["One."]}',
    "\ud800",
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=12,
)
records = st.dictionaries(st.sampled_from(NAMES), values, max_size=10)


@settings(max_examples=20)
@given(st.lists(records, max_size=4), st.sampled_from(sorted(READERS)))
def test_records_of_any_form(found: list[dict[str, Any]], source: str) -> None:
    spans: list[TraceSpan] = []
    for number, record in enumerate(found, 1):
        try:
            read = list(READERS[source](record, number))
        except DataFileError:
            continue
        spans += [one for one in read if isinstance(one, TraceSpan)]
    try:
        answers = answers_of(spans)
    except DataFileError:
        return
    for answer in answers:
        assert answer.request.answer.strip()
        assert answer.request.question.strip()
        assert answer.request.chunks
