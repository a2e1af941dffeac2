"""When answers are attributed, what becomes of errors, and what the payload holds."""

import asyncio
import copy
import datetime
import json
import threading
import time
from typing import Any

import pytest
from llama_index.core.base.response.schema import Response
from llama_index.core.schema import Document, NodeWithScore, QueryBundle, TextNode

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, InputError, PromptTooLongError
from attribot_integrations.llama_index import AttributionEventHandler, AttributionRecord
from attribot_integrations.llama_index.service import AttributionService
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.calls import CALLS, Call
from tests.integrations.llama_index.fakes import (
    EchoLLM,
    FactRetriever,
    check,
    node,
    payload_of,
    rag,
)


class GatedEngine(StubEngine):
    """Attributes only when it is let to."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def attribute_request(self, *args: Any, **kwargs: Any) -> Any:
        assert self.open.wait(10)
        return super().attribute_request(*args, **kwargs)


@pytest.mark.parametrize("call", CALLS)
def test_engine_error_is_recorded_and_the_query_succeeds(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    error = PromptTooLongError("7 tokens too long")
    handler = AttributionEventHandler(StubEngine(error))
    with handler.attach():
        response = call(handler, EchoLLM(), "Ada")
    payload = payload_of(response)
    assert (payload["status"], payload["citations"]) == ("error", [])
    assert payload["reason"] == "PromptTooLongError: 7 tokens too long"
    record = handler.result(response)
    assert record.error is error
    assert record.attribution is None
    assert record.citations == ()
    assert "failed: 7 tokens too long" in caplog.text


def test_async_query_is_pending_until_it_is_done() -> None:
    engine = GatedEngine()
    handler = AttributionEventHandler(engine)

    async def ask() -> Any:
        response = await rag().aquery("Ada")
        assert payload_of(response)["status"] == "pending"
        with pytest.raises(TimeoutError, match=r"took longer than 0\.01 seconds"):
            await handler.aresult(response, 0.01)
        engine.open.set()
        record = await handler.aresult(response)
        assert record.status == "ok"
        return response

    with handler.attach():
        check(asyncio.run(ask()), "Ada")


def test_result_waits_and_gives_up() -> None:
    engine = GatedEngine()
    handler = AttributionEventHandler(engine, mode="background")
    with handler.attach():
        response = rag().query("Ada")
    assert payload_of(response)["status"] == "pending"
    assert not handler.wait(0.01)
    with pytest.raises(TimeoutError, match=r"took longer than 0\.01 seconds"):
        handler.result(response, 0.01)
    engine.open.set()
    assert handler.result(response).status == "ok"
    check(response, "Ada")


def test_copies_made_before_the_end_find_the_result() -> None:
    engine = GatedEngine()
    handler = AttributionEventHandler(engine, mode="background")
    with handler.attach():
        response = rag().query("Ada")
    copied = copy.deepcopy(response)
    engine.open.set()
    assert handler.result(copied) is handler.result(response)
    assert payload_of(copied)["status"] == "pending", "nobody knows of the copy"


def test_too_many_pending_are_attributed_when_they_are_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = GatedEngine()
    handler = AttributionEventHandler(engine, mode="background", max_pending=2)
    with handler.attach():
        responses = [rag().query(f"Name{number}") for number in range(4)]
    engine.open.set()
    assert handler.wait(10)
    shown = [payload_of(response)["status"] for response in responses]
    assert shown == ["ok", "ok", "pending", "pending"]
    assert caplog.text.count("max_pending=2 attributions wait already; answer") == 2
    assert [handler.result(response).status for response in responses] == ["ok"] * 4
    check(responses[-1], "Name3")


def test_event_loop_is_not_held_up() -> None:
    class SlowEngine(StubEngine):
        def attribute_request(self, *args: Any, **kwargs: Any) -> Any:
            time.sleep(2)
            return super().attribute_request(*args, **kwargs)

    handler = AttributionEventHandler(SlowEngine())

    async def ask() -> float:
        started = time.perf_counter()
        response = await rag().aquery("Ada")
        seconds = time.perf_counter() - started
        await handler.aresult(response)
        return seconds

    with handler.attach():
        asyncio.run(ask())  # imports what LlamaIndex imports late
        assert asyncio.run(ask()) < 1


def test_on_citations_sees_every_record() -> None:
    seen: list[AttributionRecord] = []
    handler = AttributionEventHandler(StubEngine(), on_citations=seen.append)
    with handler.attach():
        rag().query("Ada")
        rag(retriever=FactRetriever(0)).query("Bea")
    assert [(record.question, record.status) for record in seen] == [
        ("Ada", "ok"),
        ("Bea", "skipped"),
    ]


def test_failing_on_citations_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(record: AttributionRecord) -> None:
        raise RuntimeError("no printer")

    handler = AttributionEventHandler(StubEngine(), on_citations=fail)
    with handler.attach():
        check(rag().query("Ada"), "Ada")
    assert "on_citations failed" in caplog.text
    assert "no printer" in caplog.text


def test_interrupt_leaves_nobody_waiting() -> None:
    class Interrupted(StubEngine):
        def attribute_request(self, *args: Any, **kwargs: Any) -> Any:
            raise KeyboardInterrupt

    handler = AttributionEventHandler(Interrupted())
    with handler.attach():
        response = rag().query("Ada")  # LlamaIndex swallows it
    assert handler.result(response, 1).reason == "interrupted by KeyboardInterrupt"


def test_engine_that_uses_llama_index_is_not_attributed_itself() -> None:
    class Reentrant(StubEngine):
        def attribute_request(self, *args: Any, **kwargs: Any) -> Any:
            assert "attribution" not in (rag().query("inner").metadata or {})
            return super().attribute_request(*args, **kwargs)

    engine = Reentrant()
    handler = AttributionEventHandler(engine)
    with handler.attach():
        check(rag().query("Ada"), "Ada")
    assert len(engine.requests) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "later"}, 'mode must be one of "lazy", "background", "sync", got \'later\''),
        ({"max_pending": 0}, "max_pending must be at least 1, got 0"),
        ({"metadata_key": ""}, "metadata_key must be None or not empty, got ''"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        AttributionEventHandler(StubEngine(), **options)


def test_unknown_response_is_an_error() -> None:
    handler = AttributionEventHandler(StubEngine())
    with pytest.raises(InputError, match="no attribution is known of this Response"):
        handler.result(Response("Hello"))


# The payload


def test_metadata_is_left_alone_without_a_key() -> None:
    handler = AttributionEventHandler(StubEngine(), metadata_key=None)
    with handler.attach():
        response = rag().query("Ada")
    assert set(response.metadata or {}) == {"Ada-0", "Ada-1"}
    assert handler.result(response).status == "ok"


def test_taken_key_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    handler = AttributionEventHandler(StubEngine(), metadata_key="Ada-0")
    with handler.attach():
        response = rag().query("Ada")
    assert response.metadata is not None
    assert response.metadata["Ada-0"] == {"title": "Title 0"}
    assert handler.result(response).status == "ok"
    assert "metadata['Ada-0'] is taken and left as it is" in caplog.text


def test_empty_response_gets_a_payload() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = rag(retriever=FactRetriever(0)).query("Ada")
    assert (payload_of(response)["status"], payload_of(response)["reason"]) == (
        "skipped",
        "no nodes were retrieved",
    )


def test_payload_is_plain_json_and_nodes_do_not_change() -> None:
    metadata = {
        "page": 3,
        "when": datetime.date(2020, 1, 2),
        "score": float("nan"),
        "deep": {"list": (1, 2)},
    }
    odd = NodeWithScore(node=TextNode(text="Ada is old.", metadata=dict(metadata)), score=0.5)
    before = copy.deepcopy(odd.node.metadata)
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = rag(retriever=FactRetriever(nodes=[odd])).query("Who?")
    payload = payload_of(response)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    assert copy.deepcopy(response).metadata == response.metadata
    assert repr(odd.node.metadata) == repr(before)
    assert payload["citations"][0]["metadata"]["when"] == "2020-01-02"
    payload["citations"].clear()
    assert len(handler.result(response).citations) == 1, "the payload is a copy"


def test_metadata_that_json_cannot_hold_becomes_text() -> None:
    circular: dict[str, Any] = {"name": "loop"}
    circular["self"] = circular
    one = node("Ada is old.")
    one.node.metadata = circular
    one.node.excluded_llm_metadata_keys = ["self", "name"]
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = rag(retriever=FactRetriever(nodes=[one])).query("Who?")
    assert payload_of(response)["citations"][0]["metadata"]["name"] == "loop"


def test_offsets_lead_back_to_node_and_document() -> None:
    text = "\n  Ada is old. \n"
    document = f"Title.{text}Rest."
    cut = TextNode(text=text, start_char_idx=6, end_char_idx=6 + len(text))
    shifted = TextNode(text=text, start_char_idx=6, end_char_idx=999)
    for one, known in ((cut, True), (shifted, False), (TextNode(text=text), False)):
        handler = AttributionEventHandler(StubEngine())
        found = FactRetriever(nodes=[NodeWithScore(node=one)])
        with handler.attach():
            (citation,) = payload_of(rag(retriever=found).query("Who?"))["citations"]
        assert one.text[citation["node_start"] : citation["node_end"]] == "Ada is old."
        if known:
            cited = document[citation["start_char_idx"] : citation["end_char_idx"]]
            assert cited == citation["text"]
        else:
            assert citation["start_char_idx"] is citation["end_char_idx"] is None


def test_documents_are_nodes_too() -> None:
    handler = AttributionEventHandler(StubEngine())
    one = NodeWithScore(node=Document(text="Ada is old.", id_="doc"))
    with handler.attach():
        response = rag(retriever=FactRetriever(nodes=[one])).query("Who?")
    assert payload_of(response)["citations"][0]["node_id"] == "doc"


def test_query_bundle_is_a_question() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        check(rag().query(QueryBundle("Ada")), "Ada")


def test_record_of_a_real_engine() -> None:
    handler = AttributionEventHandler(AttributionEngine.demo())
    with handler.attach():
        response = rag().query("Ada")
    record = handler.result(response)
    assert record.status == "ok"
    assert record.attribution is not None
    assert record.attribution.answer == "About Ada"
    assert "status='ok'" in repr(record)


def test_service_can_be_used_without_events() -> None:
    service = AttributionService(StubEngine())
    assert service.wait(0)
