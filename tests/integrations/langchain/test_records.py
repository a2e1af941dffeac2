"""Runs with nothing to attribute say why, in their record and once in the log."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough

from attribot_integrations.errors import EmptyContextError
from attribot_integrations.langchain import (
    CitationCallbackHandler,
    CitationRecord,
    cite,
    register_documents,
)
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.calls import CALLS, Call
from tests.integrations.langchain.fakes import EchoChatModel, FixedRetriever, join, last, rag, using

REMEDY = (
    "no documents were seen: pass the handler to the whole chain in the call's config, use a "
    "retriever, or pass what a plain function finds to "
)


def found(query: str) -> list[Document]:
    return [Document(f"{query} is a fact.")]


def plain_search(query: str) -> str:
    return join(found(query))


def untold() -> Runnable[Any, str]:
    """A chain whose search LangChain reports nothing of."""
    return (
        {"context": plain_search, "question": RunnablePassthrough()}
        | RunnableLambda(lambda i: f"{i['context']}\n{i['question']}")
        | EchoChatModel()
        | RunnableLambda(lambda message: str(message.text))
    )


@pytest.mark.parametrize("call", CALLS)
def test_a_search_that_nobody_reports(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    handler = CitationCallbackHandler(StubEngine(), raise_error=True)
    call(untold(), "Ada", using(handler))
    call(untold(), "Bob", using(handler))
    record = last(handler)
    assert record.reason is not None
    assert record.reason.startswith(REMEDY + "register_documents")
    assert record.attribution is None
    assert record.error is None
    assert handler.citations == ()
    assert caplog.text.count(REMEDY) == 1
    assert str(handler.records[0].run_id) in caplog.text
    assert f"reason={record.reason!r}" in repr(record)


def test_the_remedy_is_one(caplog: pytest.LogCaptureFixture) -> None:
    handler = CitationCallbackHandler(StubEngine())
    rag(retriever=RunnableLambda(found) | register_documents).invoke("Ada", using(handler))
    assert last(handler).reason is None
    assert len(handler.citations) == 1
    assert caplog.text == ""


def test_each_handler_warns_once_under_many_threads(caplog: pytest.LogCaptureFixture) -> None:
    handlers = [CitationCallbackHandler(StubEngine(), mode="background") for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        for handler in handlers:
            list(pool.map(lambda name: untold().invoke(name, using(handler)), "abcdefgh"))  # noqa: B023
    assert all(handler.wait(10) for handler in handlers)
    assert caplog.text.count(REMEDY) == 2


@pytest.mark.parametrize(
    ("documents", "answer", "reason"),
    [
        ([], "Yes.", "the retriever found no documents"),
        ([Document(" "), Document("")], "Yes.", "none of the 2 retrieved documents holds text"),
        ([Document("A fact.")], " ", "the answer is blank"),
    ],
)
def test_other_reasons_are_no_warnings(
    documents: list[Document], answer: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = StubEngine()
    handler = CitationCallbackHandler(engine)
    chain = rag(retriever=FixedRetriever(found=documents)) | (lambda _: answer)
    chain.invoke("Ada", using(handler))
    assert last(handler).reason == reason
    assert last(handler).attribution is None
    assert last(handler).error is None
    assert engine.requests == []
    assert caplog.text == ""


def test_a_retriever_that_fell_back_was_no_plain_function() -> None:
    class Broken(FixedRetriever):
        def _get_relevant_documents(self, query: str, **kwargs: Any) -> list[Document]:
            raise OSError("down")

    handler = CitationCallbackHandler(StubEngine())
    spare: Runnable[str, Any] = RunnableLambda(lambda query: [])
    rag(retriever=Broken(found=[]).with_fallbacks([spare])).invoke("Ada", using(handler))
    assert last(handler).reason == "the retriever failed, and no other documents were seen"


def test_a_failure_is_a_reason_too() -> None:
    handler = CitationCallbackHandler(StubEngine(EmptyContextError("broken")))
    rag().invoke("Ada", using(handler))
    assert last(handler).reason == "EmptyContextError: broken"


def test_attributed_runs_have_no_reason(caplog: pytest.LogCaptureFixture) -> None:
    handler = CitationCallbackHandler(StubEngine())
    rag().invoke("Ada", using(handler))
    assert last(handler).reason is None
    assert caplog.text == ""


@pytest.mark.parametrize("make", [untold, lambda: RunnableLambda(plain_search)])
def test_cite_warns_once_and_gives_what_it_gave(
    make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    records: list[CitationRecord] = []
    citing = cite(make(), StubEngine(), on_citations=records.append, raise_error=True)
    results = [citing.invoke("Ada"), asyncio.run(citing.ainvoke("Ada"))]
    pieces = list(citing.stream("Ada"))
    results.append(sum(pieces[1:], pieces[0]))
    for result in results:
        assert result["answer"]
        assert result["citations"] == result["documents"] == []
    assert all((record.reason or "").startswith(REMEDY) for record in records)
    assert caplog.text.count(REMEDY) == 1
    cite(make(), StubEngine()).invoke("Ada")  # another one warns for itself
    assert caplog.text.count(REMEDY) == 2
