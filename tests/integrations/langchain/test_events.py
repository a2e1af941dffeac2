"""Calls that fail, are cancelled, or stream without an end: no run stays open."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from attribot_integrations.answers.tracking import RunTracker
from attribot_integrations.langchain import CitationCallbackHandler
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.calls import CALLS, Call
from tests.integrations.langchain.fakes import (
    EchoChatModel,
    FactRetriever,
    last,
    open_runs,
    rag,
    using,
)


@pytest.mark.parametrize("call", CALLS)
def test_failed_chain_leaves_nothing(call: Call) -> None:
    handler = CitationCallbackHandler(StubEngine())
    with pytest.raises(ValueError, match="no answer"):
        call(rag(EchoChatModel(failures=[ValueError("no answer")])), "Ada", using(handler))
    assert handler.records == ()
    assert handler.last is None
    assert handler.attribution is None
    assert handler.citations == ()
    assert open_runs(handler) == (0, 0)


def test_keyboard_interrupt_leaves_no_open_run() -> None:
    class Interrupted(FactRetriever):
        def _get_relevant_documents(
            self, query: str, *, run_manager: CallbackManagerForRetrieverRun
        ) -> list[Document]:
            raise KeyboardInterrupt

    handler = CitationCallbackHandler(StubEngine())
    with pytest.raises(KeyboardInterrupt):
        rag(retriever=Interrupted()).invoke("Ada", using(handler))
    assert open_runs(handler) == (0, 0)


def test_closed_stream_leaves_no_open_run() -> None:
    handler = CitationCallbackHandler(StubEngine())
    stream = rag().stream("Ada", using(handler))
    assert isinstance(stream, Iterator)
    next(stream)
    assert open_runs(handler)[0] == 1
    stream.close()  # type: ignore[attr-defined]
    del stream
    gc.collect()
    assert open_runs(handler) == (0, 0)
    assert handler.records == ()


def test_closed_stream_keeps_the_answer_so_far() -> None:
    handler = CitationCallbackHandler(StubEngine())
    stream = rag().stream("Ada", using(handler))
    pieces = [next(stream), next(stream)]
    stream.close()  # type: ignore[attr-defined]
    # LangChain adds a piece up only once the next is asked for.
    assert last(handler).answer == pieces[0]
    assert last(handler).question == "Ada"
    assert isinstance(last(handler).prompt, list)
    assert open_runs(handler) == (0, 0)


async def test_closed_async_stream_leaves_nothing() -> None:
    handler = CitationCallbackHandler(StubEngine())
    stream = rag().astream("Ada", using(handler))
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    del stream
    gc.collect()  # the loop closes what the chain is made of only once nobody holds it
    for _ in range(100):
        await asyncio.sleep(0.01)
        if open_runs(handler) == (0, 0):
            break
    assert open_runs(handler) == (0, 0)
    assert handler.records == ()


async def test_cancelled_call_leaves_nothing() -> None:
    started = asyncio.Event()

    async def hang(messages: Any) -> str:
        started.set()
        await asyncio.sleep(60)
        return "never"

    handler = CitationCallbackHandler(StubEngine())
    task = asyncio.create_task(rag(RunnableLambda(hang)).ainvoke("Ada", using(handler)))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert open_runs(handler) == (0, 0)
    assert handler.records == ()


def test_held_streams_are_dropped_beyond_the_limit(caplog: pytest.LogCaptureFixture) -> None:
    handler = CitationCallbackHandler(StubEngine(), max_open_runs=3)
    streams = [rag().stream(f"Name{number}", using(handler)) for number in range(8)]
    for stream in streams:
        next(stream)
    assert open_runs(handler)[0] == 3
    assert caplog.text.count("more than max_open_runs=3 runs are open") == 5
    for stream in streams:
        list(stream)
    assert [record.question for record in handler.records] == ["Name5", "Name6", "Name7"]
    assert open_runs(handler) == (0, 0)


def test_branch_that_outlives_its_root_is_no_root() -> None:
    tracker = RunTracker()
    root, chain, model = uuid4(), uuid4(), uuid4()
    tracker.start(root, None, "chain", inputs="Ada")
    tracker.start(chain, root, "chain")
    tracker.fail(root, ValueError("other branch"))
    assert tracker.start(model, chain, "model") is None
    assert tracker.end(model) is None
    assert (tracker.open_roots, tracker.open_runs) == (0, 0)
