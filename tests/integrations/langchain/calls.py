"""Every way to call a chain."""

import asyncio
from collections.abc import Callable

from langchain_core.runnables import Runnable
from langchain_core.runnables.config import RunnableConfig


def call_invoke(chain: Runnable[str, str], query: str, config: RunnableConfig) -> str:
    return chain.invoke(query, config)


def call_ainvoke(chain: Runnable[str, str], query: str, config: RunnableConfig) -> str:
    return asyncio.run(chain.ainvoke(query, config))


def call_batch(chain: Runnable[str, str], query: str, config: RunnableConfig) -> str:
    return chain.batch([query], config)[0]


def call_abatch(chain: Runnable[str, str], query: str, config: RunnableConfig) -> str:
    return asyncio.run(chain.abatch([query], config))[0]


def call_stream(chain: Runnable[str, str], query: str, config: RunnableConfig) -> str:
    return "".join(chain.stream(query, config))


def call_astream(chain: Runnable[str, str], query: str, config: RunnableConfig) -> str:
    async def collect() -> str:
        return "".join([piece async for piece in chain.astream(query, config)])

    return asyncio.run(collect())


Call = Callable[[Runnable[str, str], str, RunnableConfig], str]
CALLS = [call_invoke, call_ainvoke, call_batch, call_abatch, call_stream, call_astream]
