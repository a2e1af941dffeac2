"""The chains and retrievers of langchain-classic, which many programs still use."""

from typing import Any

import pytest

pytest.importorskip("langchain_classic", reason="not needed by the package")

from langchain_classic.chains import create_history_aware_retriever, create_retrieval_chain
from langchain_classic.chains.combine_documents import create_stuff_documents_chain
from langchain_classic.retrievers import (
    ContextualCompressionRetriever,
    EnsembleRetriever,
    MultiQueryRetriever,
)
from langchain_classic.retrievers.document_compressors import LLMChainFilter
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.retrievers import BaseRetriever

from attribot_integrations.langchain import CitationCallbackHandler, cite
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.fakes import (
    EchoChatModel,
    FactRetriever,
    check_record,
    last,
    open_runs,
    rag,
    using,
)

HISTORY = [HumanMessage("Who is Ada?"), AIMessage("A fact.")]


def answering(model: Any = None) -> Any:
    prompt = ChatPromptTemplate.from_messages(
        [("system", "{context}"), MessagesPlaceholder("chat_history"), ("human", "{input}")]
    )
    return create_stuff_documents_chain(model or EchoChatModel(), prompt)


def test_retrieval_chain() -> None:
    chain = create_retrieval_chain(FactRetriever(), answering())
    handler = CitationCallbackHandler(StubEngine())
    inputs = {"input": "Ada", "chat_history": HISTORY}
    output = chain.invoke(inputs, using(handler))
    assert last(handler).answer == output["answer"] == "About Ada"
    assert [chunk.id for chunk in last(handler).chunks] == ["facts-Ada-0", "facts-Ada-1"]
    assert isinstance(last(handler).prompt, list)
    roles = [message["role"] for message in last(handler).prompt]  # type: ignore[index, union-attr]
    assert roles == ["system", "user", "assistant", "user"]
    _ = list(chain.stream(inputs, using(handler)))
    assert last(handler).question == "Ada"
    pieces = list(cite(chain, StubEngine()).stream(inputs))
    assert [piece.get("answer") for piece in pieces] == ["About ", "Ada ", None]


def test_history_aware_chain_rewrites_the_question_first() -> None:
    rewrite = ChatPromptTemplate.from_messages([MessagesPlaceholder("chat_history"), "{input}"])
    retriever = create_history_aware_retriever(
        FakeListChatModel(responses=["Ada Lovelace"]), FactRetriever(), rewrite
    )
    handler = CitationCallbackHandler(StubEngine())
    chain = create_retrieval_chain(retriever, answering())
    for inputs in ({"input": "And her?", "chat_history": HISTORY},):
        chain.invoke(inputs, using(handler))
    record = last(handler)
    assert record.question == "And her?"
    assert record.answer == "About And her?"
    assert record.chunks[0].text == "Ada Lovelace is fact 0."
    assert isinstance(record.prompt, list)
    assert record.prompt[0]["content"].startswith("Ada Lovelace is fact 0.")


def test_documents_given_to_a_stuffing_chain() -> None:
    handler = CitationCallbackHandler(StubEngine())
    found = FactRetriever().invoke("Ada")
    answering().invoke({"context": found, "input": "Ada", "chat_history": []}, using(handler))
    assert [chunk.id for chunk in last(handler).chunks] == ["facts-Ada-0", "facts-Ada-1"]
    assert last(handler).question == "Ada"


def retrievers() -> dict[str, BaseRetriever]:
    facts = FactRetriever()
    model = FakeListChatModel(responses=["YES", "NO"])
    return {
        "ensemble": EnsembleRetriever(retrievers=[facts, facts], weights=[0.5, 0.5]),
        "compression": ContextualCompressionRetriever(
            base_retriever=EnsembleRetriever(retrievers=[facts], weights=[1.0]),
            base_compressor=LLMChainFilter.from_llm(FakeListChatModel(responses=["YES"])),
        ),
        "filter": ContextualCompressionRetriever(
            base_retriever=facts, base_compressor=LLMChainFilter.from_llm(model)
        ),
        "multi-query": MultiQueryRetriever.from_llm(facts, FakeListChatModel(responses=["Ada"])),
    }


@pytest.mark.parametrize("kind", ["ensemble", "compression", "multi-query"])
def test_nested_retrievers_count_once(kind: str) -> None:
    handler = CitationCallbackHandler(StubEngine())
    rag(retriever=retrievers()[kind]).invoke("Ada", using(handler))
    check_record(last(handler), "Ada")
    assert open_runs(handler) == (0, 0)


def test_what_a_compressor_drops_is_no_context() -> None:
    handler = CitationCallbackHandler(StubEngine())
    rag(retriever=retrievers()["filter"]).invoke("Ada", using(handler))
    assert [chunk.id for chunk in last(handler).chunks] == ["facts-Ada-0"]
    assert isinstance(last(handler).prompt, list)
