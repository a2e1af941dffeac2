"""Which documents are recorded."""

import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.runnables.config import RunnableConfig

from attribot_integrations.langchain import CitationCallbackHandler
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.fakes import (
    EchoChatModel,
    FactRetriever,
    FixedRetriever,
    join,
    last,
    open_runs,
    rag,
    using,
)


def test_outermost_retriever_counts_and_models_below_it_do_not() -> None:
    class Filtered(FactRetriever):
        def _get_relevant_documents(
            self, query: str, *, run_manager: CallbackManagerForRetrieverRun
        ) -> list[Document]:
            inner = RunnableConfig(callbacks=run_manager.get_child())
            found = FactRetriever().invoke(query, inner)
            EchoChatModel().invoke(f"Keep this?\n{join(found)}", inner)
            return found[1:]

    handler = CitationCallbackHandler(StubEngine())
    rag(retriever=Filtered()).invoke("Ada", using(handler))
    record = last(handler)
    assert [chunk.text for chunk in record.chunks] == ["Ada is fact 1."]
    assert isinstance(record.prompt, list)
    assert record.prompt[-1]["content"].startswith("Context:")


def test_two_retrievers_are_joined_and_known_documents_left_out() -> None:
    prompt = ChatPromptTemplate.from_template("{first}\n{second}\n{again}\n{question}")
    chain = (
        {
            "first": FactRetriever() | join,
            "second": FactRetriever(name_of_source="more") | join,
            "again": FactRetriever() | join,
            "question": RunnablePassthrough(),
        }
        | prompt
        | EchoChatModel()
    )
    handler = CitationCallbackHandler(StubEngine())
    chain.invoke("Ada", using(handler))
    ids = sorted(str(chunk.id) for chunk in last(handler).chunks)
    assert ids == ["facts-Ada-0", "facts-Ada-1", "more-Ada-0", "more-Ada-1"]


def test_one_retriever_may_find_a_document_twice() -> None:
    twice = RunnableLambda(lambda query: query) | FixedRetriever(found=[Document("Same.")] * 2)
    handler = CitationCallbackHandler(StubEngine())
    rag(retriever=twice).invoke("Ada", using(handler))
    assert len(last(handler).chunks) == 2


def test_documents_are_not_changed() -> None:
    document = Document("Ada is a fact.", id="d", metadata={"title": "T", "tags": ["a"]})
    before = document.model_copy(deep=True)
    handler = CitationCallbackHandler(StubEngine())
    rag(retriever=FixedRetriever(found=[document])).invoke("Ada", using(handler))
    assert handler.citations
    assert document == before
    document.metadata["title"] = "Changed"
    assert last(handler).chunks[0].title == "T"


@pytest.mark.parametrize("found", [[], [Document("  ")]])
def test_no_text_retrieved_gives_no_citation_and_no_error(found: list[Document]) -> None:
    engine = StubEngine()
    handler = CitationCallbackHandler(engine, raise_error=True)
    rag(retriever=FixedRetriever(found=found)).invoke("Ada", using(handler))
    assert last(handler).attribution is None
    assert last(handler).citations == handler.citations == ()
    assert last(handler).error is None
    assert last(handler).prompt_used is None
    assert engine.requests == []


def test_model_alone_leaves_a_record_without_documents() -> None:
    handler = CitationCallbackHandler(StubEngine())
    EchoChatModel().invoke([SystemMessage("Be brief."), HumanMessage("Hello")], using(handler))
    assert last(handler).question == "Hello"
    assert last(handler).answer == "About Hello"
    assert last(handler).attribution is None
    assert open_runs(handler) == (0, 0)


def test_retriever_alone_leaves_no_record() -> None:
    handler = CitationCallbackHandler(StubEngine())
    FactRetriever().invoke("Ada", using(handler))
    assert handler.records == ()
    assert open_runs(handler) == (0, 0)
