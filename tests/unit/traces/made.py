"""Steps and files of traces, made by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attribot_integrations.context.sources import Chunk
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.traces import Traces, read_traces
from attribot_integrations.traces.tracespans import Kind, TraceSpan

SAMPLES = Path(__file__).parent / "samples"
"""Written by `tests.integrations.trace_samples`; the names hold the libraries' versions."""

ASKED = "And when did it open?"
SEARCHED = "When did the harbour open?"
TEXTS = ["The harbour opened in 1962.", "A river runs through it."]
ANSWER = "It opened in 1962."
PROMPT = [
    {"role": "system", "content": "Answer from the context.\n" + "\n\n".join(TEXTS)},
    {"role": "user", "content": ASKED},
]


def step(
    id: str,
    parent: str | None = None,
    kind: Kind = "other",
    *,
    start: str = "",
    documents: tuple[str, ...] = (),
    given: tuple[str, ...] = (),
    question: str | None = None,
    answer: str | None = None,
    prompt: str | None = None,
    failed: bool = False,
) -> TraceSpan:
    return TraceSpan(
        trace="t",
        id=id,
        parent=parent,
        kind=kind,
        number=1,
        start=start,
        question=question,
        answer=answer,
        prompt=None if prompt is None else [{"role": "user", "content": prompt}],
        documents=tuple(Chunk(text) if text else None for text in documents),
        given=tuple(map(Chunk, given)),
        failed=failed,
    )


def texts(request: AttributionRequest) -> list[str]:
    return [chunk.text if isinstance(chunk, Chunk) else chunk for chunk in request.chunks]


def read(path: Path, source: str, *records: Mapping[str, Any]) -> Traces:
    """Write records as JSON Lines, and read them."""
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return read_traces(path, source)


def only(traces: Traces) -> AttributionRequest:
    """The one request of a file in which all was read."""
    assert traces.unread == ()
    (request,) = traces.requests
    return request


def check_sample(request: AttributionRequest, question: str = ASKED) -> None:
    """Compare a request with what the application did that wrote the sample."""
    assert request.question == question
    assert texts(request) == TEXTS
    assert request.answer == ANSWER
    assert isinstance(request.prompt, list)
    assert request.prompt[:-1] == PROMPT[:-1]
    assert request.prompt[-1] == {"role": "user", "content": question}
