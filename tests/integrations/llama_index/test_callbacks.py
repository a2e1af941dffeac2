"""The handler for code that uses the old `CallbackManager`."""

import asyncio
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, CBEventType
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer

from attribot_integrations.llama_index import AttributionCallbackHandler
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import EchoChatLLM, EchoLLM, FactRetriever, check


def legacy(
    handler: BaseCallbackHandler, llm: EchoLLM | None = None, *, streaming: bool = False
) -> RetrieverQueryEngine:
    manager = CallbackManager([handler])
    model = llm or EchoLLM()
    synthesizer = get_response_synthesizer(model, callback_manager=manager, streaming=streaming)
    return RetrieverQueryEngine(
        FactRetriever(), response_synthesizer=synthesizer, callback_manager=manager
    )


@pytest.mark.parametrize("model", [EchoLLM, EchoChatLLM])
def test_legacy_handler(model: type[EchoLLM]) -> None:
    engine = StubEngine()
    handler = AttributionCallbackHandler(engine, mode="sync")
    llm = model()
    check(legacy(handler, llm).query("Ada"), "Ada")
    assert engine.prompts[0].endswith(llm.prompts[0])
    assert handler.open_count == 0


async def test_legacy_handler_knows_concurrent_queries_apart() -> None:
    handler = AttributionCallbackHandler(StubEngine())
    query_engine = legacy(handler, EchoChatLLM())

    async def ask(number: int) -> None:
        response = await query_engine.aquery(f"Name{number}")
        await handler.aresult(response)
        check(response, f"Name{number}")

    await asyncio.gather(*map(ask, range(30)))
    assert handler.open_count == 0


def test_legacy_handler_of_streams_uses_a_template() -> None:
    handler = AttributionCallbackHandler(StubEngine())
    response: Any = legacy(handler, streaming=True).query("Ada")
    assert list(response.response_gen) == ["About ", "Ada "]
    record = handler.result(response)
    assert record.prompt_used in ("template", "captured")
    assert record.citations


def test_legacy_handler_never_breaks_a_query(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = AttributionCallbackHandler(StubEngine())

    def fail(*args: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(handler, "_start", fail)
    monkeypatch.setattr(handler, "_end", fail)
    assert str(legacy(handler).query("Ada")) == "About Ada"
    assert "the start of CBEventType.SYNTHESIZE could not be followed" in caplog.text
    assert "the end of CBEventType.SYNTHESIZE could not be followed" in caplog.text
    handler.on_event_end(CBEventType.LLM, None, "unknown")
