"""Spans in OpenTelemetry's own form of JSON (OTLP), as the Collector writes it to files.

One object has the spans of many traces: `resourceSpans`, `scopeSpans`, `spans`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.attributes import described
from attribot_integrations.traces.phoenix_spans import read_phoenix_spans
from attribot_integrations.traces.span_ids import (
    SPAN_BYTES,
    TRACE_BYTES,
    hex_id,
    id_in,
    needed_id,
)
from attribot_integrations.traces.tracespans import TraceSpan, ordered

__all__ = ["read_otlp"]

_DEEPEST = 32
_FAILED = (2, "2", "STATUS_CODE_ERROR")


def read_otlp(record: Mapping[str, Any], number: int) -> Iterator[TraceSpan | DataFileError]:
    """Read the spans of an export, or one span as OpenTelemetry's SDK prints it."""
    if "context" in record and "attributes" in record:
        yield from read_phoenix_spans(record, number)
        return
    if not any(name in record for name in ("resourceSpans", "resource_spans")):
        raise DataFileError("this holds no spans: resourceSpans is missing")
    for resource in _objects(record, "resourceSpans", "resource_spans"):
        scopes = _objects(resource, "scopeSpans", "scope_spans", "instrumentationLibrarySpans")
        for scope in scopes:
            for span in _objects(scope, "spans"):
                try:
                    yield _span(span, number)
                except DataFileError as error:
                    yield error


def _objects(holder: Mapping[str, Any], *names: str) -> Iterator[Mapping[str, Any]]:
    found: Any = next((holder[name] for name in names if name in holder), [])
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise DataFileError(f"this is no list of objects: {names[0]}")
    yield from found


def _span(span: Mapping[str, Any], number: int) -> TraceSpan:
    parent = id_in(span, "parentSpanId", "parent_span_id")
    status = span.get("status")
    known = TraceSpan(
        trace=hex_id(needed_id(span, "traceId", "trace_id"), TRACE_BYTES),
        id=hex_id(needed_id(span, "spanId", "span_id"), SPAN_BYTES),
        parent=None if parent is None else hex_id(parent, SPAN_BYTES),
        kind="other",
        number=number,
        start=ordered(span.get("startTimeUnixNano", span.get("start_time_unix_nano"))),
        failed=isinstance(status, Mapping) and status.get("code") in _FAILED,
    )
    return described(known, _attributes(span.get("attributes", []), _DEEPEST))


def _attributes(pairs: Any, levels: int) -> dict[str, Any]:
    if not isinstance(pairs, list):
        raise DataFileError(f"attributes are no list: they are {type(pairs).__name__}")
    found: dict[str, Any] = {}
    for pair in pairs:
        if not isinstance(pair, Mapping) or not isinstance(pair.get("key"), str):
            raise DataFileError("an attribute is no object with a key")
        found[pair["key"]] = _value(pair.get("value"), levels)
    return found


def _value(value: Any, levels: int) -> Any:
    """Return what OTLP's `AnyValue` holds."""
    if levels == 0:
        raise DataFileError("an attribute is nested too deep")
    if not isinstance(value, Mapping) or not value:
        return None
    name, content = next(iter(value.items()))
    return _VALUES[name](content, levels - 1) if name in _VALUES else None


def _array(content: Any, levels: int) -> list[Any]:
    values = content.get("values", []) if isinstance(content, Mapping) else []
    return [_value(one, levels) for one in values] if isinstance(values, list) else []


def _pairs(content: Any, levels: int) -> dict[str, Any]:
    return _attributes(content.get("values", []) if isinstance(content, Mapping) else [], levels)


def _as_it_is(content: Any, levels: int) -> Any:
    return content


_VALUES: Mapping[str, Callable[[Any, int], Any]] = {
    "stringValue": _as_it_is,
    "boolValue": _as_it_is,
    "intValue": _as_it_is,
    "doubleValue": _as_it_is,
    "arrayValue": _array,
    "kvlistValue": _pairs,
}
