"""Every way to put a query shows what belongs together, also many at once."""

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.base.response.schema import Response
from llama_index_instrumentation import get_dispatcher

from attribot_integrations.llama_index import AttributionEventHandler
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.calls import CALLS, MODELS, Call
from tests.integrations.llama_index.fakes import EchoChatLLM, EchoLLM, check, payload_of, rag


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("twice", [False, True])
def test_payload_holds_what_belongs_together(call: Call, model: type[EchoLLM], twice: bool) -> None:
    engine = StubEngine()
    handler = AttributionEventHandler(engine)
    llm = model()
    with handler.attach():
        if twice:
            with handler.attach():
                response = call(handler, llm, "Ada")
        else:
            response = call(handler, llm, "Ada")
    check(response, "Ada")
    record = handler.result(response)
    assert (record.question, record.status, record.prompt_used) == ("Ada", "ok", "captured")
    assert [one.node.node_id for one in record.nodes] == ["Ada-0", "Ada-1"]
    assert len(engine.requests) == len(llm.prompts) == 1
    assert engine.prompts[0].endswith(llm.prompts[0]), "the very prompt is scored"
    assert handler.span_handler.open_count == 0


@pytest.mark.parametrize("call", CALLS)
def test_deferred_mode_gives_the_same(call: Call) -> None:
    engine = StubEngine()
    handler = AttributionEventHandler(engine, mode="background")
    with handler.attach():
        response = call(handler, EchoLLM(), "Ada")
    assert handler.wait(10)
    check(response, "Ada")
    assert engine.threads[0].startswith("attribution")


def test_two_handlers_under_one_key_attribute_once() -> None:
    first, second = StubEngine(), StubEngine()
    one, two = AttributionEventHandler(first), AttributionEventHandler(second)
    with one.attach(), two.attach():
        check(rag().query("Ada"), "Ada")
    assert (len(first.requests), len(second.requests)) == (1, 0)


def test_two_handlers_under_two_keys_attribute_both() -> None:
    one = AttributionEventHandler(StubEngine())
    two = AttributionEventHandler(StubEngine(), metadata_key="second")
    with one.attach(), two.attach():
        response = rag().query("Ada")
    assert payload_of(response, "second")["id"] != payload_of(response)["id"]


def test_detaching_takes_off_the_right_handler() -> None:
    root = get_dispatcher()
    before = list(root.event_handlers), list(root.span_handlers)
    first, second = AttributionEventHandler(StubEngine()), AttributionEventHandler(StubEngine())
    one = first.attach()
    with second.attach() as attached:
        assert attached is second
        one.detach()
        one.detach()
        assert root.event_handlers[-1] is second
        assert root.span_handlers[-1] is second.span_handler
    assert all(a is b for a, b in zip(root.event_handlers, before[0], strict=True))
    assert all(a is b for a, b in zip(root.span_handlers, before[1], strict=True))
    assert "attribution" not in (rag().query("Ada").metadata or {})


def test_one_dispatcher_can_be_chosen() -> None:
    handler = AttributionEventHandler(StubEngine())
    dispatcher = get_dispatcher("llama_index.core.response_synthesizers.base")
    with handler.attach(dispatcher):
        response = rag().query("Ada")
    # Its parents' spans are not seen, and neither are the model's.
    assert payload_of(response)["status"] in ("skipped", "approximate")


def test_event_handler_alone_uses_a_template() -> None:
    engine = StubEngine()
    handler = AttributionEventHandler(engine)
    root = get_dispatcher()
    root.add_event_handler(handler)
    try:
        response = rag().query("Ada")
    finally:
        root.event_handlers = [one for one in root.event_handlers if one is not handler]
    payload = payload_of(response)
    assert (payload["status"], payload["prompt"]) == ("approximate", "template")
    assert payload["reason"] == "the prompt could not be captured, a template took its place"
    assert handler.result(response).question == "Ada"


# Many at once


async def ask_many(handler: AttributionEventHandler, count: int) -> list[Any]:
    async def ask(number: int) -> Any:
        llm: EchoLLM = EchoChatLLM() if number % 2 else EchoLLM()
        response: Any = await rag(llm, streaming=number % 3 == 0).aquery(f"Name{number}")
        if number % 3 == 0:
            async for _ in response.async_response_gen():
                await asyncio.sleep(0)
        await handler.aresult(response, 60)
        return response

    return await asyncio.gather(*(ask(number) for number in range(count)))


def test_200_concurrent_queries_have_no_crosstalk() -> None:
    handler = AttributionEventHandler(StubEngine())
    attachment = handler.attach()
    with ThreadPoolExecutor(8) as pool:
        in_threads = pool.map(lambda n: rag().query(f"Thread{n}"), range(100))
        for number, response in enumerate(asyncio.run(ask_many(handler, 100))):
            check(response, f"Name{number}")
        for number, response in enumerate(in_threads):
            check(response, f"Thread{number}")
    attachment.detach()
    assert handler.span_handler.open_count == 0
    assert handler.wait(10)


def test_one_llm_and_engine_shared_by_threads() -> None:
    handler = AttributionEventHandler(StubEngine())
    engine = rag(EchoChatLLM())
    attachment = handler.attach()
    with ThreadPoolExecutor(8) as pool:
        for number, response in enumerate(pool.map(lambda n: engine.query(f"Name{n}"), range(50))):
            check(response, f"Name{number}")
    attachment.detach()


@pytest.mark.parametrize("call", CALLS)
def test_failed_query_leaves_nothing(call: Call) -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach(), pytest.raises(RuntimeError, match="no answer"):
        call(handler, EchoChatLLM(failures=[RuntimeError("no answer")]), "Ada")
    gc.collect()
    assert handler.span_handler.open_count == 0
    assert len(handler.service.book) == 0


async def test_cancelled_query_leaves_nothing() -> None:
    started = asyncio.Event()

    class HangingLLM(EchoChatLLM):
        async def achat(self, messages: Any, **kwargs: Any) -> Any:
            started.set()
            await asyncio.sleep(60)

    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        task = asyncio.create_task(rag(HangingLLM()).aquery("Ada"))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert handler.span_handler.open_count == 0


def test_responses_are_forgotten_when_they_are_dropped() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        kept = rag().query("Ada")
        for number in range(20):
            rag().query(f"Name{number}")
    gc.collect()
    assert len(handler.service.book) == 1
    assert handler.result(kept).question == "Ada"


def test_a_call_that_is_tried_again_counts_once() -> None:
    class RetryingLLM(EchoLLM):
        def predict(self, *args: Any, **kwargs: Any) -> str:
            predict: Callable[..., str] = super().predict
            try:
                return predict(*args, **kwargs)
            except RuntimeError:
                return predict(*args, **kwargs)

    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = rag(RetryingLLM(failures=[RuntimeError("try again")])).query("Ada")
    assert isinstance(response, Response)
    check(response, "Ada")
