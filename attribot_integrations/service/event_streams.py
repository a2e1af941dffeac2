"""Server-sent events: how far a request is, its statements one by one, the whole result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from attribot_integrations.results import Attribution
from attribot_integrations.service.micro_batches import Job
from attribot_integrations.service.wire import WIRE_VERSION
from attribot_integrations.service.wire_results import (
    answer_to_wire,
    attribution_to_wire,
    statements_to_wire,
)

__all__ = ["attribution_events", "event"]

_QUIET: Final = 10.0
"""Seconds without news after which a comment keeps the connection open."""


def event(name: str, data: Mapping[str, Any]) -> bytes:
    """Return one event as it is sent: its data is one line, for JSON escapes line breaks."""
    text = json.dumps(data, allow_nan=False, default=str)
    return f"event: {name}\ndata: {text}\n\n".encode()


async def attribution_events(
    job: Job, waiting: int, model: str, failed: Callable[[BaseException], Mapping[str, Any]]
) -> AsyncIterator[bytes]:
    """Yield the events of one attribution; where the reader leaves, the job is not wanted any more.

    Args:
        job: The job; its result is an attribution.
        waiting: How many requests wait before it.
        model: Name of the service's target.
        failed: Returns what is told of an error.
    """
    try:
        yield event("accepted", {"wire": WIRE_VERSION, "waiting": waiting})
        begun, result = job.awaited()
        async for quiet in _until({begun, result}):
            yield quiet
        if begun.done():
            yield event("started", {"model": model})
        async for quiet in _until({result}):
            yield quiet
        try:
            attribution: Attribution = result.result()
            body = await asyncio.to_thread(attribution_to_wire, attribution)
            whole = event("result", answer_to_wire(body, model))
        except Exception as error:  # its kind is told, the connection ends in order
            yield event("error", failed(error))
            return
        for statement in statements_to_wire(attribution):
            yield event("statement", statement)
        yield whole
    finally:
        job.unwanted.set()


async def _until(futures: set[asyncio.Future[Any]]) -> AsyncIterator[bytes]:
    """Wait for the first of some futures, with comments meanwhile."""
    while True:
        done, _ = await asyncio.wait(futures, timeout=_QUIET, return_when=asyncio.FIRST_COMPLETED)
        if done:
            return
        yield b": waiting\n\n"
