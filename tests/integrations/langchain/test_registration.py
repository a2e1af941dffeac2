"""Retrieval that fires no retriever event."""

import asyncio
import copy
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool

from attribot_integrations.errors import InputError
from attribot_integrations.langchain import (
    CitationCallbackHandler,
    aregister_documents,
    register_documents,
)
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.calls import CALLS, Call
from tests.integrations.langchain.fakes import (
    EchoChatModel,
    FactRetriever,
    check_record,
    join,
    last,
    rag,
    using,
)


def found(query: str) -> list[Document]:
    return FactRetriever()._get_relevant_documents(query, run_manager=None)  # type: ignore[arg-type]


def search_text(query: str) -> str:
    return join(register_documents(found(query)))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "search",
    [
        search_text,
        RunnableLambda(found) | register_documents | join,
        RunnableLambda(found) | RunnableLambda(register_documents, aregister_documents) | join,
        RunnableLambda(found) | join,
    ],
    ids=["in a function", "in a chain", "async", "by output alone"],
)
def test_registered_documents_are_the_context(call: Call, search: Any) -> None:
    chain: Runnable[Any, str] = (
        {"context": search, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_messages(
            [("system", "Be brief."), ("human", "Context:\n{context}\n\nQuestion: {question}")]
        )
        | EchoChatModel()
        | (lambda message: str(message.text))
    )
    handler = CitationCallbackHandler(StubEngine())
    call(chain, "Ada", using(handler))
    check_record(last(handler), "Ada")


def test_documents_of_the_callers_input_are_the_context() -> None:
    chain = (
        RunnablePassthrough.assign(context=lambda i: join(i["context"]))
        | ChatPromptTemplate.from_template("{context}\n{question}")
        | EchoChatModel()
    )
    for name in ("invoke", "stream"):
        handler = CitationCallbackHandler(StubEngine())
        output = getattr(chain, name)({"context": found("Ada"), "question": "Ada"}, using(handler))
        _ = list(output)
        assert [chunk.id for chunk in last(handler).chunks] == ["facts-Ada-0", "facts-Ada-1"]


def test_trimmed_copies_count_where_they_stand_in_the_prompt() -> None:
    def trim(documents: list[Document]) -> list[Document]:
        return [Document(item.page_content[:-1] + ", in short.") for item in documents[:1]]

    handler = CitationCallbackHandler(StubEngine())
    rag(retriever=FactRetriever() | trim).invoke("Ada", using(handler))
    assert [chunk.text for chunk in last(handler).chunks] == [
        "Ada is fact 0.",
        "Ada is fact 1.",
        "Ada is fact 0, in short.",
    ]


def test_reranked_and_divided_documents_are_not_doubled() -> None:
    def divide(documents: list[Document]) -> list[Document]:
        return [Document(word) for item in reversed(documents) for word in [item.page_content[:3]]]

    def both(documents: list[Document]) -> list[Document]:
        divide(documents)
        return list(reversed(documents))

    handler = CitationCallbackHandler(StubEngine())
    rag(retriever=FactRetriever() | RunnableLambda(both)).invoke("Ada", using(handler))
    assert [chunk.id for chunk in last(handler).chunks] == ["facts-Ada-0", "facts-Ada-1"]
    parts = RunnablePassthrough.assign(parts=lambda i: divide(i["found"])) | (lambda i: i["found"])
    start: Runnable[str, Any] = RunnableLambda(lambda query: {"q": query})
    chain = start | RunnablePassthrough.assign(found=lambda i: found(i["q"])) | parts
    rag(retriever=chain).invoke("Ada", using(handler))
    assert [chunk.text for chunk in last(handler).chunks] == ["Ada is fact 0.", "Ada is fact 1."]


def test_registration_inside_a_retriever_counts_once() -> None:
    class Telling(FactRetriever):
        def _get_relevant_documents(
            self, query: str, *, run_manager: CallbackManagerForRetrieverRun
        ) -> list[Document]:
            config = RunnableConfig(callbacks=run_manager.get_child())
            return RunnableLambda(register_documents).invoke(found(query) * 2, config)[:1]

    handler = CitationCallbackHandler(StubEngine())
    rag(retriever=Telling()).invoke("Ada", using(handler))
    assert [chunk.id for chunk in last(handler).chunks] == ["facts-Ada-0"]


def test_registration_in_a_tool() -> None:
    @tool
    def search(query: str) -> str:
        """Search."""
        return search_text(query)

    handler = CitationCallbackHandler(StubEngine())
    chain: Runnable[Any, Any] = (lambda q: {"query": q}) | search | EchoChatModel()
    chain.invoke("Ada", using(handler))
    assert [chunk.id for chunk in last(handler).chunks] == ["facts-Ada-0", "facts-Ada-1"]


def test_registration_outside_of_chains_is_harmless(caplog: pytest.LogCaptureFixture) -> None:
    documents = found("Ada")
    before = copy.deepcopy(documents)
    assert register_documents(documents) == documents
    assert asyncio.run(aregister_documents(documents)) == documents
    assert caplog.text.count("was called outside of any chain or tool") == 2
    assert documents == before


def test_only_documents_can_be_registered() -> None:
    message = "register_documents takes LangChain documents, got str"
    with pytest.raises(InputError, match=message):
        register_documents(["text"])
    with pytest.raises(InputError, match=message):
        asyncio.run(aregister_documents(["text"]))
