"""Events in their order, whatever happens to the job."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from attribot_integrations.errors import EmptyAnswerError
from attribot_integrations.service import event_streams
from attribot_integrations.service.event_streams import attribution_events, event
from attribot_integrations.service.micro_batches import Job
from attribot_integrations.service.wire_results import error_to_wire
from tests.unit.attributions import make_attribution

MADE = make_attribution("Why?", ["Since apples fall."], "Since apples fall. They do.")


def job() -> Job:
    return Job("key", lambda attributor, unwanted: None)


async def events_of(one: Job) -> list[tuple[str, Any]]:
    found = []
    async for text in attribution_events(one, 2, "tiny", error_to_wire):
        name, data = text.decode().removesuffix("\n\n").split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def test_statements_come_one_by_one_and_then_the_whole() -> None:
    one = job()
    one.started.set_result(None)
    one.result.set_result(MADE)
    found = await events_of(one)
    names = [name for name, _ in found]
    assert names == ["accepted", "started", "statement", "statement", "result"]
    assert found[0][1] == {"wire": 1, "waiting": 2}
    assert [data["text"] for _, data in found[2:4]] == ["Since apples fall.", "They do."]
    assert found[4][1]["result"]["answer"] == MADE.answer
    assert one.unwanted.is_set()


async def test_an_error_is_an_event() -> None:
    one = job()
    one.started.set_result(None)
    one.result.set_exception(EmptyAnswerError("blank"))
    *_, (name, data) = await events_of(one)
    assert name == "error"
    assert data["error"] == {"type": "EmptyAnswerError", "message": "blank"}


async def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "_QUIET", 0.01)
    one = job()
    events = attribution_events(one, 0, "tiny", error_to_wire)
    assert (await anext(events)).startswith(b"event: accepted")
    assert await anext(events) == b": waiting\n\n"
    one.started.set_result(None)
    assert (await anext(events)).startswith(b"event: started")
    await events.aclose()  # type: ignore[attr-defined]


async def test_who_leaves_does_not_want_the_job_any_more() -> None:
    one = job()

    async def read() -> None:
        await events_of(one)

    task = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    assert not one.unwanted.is_set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert one.unwanted.is_set()
    one.result.set_result(MADE)  # which must not fail for the thread that runs jobs


def test_text_cannot_forge_events() -> None:
    text = event("statement", {"text": "a\n\nevent: result\r\ndata: {}\u2028"})
    assert text.count(b"\n") == 3
    assert b"\r" not in text
