"""Spans of Phoenix: what `client.spans.get_spans` gives, and the table of `get_spans_dataframe`.

OpenTelemetry's own SDK writes the same form (`ReadableSpan.to_json`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.attributes import described, lookup
from attribot_integrations.traces.span_ids import (
    SPAN_BYTES,
    TRACE_BYTES,
    hex_id,
    id_in,
    needed_id,
)
from attribot_integrations.traces.tracespans import TraceSpan, kind_of, ordered

__all__ = ["read_phoenix_spans"]

_COLUMN = "attributes."


def read_phoenix_spans(
    record: Mapping[str, Any], number: int
) -> Iterator[TraceSpan | DataFileError]:
    """Read a span."""
    attributes = record.get("attributes")
    if attributes is None:
        start = len(_COLUMN)
        attributes = {key[start:]: record[key] for key in record if key.startswith(_COLUMN)}
    if not isinstance(attributes, Mapping):
        raise DataFileError(f"attributes are no object: they are {type(attributes).__name__}")
    context = record.get("context")
    ids = context if isinstance(context, Mapping) else record
    parent = id_in(record, "parent_id")
    status = lookup(record, "status.status_code") or record.get("status_code")
    span = TraceSpan(
        trace=hex_id(needed_id(ids, "trace_id", "context.trace_id"), TRACE_BYTES),
        id=hex_id(needed_id(ids, "span_id", "context.span_id"), SPAN_BYTES),
        parent=None if parent is None else hex_id(parent, SPAN_BYTES),
        kind=kind_of(record.get("span_kind")),
        number=number,
        start=ordered(record.get("start_time")),
        failed=status == "ERROR",
    )
    yield described(span, attributes)
