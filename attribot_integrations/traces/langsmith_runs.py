"""Runs of LangSmith: bulk exports, and runs as its client and its interface give them.

Fields as in its "Run (span) data format"; in Parquet, inputs and outputs are JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.retrieval import parsed
from attribot_integrations.traces.span_ids import id_in, needed_id
from attribot_integrations.traces.tracespans import TraceSpan, filled, kind_of, ordered

__all__ = ["read_runs"]


def read_runs(record: Mapping[str, Any], number: int) -> Iterator[TraceSpan | DataFileError]:
    """Read a run, and the runs inside it where it holds them (`child_runs`)."""
    waiting: list[Any] = [record]
    while waiting:
        run = waiting.pop()
        try:
            if not isinstance(run, Mapping):
                raise DataFileError(f"a run is no object: it is {type(run).__name__}")
            children = run.get("child_runs")
            waiting += children if isinstance(children, list) else []
            yield _run(run, number)
        except DataFileError as error:
            yield error


def _run(run: Mapping[str, Any], number: int) -> TraceSpan:
    id_ = needed_id(run, "id", "run_id")
    # The path of a run from the root: "<time>Z<id>.<time>Z<id>".
    order = run.get("dotted_order")
    path = [step.rpartition("Z")[2] for step in order.split(".")] if isinstance(order, str) else []
    parent = id_in(run, "parent_run_id") or (path[-2] if len(path) > 1 else None)
    span = TraceSpan(
        trace=id_in(run, "trace_id") or (path[0] if path and path[0] else id_),
        id=id_,
        parent=parent,
        kind=kind_of(run.get("run_type")),
        number=number,
        start=ordered(run.get("start_time")),
        failed=bool(run.get("error")) or run.get("status") == "error",
        project=id_in(run, "session_id"),
    )
    return filled(span, parsed(run.get("inputs")), parsed(run.get("outputs")))
