"""Streams are passed on as they come: read, left, broken, eaten, from any thread."""

import gc
import threading
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.synthesis import SynthesizeEndEvent
from llama_index_instrumentation import get_dispatcher

from attribot_integrations.errors import InputError
from attribot_integrations.llama_index import AttributionEventHandler
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import (
    EchoChatLLM,
    EchoLLM,
    FactRetriever,
    check,
    payload_of,
    rag,
)


def streamed(llm: EchoLLM | None = None, query: str = "Ada") -> Any:
    return rag(llm, streaming=True).query(query)


def test_tokens_come_one_by_one_and_unchanged() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = streamed()
        tokens = response.response_gen
        assert next(tokens) == "About "
        assert payload_of(response)["status"] == "pending"
        with pytest.raises(InputError, match="stream must be read to its end"):
            handler.result(response)
        assert list(tokens) == ["Ada "]
    check(response, "Ada")
    assert response.response_txt is None, "left as LlamaIndex leaves it"


def test_stream_read_after_detaching_is_attributed() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = streamed()
    list(response.response_gen)
    payload = payload_of(response)  # older versions ask the model before the stream is read
    unseen = "the prompt could not be captured, a template took its place"
    assert (payload["status"], payload["reason"]) in (("approximate", unseen), ("ok", None))


def test_stream_read_on_another_thread() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = streamed(EchoChatLLM())
        thread = threading.Thread(target=lambda: list(response.response_gen))
        thread.start()
        thread.join()
    check(response, "Ada")


def test_two_streams_read_in_turns() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        one, two = streamed(query="Ada"), streamed(query="Bea")
        pairs = list(zip(one.response_gen, two.response_gen, strict=False))
        assert pairs == [("About ", "About "), ("Ada ", "Bea ")]
        list(one.response_gen)
        list(two.response_gen)
    check(one, "Ada")
    check(two, "Bea")


def test_two_handlers_watch_one_stream() -> None:
    one = AttributionEventHandler(StubEngine())
    two = AttributionEventHandler(StubEngine(), metadata_key="second")
    with one.attach(), two.attach():
        response = streamed(EchoChatLLM())
        assert list(response.response_gen) == ["About ", "Ada "]
    check(response, "Ada")
    assert payload_of(response, "second")["status"] == "ok"
    assert one.span_handler.open_count == two.span_handler.open_count == 0


def test_stream_that_is_left_has_no_citations() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = streamed()
        next(response.response_gen)
        response.response_gen.close()
    assert payload_of(response)["status"] == "skipped"
    assert payload_of(response)["reason"] == "the stream was not read to its end"
    assert payload_of(response)["answer"] == "About "


def test_stream_that_is_dropped_unread_is_forgotten() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        streamed()
        gc.collect()
    assert len(handler.service.book) == 0
    assert handler.span_handler.open_count == 0


def test_error_in_the_stream_reaches_the_reader() -> None:
    class BreakingLLM(EchoLLM):
        def stream_complete(self, *args: Any, **kwargs: Any) -> Any:
            stream: Any = super().stream_complete(*args, **kwargs)

            def broken() -> Iterator[Any]:
                yield next(stream)
                raise ConnectionError("line cut")

            return broken()

    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = streamed(BreakingLLM())
        with pytest.raises(ConnectionError, match="line cut"):
            list(response.response_gen)
    payload = payload_of(response)
    assert payload["status"] == "skipped"
    assert payload["reason"] == "the stream failed: ConnectionError('line cut')"


class _Eater(BaseEventHandler):
    """Another handler that reads every stream."""

    def handle(self, event: Any, **kwargs: Any) -> None:
        if isinstance(event, SynthesizeEndEvent):
            str(event.response)


@pytest.mark.parametrize("eater_first", [False, True])
def test_stream_that_another_handler_ate(eater_first: bool) -> None:
    root = get_dispatcher()
    before = list(root.event_handlers)
    handler = AttributionEventHandler(StubEngine())
    if eater_first:
        root.event_handlers = [*before, _Eater()]
    try:
        with handler.attach():
            if not eater_first:
                root.event_handlers = [*root.event_handlers, _Eater()]
            response = streamed()
            assert str(response).strip() == "About Ada"
    finally:
        root.event_handlers = before
    # Where it was eaten before, no token was left to come, and the prompt was seen all the same.
    assert payload_of(response)["answer"].strip() == "About Ada"
    assert payload_of(response)["citations"]


def test_empty_stream() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response: Any = rag(retriever=FactRetriever(0), streaming=True).query("Ada")
        assert list(response.response_gen) == ["Empty Response"]
    assert payload_of(response)["reason"] == "no nodes were retrieved"


async def test_async_stream_that_is_left_has_no_citations() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response: Any = await rag(EchoChatLLM(), streaming=True).aquery("Ada")
        async with aclosing(response.response_gen) as tokens:
            assert await anext(tokens) == "About "
    record = await handler.aresult(response)
    assert (record.status, record.answer) == ("skipped", "About ")
