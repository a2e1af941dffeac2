"""Traces that other tools have exported, read as attribution requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attribot_integrations.batch.datafiles import RequestLine
from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.traces.assembling import TraceAnswer, answers_of
from attribot_integrations.traces.exported_lines import read_records
from attribot_integrations.traces.langfuse_observations import read_observations
from attribot_integrations.traces.langsmith_runs import read_runs
from attribot_integrations.traces.mlflow_traces import read_mlflow
from attribot_integrations.traces.otlp_spans import read_otlp
from attribot_integrations.traces.phoenix_spans import read_phoenix_spans
from attribot_integrations.traces.tracespans import SpanReader, TraceSpan

if TYPE_CHECKING:
    from attribot_integrations.requests import AttributionRequest

__all__ = ["READERS", "TraceRemark", "Traces", "read_traces"]

READERS: Mapping[str, SpanReader] = {
    "langsmith": read_runs,
    "langfuse": read_observations,
    "phoenix": read_phoenix_spans,
    "mlflow": read_mlflow,
    "otlp": read_otlp,
}
"""What reads the records of each tool."""

_EXAMPLES = 3


@dataclass(frozen=True)
class TraceRemark:
    """What is to be said of a record or a trace."""

    number: int
    """Number of the record, from 1: a line, a row, an item of a list."""
    trace: str | None
    """Id of the trace; `None` where a record could not be read."""
    reason: str
    """What could not be read, or had to be guessed; the same words for the same cause."""
    detail: str = ""
    """What more is known."""


@dataclass(frozen=True)
class Traces:
    """What a file of traces holds: answers, and why the rest of it gave none."""

    requests: tuple[AttributionRequest, ...]
    """The answers, to be attributed; the id of each names its place in the trace."""
    numbers: tuple[int, ...]
    """Number of the record that each of them stands in."""
    guessed: tuple[TraceRemark, ...]
    """What had to be guessed for some of them, or is missing."""
    damaged: tuple[TraceRemark, ...]
    """Records, or steps in them, that could not be read."""
    left: tuple[TraceRemark, ...]
    """Traces that were read, and hold nothing to attribute."""

    @property
    def unread(self) -> tuple[TraceRemark, ...]:
        """Records and traces that gave no request, each with the reason."""
        return self.damaged + self.left

    def summary(self) -> list[str]:
        """Return lines that say how many answers there are, and why others could not be read."""
        lines = [f"answers found: {len(self.requests)}"]
        lines += _counted("not read", self.damaged)
        lines += _counted("no answer to attribute", self.left)
        return lines + _counted("read all the same", self.guessed)

    def count(self) -> int:
        """Return how many rows a job has: answers, and records that are damaged."""
        return len(self.requests) + len(self.damaged)

    def rows(
        self, wanted: Callable[[int], bool], stop: int | None = None
    ) -> Iterator[tuple[int, RequestLine]]:
        """Yield some rows with their places, from 0, as the command line attributes them.

        Args:
            wanted: Whether to yield a row, by its place.
            stop: Place to stop before.
        """
        lines = [
            RequestLine(one.number, one.trace, DataFileError(_described(one)))
            for one in self.damaged
        ]
        lines += [
            RequestLine(number, request.id, request)
            for number, request in zip(self.numbers, self.requests, strict=True)
        ]
        for place, line in enumerate(lines[:stop]):
            if wanted(place):
                yield place, line


def read_traces(path: str | Path, source: str) -> Traces:
    """Read the traces that a tool has exported.

    The file is read as a whole, for the steps of a trace may stand anywhere in it.

    Args:
        path: JSON, JSON Lines or Parquet.
        source: The tool: "langsmith", "langfuse", "phoenix", "mlflow" or "otlp".

    Returns:
        An answer for each trace that has one, with its question, documents and prompt; and what
        could not be read, with the reason.

    Raises:
        ConfigurationError: If there is no such tool.
        MissingExtraError: If it is a Parquet file and pyarrow is not installed.
        DataFileError: If a Parquet file is damaged.
        OSError: If the file cannot be read.
    """
    if source not in READERS:
        raise ConfigurationError(f"traces are read from {', '.join(READERS)}; got {source!r:.60}")
    spans, damaged = _spans(Path(path), READERS[source])
    answers: list[TraceAnswer] = []
    left: list[TraceRemark] = []
    for trace, own in spans.items():
        try:
            answers += answers_of(own)
        except DataFileError as error:
            left.append(_remark(own[0].number, trace, error))
    return Traces(
        requests=tuple(answer.request for answer in answers),
        numbers=tuple(answer.number for answer in answers),
        guessed=tuple(
            TraceRemark(answer.number, answer.request.id, reason)
            for answer in answers
            for reason in answer.guessed
        ),
        damaged=tuple(damaged),
        left=tuple(left),
    )


def _spans(path: Path, read: SpanReader) -> tuple[dict[str, list[TraceSpan]], list[TraceRemark]]:
    """Return the steps of each trace, and what could not be read."""
    spans: dict[str, list[TraceSpan]] = {}
    damaged: list[TraceRemark] = []
    for record in read_records(path):
        try:
            if isinstance(record.content, DataFileError):
                raise record.content
            for one in read(record.content, record.number):
                if isinstance(one, DataFileError):
                    damaged.append(_remark(record.number, None, one))
                else:
                    spans.setdefault(one.trace, []).append(one)
        except DataFileError as error:
            damaged.append(_remark(record.number, None, error))
    return spans, damaged


def _remark(number: int, trace: str | None, error: DataFileError) -> TraceRemark:
    reason, _, detail = str(error).partition(": ")
    return TraceRemark(number, trace, reason, detail)


def _described(remark: TraceRemark) -> str:
    return f"{remark.reason}: {remark.detail}" if remark.detail else remark.reason


def _counted(title: str, remarks: tuple[TraceRemark, ...]) -> list[str]:
    lines = []
    for reason, count in Counter(remark.reason for remark in remarks).most_common():
        own = [remark for remark in remarks if remark.reason == reason][:_EXAMPLES]
        places = ", ".join(
            f"record {one.number}" if one.trace is None else f"{one.trace:.80}" for one in own
        )
        more = ", …" if count > len(own) else ""
        lines.append(f"{title}, {count}: {reason} ({places}{more})")
    return lines
