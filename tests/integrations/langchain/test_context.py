"""`get_citations_callback`: what runs inside a block is watched, and nothing is left behind."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.tracers.context import _configure_hooks

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.langchain import CitationCallbackHandler, get_citations_callback
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.calls import CALLS, Call
from tests.integrations.langchain.fakes import check_record, last, open_runs, rag


@pytest.mark.parametrize("call", CALLS)
def test_chains_inside_are_watched(call: Call) -> None:
    with get_citations_callback(StubEngine()) as handler:
        call(rag(), "Ada", {})
    call(rag(), "Bea", {})
    check_record(last(handler), "Ada")
    assert len(handler.records) == 1
    assert open_runs(handler) == (0, 0)


def test_nested_blocks_both_count() -> None:
    with get_citations_callback(StubEngine()) as outer:
        with get_citations_callback(StubEngine()) as inner:
            rag().invoke("Ada")
        rag().invoke("Bea")
    assert [record.question for record in inner.records] == ["Ada"]
    assert [record.question for record in outer.records] == ["Ada", "Bea"]


def test_hook_count_is_constant() -> None:
    with get_citations_callback(StubEngine()), get_citations_callback(StubEngine()):
        before = len(_configure_hooks)
    for _ in range(100):
        with get_citations_callback(StubEngine()), get_citations_callback(StubEngine()):
            pass
    assert len(_configure_hooks) == before


def test_block_that_raises_is_left() -> None:
    with pytest.raises(ZeroDivisionError), get_citations_callback(StubEngine()) as handler:
        raise ZeroDivisionError
    rag().invoke("Ada")
    assert handler.records == ()


def test_batch_threads_are_watched_and_plain_threads_are_not() -> None:
    with get_citations_callback(StubEngine()) as handler:
        rag().batch(["Ada", "Bea"], {"max_concurrency": 2})
        thread = threading.Thread(target=rag().invoke, args=("Cleo",))
        thread.start()
        thread.join()
    assert sorted(record.question for record in handler.records) == ["Ada", "Bea"]


async def test_concurrent_blocks_do_not_mix() -> None:
    async def ask(query: str) -> CitationCallbackHandler:
        with get_citations_callback(StubEngine()) as handler:
            await asyncio.gather(rag().ainvoke(query), rag().ainvoke(query))
        return handler

    queries = [f"Name{number}" for number in range(20)]
    for query, handler in zip(queries, await asyncio.gather(*map(ask, queries)), strict=True):
        assert [record.question for record in handler.records] == [query, query]


def test_blocks_in_threads_do_not_mix() -> None:
    def ask(query: str) -> list[str]:
        with get_citations_callback(StubEngine()) as handler:
            rag().invoke(query)
        return [record.question for record in handler.records]

    queries = [f"Name{number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, queries)) == [[query] for query in queries]


def test_handler_that_is_also_passed_counts_once() -> None:
    with get_citations_callback(StubEngine()) as handler:
        rag().invoke("Ada", {"callbacks": [handler]})
    assert len(handler.records) == 1


def test_options_reach_the_handler() -> None:
    with get_citations_callback(StubEngine(), mode="background", max_records=1) as handler:
        rag().batch(["Ada", "Bea"])
    assert handler.wait(10)
    assert len(handler.records) == 1
    assert handler.records[0].done
    message = "max_records must be at least 1, got 0"
    with (
        pytest.raises(ConfigurationError, match=message),
        get_citations_callback(StubEngine(), max_records=0),
    ):
        pass
