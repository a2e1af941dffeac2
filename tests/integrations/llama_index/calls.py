"""Every way to put a query to an engine."""

import asyncio
from collections.abc import Callable
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine

from attribot_integrations.llama_index import AttributionEventHandler
from tests.integrations.llama_index.fakes import EchoChatLLM, EchoLLM, rag

Make = Callable[..., BaseQueryEngine]


def call_query(handler: AttributionEventHandler, llm: EchoLLM, query: str, make: Make = rag) -> Any:
    return make(llm).query(query)


def call_aquery(
    handler: AttributionEventHandler, llm: EchoLLM, query: str, make: Make = rag
) -> Any:
    async def ask() -> Any:
        response = await make(llm).aquery(query)
        await handler.aresult(response, 10)
        return response

    return asyncio.run(ask())


def call_stream(
    handler: AttributionEventHandler, llm: EchoLLM, query: str, make: Make = rag
) -> Any:
    response: Any = make(llm, streaming=True).query(query)
    assert "".join(response.response_gen).strip() == f"About {query}"
    return response


def call_stream_get_response(
    handler: AttributionEventHandler, llm: EchoLLM, query: str, make: Make = rag
) -> Any:
    response: Any = make(llm, streaming=True).query(query)
    return response.get_response()


def call_astream(
    handler: AttributionEventHandler, llm: EchoLLM, query: str, make: Make = rag
) -> Any:
    async def ask() -> Any:
        response: Any = await make(llm, streaming=True).aquery(query)
        tokens = [token async for token in response.async_response_gen()]
        assert "".join(tokens).strip() == f"About {query}"
        await handler.aresult(response, 10)
        return response

    return asyncio.run(ask())


Call = Callable[[AttributionEventHandler, EchoLLM, str], Any]
CALLS = [call_query, call_aquery, call_stream, call_stream_get_response, call_astream]
MODELS = [EchoLLM, EchoChatLLM]
