"""A task shows its payload wherever its answer is, and is found by it."""

import copy
import gc
from typing import Any

import pytest
from llama_index.core.base.response.schema import Response

from attribot_integrations.llama_index.records import pending_payload
from attribot_integrations.llama_index.scopes import Scope
from attribot_integrations.llama_index.tasks import Task, TaskBook


def task() -> Task:
    return Task(Scope("synthesis"))


def shown(response: Response) -> Any:
    return (response.metadata or {}).get("attribution")


def test_a_payload_is_shown_now_and_when_it_changes() -> None:
    one, responses = task(), [Response("Ada."), Response("Ada.", metadata={"n": {}})]
    for response in responses:
        one.show(response, "attribution")
        one.show(response, "attribution")
        assert shown(response) == pending_payload(one.id)
    done = {**pending_payload(one.id), "status": "ok"}
    one.update(done)
    assert [shown(response) for response in responses] == [done, done]
    assert shown(responses[0]) is not shown(responses[1])
    late = Response("Ada.")
    one.show(late, "attribution")
    assert shown(late) == done


@pytest.mark.parametrize("value", ["mine", {"id": "mine"}])
def test_what_is_there_is_left_alone(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    response = Response("Ada.", metadata={"attribution": value})
    one = task()
    one.show(response, "attribution")
    one.update(pending_payload(one.id))
    assert shown(response) == value
    assert "metadata['attribution'] is taken" in caplog.text


def test_another_answers_payload_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    response = Response("Ada.")
    one, two = task(), task()
    one.show(response, "attribution")
    two.show(response, "attribution")
    assert shown(response)["id"] == one.id
    assert caplog.text == ""


def test_nothing_is_shown_without_a_key() -> None:
    response = Response("Ada.")
    one = task()
    one.show(response, None)
    one.update(pending_payload(one.id))
    assert response.metadata is None


def test_tasks_are_found_by_response_and_by_id() -> None:
    book, one, response = TaskBook(), task(), Response("Ada.")
    book.add(response, one)
    assert book.of(response) is one
    assert book.of(copy.copy(response)) is None, "a copy has its id"
    assert book.with_id(one.id) is one
    assert book.with_id("other") is None
    assert len(book) == 1
    del response
    gc.collect()
    assert len(book) == 0
    assert book.with_id(one.id) is one, "while it is recent"


def test_old_tasks_are_forgotten() -> None:
    book, first = TaskBook(), task()
    book.add(Response("Ada."), first)
    for _ in range(256):
        book.add(Response("Bea."), task())
    assert book.with_id(first.id) is None
