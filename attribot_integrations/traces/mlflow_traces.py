"""Traces of MLflow: `Trace.to_json`, `mlflow traces get`, and the table of `search_traces`.

Attributes are JSON, texts too. Ids are Base64 in version 3, hexadecimal in version 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.attributes import described
from attribot_integrations.traces.retrieval import parsed
from attribot_integrations.traces.span_ids import SPAN_BYTES, hex_id, id_in, needed_id
from attribot_integrations.traces.tracespans import TraceSpan, kind_of, ordered

__all__ = ["read_mlflow"]

_FAILED = ("STATUS_CODE_ERROR", "ERROR")


def read_mlflow(record: Mapping[str, Any], number: int) -> Iterator[TraceSpan | DataFileError]:
    """Read a trace with its spans."""
    held = parsed(record.get("trace"))
    trace = held if isinstance(held, Mapping) else record
    info, data = trace.get("info"), trace.get("data")
    info = info if isinstance(info, Mapping) else trace
    spans = parsed((data if isinstance(data, Mapping) else trace).get("spans"))
    if not isinstance(spans, list):
        raise DataFileError("this is no trace of MLflow: data.spans is missing")
    id_ = needed_id(info, "trace_id", "request_id")
    for span in spans:
        try:
            if not isinstance(span, Mapping):
                raise DataFileError(f"a span is no object: it is {type(span).__name__}")
            yield _span(span, id_, number)
        except DataFileError as error:
            yield error


def _span(span: Mapping[str, Any], trace: str, number: int) -> TraceSpan:
    context = span.get("context")
    parent = id_in(span, "parent_span_id", "parent_id")
    attributes = span.get("attributes")
    if not isinstance(attributes, Mapping):
        raise DataFileError(f"attributes are no object: they are {type(attributes).__name__}")
    status = span.get("status")
    code = status.get("code") if isinstance(status, Mapping) else span.get("status_code")
    known = TraceSpan(
        trace=trace,
        id=hex_id(
            needed_id(context if isinstance(context, Mapping) else span, "span_id"), SPAN_BYTES
        ),
        parent=None if parent is None else hex_id(parent, SPAN_BYTES),
        kind=kind_of(parsed(attributes.get("mlflow.spanType"), always=True)),
        number=number,
        start=ordered(span.get("start_time_unix_nano", span.get("start_time"))),
        failed=code in _FAILED,
    )
    return described(known, attributes)
