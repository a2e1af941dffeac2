"""Observations of Langfuse: as it exports them to a storage, and as its interface gives them.

The former are files in `observations_v2/` and `observations/`; the latter spells the names of the
fields in one word (`traceId`). Input and output are text, or JSON as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.retrieval import parsed
from attribot_integrations.traces.span_ids import id_in, needed_id
from attribot_integrations.traces.tracespans import TraceSpan, filled, kind_of, ordered

__all__ = ["read_observations"]


def read_observations(
    record: Mapping[str, Any], number: int
) -> Iterator[TraceSpan | DataFileError]:
    """Read an observation."""
    span = TraceSpan(
        trace=needed_id(record, "trace_id", "traceId"),
        id=needed_id(record, "id"),
        parent=id_in(record, "parent_observation_id", "parentObservationId"),
        kind=kind_of(record.get("type")),
        number=number,
        start=ordered(record.get("start_time", record.get("startTime"))),
        failed=record.get("level") == "ERROR",
    )
    yield filled(span, parsed(record.get("input")), parsed(record.get("output")))
