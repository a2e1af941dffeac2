"""The bars: many runs at once, flat memory, no delay of a chain, a free event loop."""

import asyncio
import gc
import logging
import statistics
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers.context import _configure_hooks

from attribot_integrations.demo.chain import demo_chain
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.langchain import (
    CitationCallbackHandler,
    CitationRecord,
    cite,
    get_citations_callback,
)
from attribot_integrations.langchain.events import CapturingHandler
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.calls import call_astream, call_stream
from tests.integrations.langchain.fakes import (
    FixedRetriever,
    check_record,
    last,
    open_runs,
    rag,
    using,
)

MAX_EVENT_SECONDS = 0.005
MAX_LAG_SECONDS = 0.020


class SlowEngine(StubEngine):
    """Takes its time, without holding the interpreter."""

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        time.sleep(0.2)
        return super().attribute_request(request)


def run_every_way(handler: CitationCallbackHandler, queries: list[str]) -> None:
    """Run the queries through one handler, a fourth each by batch, abatch, threads, streams."""
    chain, config = rag(), using(handler)
    parts = [queries[way::4] for way in range(4)]

    async def concurrently() -> None:
        streams = (asyncio.to_thread(call_astream, chain, one, config) for one in parts[3][::2])
        await asyncio.gather(
            asyncio.to_thread(chain.batch, parts[0], config | {"max_concurrency": 16}),
            chain.abatch(parts[1], config),
            *(asyncio.to_thread(chain.invoke, one, config) for one in parts[2]),
            *(asyncio.to_thread(call_stream, chain, one, config) for one in parts[3][1::2]),
            *streams,
        )

    asyncio.run(concurrently())


@pytest.mark.parametrize("mode", ["lazy", "background"])
def test_200_concurrent_runs_of_all_kinds_do_not_mix(mode: Any) -> None:
    engine = StubEngine()
    handler = CitationCallbackHandler(engine, mode=mode)
    queries = [f"Name{number:03}" for number in range(200)]
    run_every_way(handler, queries)
    assert handler.wait(60)
    assert sorted(record.question for record in handler.records) == queries
    for record in handler.records:
        check_record(record, record.question)
    assert open_runs(handler) == (0, 0)
    assert len(engine.requests) == 200


def memory_growth(runs: int) -> int:
    """Bytes by which memory has grown over the second half of many runs of every kind."""
    handler = CitationCallbackHandler(StubEngine(), mode="background", max_records=16)
    handler.engine.requests = []  # type: ignore[attr-defined]

    def rounds(count: int) -> None:
        for number in range(count // 20):
            run_every_way(handler, [f"Name{number}.{one}" for one in range(20)])
            handler.engine.requests.clear()  # type: ignore[attr-defined]
            handler.engine.threads.clear()  # type: ignore[attr-defined]
            with get_citations_callback(StubEngine()):
                cite(rag(), StubEngine()).invoke("Ada")
        assert handler.wait(60)
        gc.collect()

    rounds(runs // 2)
    hooks = len(_configure_hooks)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        rounds(runs - runs // 2)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(_configure_hooks) == hooks
    assert open_runs(handler) == (0, 0)
    assert len(handler.records) == 16
    return grown


def test_memory_is_flat_over_200_runs() -> None:
    assert memory_growth(200) < 400_000  # what the records kept are made of, made anew


@pytest.mark.slow
def test_memory_is_flat_over_5000_runs() -> None:
    assert memory_growth(5000) < 400_000


def event_seconds(documents: int, runs: int, handler: CitationCallbackHandler) -> list[float]:
    """Seconds that a handler took for each event of a chain with documents of 2,000 letters."""
    seconds: list[float] = []

    def timed(event: Callable[..., Any]) -> Callable[..., Any]:
        def measure(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return event(*args, **kwargs)
            finally:
                seconds.append(time.perf_counter() - started)

        return measure

    for name in dir(CapturingHandler):
        if name.startswith("on_") and name != "on_captured":
            setattr(handler, name, timed(getattr(handler, name)))
    found = [
        Document(f"Fact {n}: " + "word " * 400, id=str(n), metadata={"n": n})
        for n in range(documents)
    ]
    chain = rag(retriever=FixedRetriever(found=found))
    for _ in range(runs):
        chain.invoke("Ada", using(handler))
    return seconds


@pytest.mark.parametrize("mode", ["lazy", "background"])
def test_slow_engine_does_not_delay_the_chain(mode: Any) -> None:
    handler = CitationCallbackHandler(SlowEngine(), mode=mode)
    seconds = event_seconds(documents=20, runs=5, handler=handler)
    # A machine that does other work besides may halt any thread; a handler that waited for the
    # engine would be too slow in every run.
    assert statistics.quantiles(seconds, n=20)[-1] < MAX_EVENT_SECONDS
    assert statistics.median(seconds) < 0.001
    handler.clear()


@pytest.mark.slow
def test_no_event_takes_5_ms() -> None:
    handler = CitationCallbackHandler(StubEngine(), mode="background")
    seconds = event_seconds(documents=50, runs=300, handler=handler)
    assert handler.wait(60)
    assert statistics.quantiles(seconds, n=1000)[-1] < MAX_EVENT_SECONDS


async def loop_lags(until: asyncio.Future[Any]) -> list[float]:
    """Seconds by which the event loop woke up too late, again and again."""
    lags: list[float] = []
    while not until.done():
        started = time.perf_counter()
        await asyncio.sleep(0.002)
        lags.append(time.perf_counter() - started - 0.002)
    return lags


@pytest.mark.parametrize("way", ["record", "cite", "background"])
async def test_event_loop_stays_free_while_attribution_runs(way: str) -> None:
    demo = demo_chain()
    handler = CitationCallbackHandler(
        demo.engine, mode="background" if way == "background" else "lazy"
    )
    answers = demo.chain.batch(list(demo.questions), using(handler) if way == "background" else {})
    assert len(answers) == len(demo.questions)

    async def attribute() -> None:
        if way == "cite":
            replay = dict(zip(demo.questions, answers, strict=True))
            chain = cite(recorded(demo.documents, replay), demo.engine)
            await asyncio.gather(*(chain.ainvoke(question) for question in demo.questions))
        elif way == "background":
            await handler.await_done()
        else:
            chain = recorded(demo.documents, dict(zip(demo.questions, answers, strict=True)))
            await chain.abatch(list(demo.questions), using(handler))
            await asyncio.gather(*(record.aattribution() for record in handler.records))

    task = asyncio.ensure_future(attribute())
    lags = await loop_lags(task)
    await task
    # A machine that does other work halts any thread for a while; a loop that waits for the models
    # would be late by what all of the attributions take.
    assert statistics.quantiles(lags, n=20)[-1] < 5 * MAX_LAG_SECONDS


def recorded(documents: tuple[Document, ...], answers: dict[str, str]) -> Any:
    """A chain that answers from a record, so that only the attribution takes time."""

    async def answer(query: str, config: RunnableConfig) -> str:
        await FixedRetriever(found=list(documents)).ainvoke(query, config)
        return answers[query]

    from langchain_core.runnables import RunnableLambda

    return RunnableLambda(answer)


async def test_awaitable_forms() -> None:
    handler = CitationCallbackHandler(StubEngine())
    assert await handler.aattribution() is None
    assert await handler.acitations() == ()
    await rag().ainvoke("Ada", using(handler))
    assert await handler.aattribution() is last(handler).attribution
    assert await handler.acitations() == await last(handler).acitations() == handler.citations
    await handler.await_done()


def test_waiting_attributions_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[CitationRecord] = []
    engine = SlowEngine()
    handler = CitationCallbackHandler(
        engine, mode="background", max_pending=2, on_citations=seen.append
    )
    for number in range(5):
        rag().invoke(f"Name{number}", using(handler))
    assert handler.wait(10)
    assert [record.question for record in seen] == ["Name0", "Name1"]
    assert caplog.text.count("max_pending=2 attributions wait already") == 3
    assert last(handler).attribution is not None, "made when it is read"


def test_threads_are_few() -> None:
    engine = StubEngine()
    handlers = [CitationCallbackHandler(engine, mode="background") for _ in range(30)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda handler: rag().invoke("Ada", using(handler)), handlers))
    assert all(handler.wait(10) for handler in handlers)
    assert len(set(engine.threads)) <= 2


def test_coroutine_functions_are_refused() -> None:
    async def show(record: CitationRecord) -> None:
        logging.info(record)

    with pytest.raises(ConfigurationError, match="on_citations must be a plain function"):
        CitationCallbackHandler(StubEngine(), mode="background", on_citations=show)
    with pytest.raises(ConfigurationError, match="max_pending must be at least 1, got 0"):
        CitationCallbackHandler(StubEngine(), max_pending=0)
