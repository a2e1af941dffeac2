"""Which model's prompt and which answer are recorded."""

import logging
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel, FakeListLLM
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_core.runnables.config import RunnableConfig

from attribot_integrations.langchain import CitationCallbackHandler
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.calls import CALLS, Call
from tests.integrations.langchain.fakes import (
    TEMPLATE,
    EchoChatModel,
    FactRetriever,
    check_record,
    join,
    joined_facts,
    last,
    open_runs,
    rag,
    using,
)


def test_failed_attempts_of_a_retry_do_not_count() -> None:
    found = iter(["Old.", "New."])

    class Changing(FactRetriever):
        def _get_relevant_documents(
            self, query: str, *, run_manager: CallbackManagerForRetrieverRun
        ) -> list[Document]:
            return [Document(next(found))]

    chain = rag(EchoChatModel(failures=[ValueError("busy")]), Changing())
    handler = CitationCallbackHandler(StubEngine())
    retrying = chain.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    retrying.invoke("Ada", using(handler))
    assert [chunk.text for chunk in last(handler).chunks] == ["New."]
    assert last(handler).prompt_used == "captured"
    assert len(handler.records) == 1


def test_fallback_model_gives_the_answer() -> None:
    broken = EchoChatModel(failures=[ValueError("down")])
    handler = CitationCallbackHandler(StubEngine())
    rag(broken.with_fallbacks([EchoChatModel()])).invoke("Ada", using(handler))
    check_record(last(handler), "Ada")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("nested", [False, True])
def test_fallback_chain_brings_its_own_documents(call: Call, nested: bool) -> None:
    broken = rag(EchoChatModel(failures=[ValueError("down")]), FactRetriever(name_of_source="old"))
    handler = CitationCallbackHandler(StubEngine())
    chain: Runnable[str, str] = broken.with_fallbacks([rag()])
    if nested:
        chain = RunnableLambda(str.title) | chain
    call(chain, "Ada", using(handler))
    check_record(last(handler), "Ada")
    assert len(handler.records) == 1
    assert open_runs(handler) == (0, 0)


def test_chain_of_plain_functions_leaves_no_record() -> None:
    handler = CitationCallbackHandler(StubEngine())
    RunnableLambda(str.title).invoke("ada", using(handler))
    assert handler.records == ()


def test_answering_model_is_the_one_that_saw_the_documents() -> None:
    rewrite = ChatPromptTemplate.from_template("Rewrite: {q}") | EchoChatModel() | StrOutputParser()
    polish = ChatPromptTemplate.from_template("Polish: {text}") | FakeListChatModel(
        responses=["Polished."]
    )
    chain: Runnable[Any, Any] = (
        RunnableLambda(lambda q: {"q": q})
        | RunnablePassthrough.assign(better=rewrite)
        | RunnableLambda(lambda inputs: inputs["q"])
        | rag()
        | (lambda text: {"text": text})
        | polish
    )
    handler = CitationCallbackHandler(StubEngine())
    chain.invoke("Ada", using(handler))
    record = last(handler)
    assert record.answer == "Polished."
    assert isinstance(record.prompt, list)
    assert record.prompt[-1]["content"] == "Polish: About Question: Ada"
    (step,) = record.captured.steps
    assert isinstance(step.prompt, list)
    assert step.prompt[-1]["content"].startswith("Context:\nAda is fact 0.")


def test_answering_model_is_the_one_whose_text_came_out() -> None:
    ask = ChatPromptTemplate.from_template(TEMPLATE)
    suggest = ChatPromptTemplate.from_template("Suggest questions about {context}")
    chain = (
        RunnablePassthrough.assign(context=lambda inputs: inputs["question"])
        | RunnablePassthrough.assign(
            context=RunnableLambda(lambda i: i["question"]) | joined_facts()
        )
        | RunnablePassthrough.assign(answer=ask | EchoChatModel() | StrOutputParser())
        | RunnablePassthrough.assign(more=suggest | FakeListChatModel(responses=["And Bea?"]))
    )
    handler = CitationCallbackHandler(StubEngine())
    chain.invoke({"question": "Ada"}, using(handler))
    record = last(handler)
    assert record.answer == "About Question: Ada"
    assert isinstance(record.prompt, list)
    assert record.prompt[0]["content"].startswith("Context:")


def test_summaries_of_single_documents_lead_on_to_them() -> None:
    def map_reduce(query: str, config: RunnableConfig) -> str:
        documents = FactRetriever().invoke(query, config)
        model = FakeListChatModel(responses=["First.", "Second.", "Both."])
        parts = [str(model.invoke(item.page_content, config).text) for item in documents]
        return str(model.invoke(" ".join(parts), config).text)

    engine = StubEngine()
    handler = CitationCallbackHandler(engine)
    RunnableLambda(map_reduce).invoke("Ada", using(handler))
    assert last(handler).answer == "Both."
    record = last(handler)
    assert (record.status, record.reason, record.prompt_used) == ("ok", None, "captured")
    assert record.prompt == [{"role": "user", "content": "First. Second."}]
    assert [step.answer for step in record.captured.steps] == ["First.", "Second."]
    # The stub cites the first source, which is the first summary, and that its one document.
    assert [citation.chunk_index for citation in record.citations] == [0]
    assert not record.citations[0].exact


def test_grading_of_documents_before_the_answer_changes_nothing() -> None:
    def corrective(query: str, config: RunnableConfig) -> str:
        documents = FactRetriever().invoke(query, config)
        for item in documents:
            EchoChatModel().invoke(f"Relevant?\n{item.page_content}", config)
        return str(EchoChatModel().invoke(f"{documents[0].page_content}\nWho?", config).text)

    handler = CitationCallbackHandler(StubEngine())
    RunnableLambda(corrective).invoke("Ada", using(handler))
    assert last(handler).prompt == [{"role": "user", "content": "Ada is fact 0.\nWho?"}]
    assert (last(handler).status, last(handler).prompt_used) == ("ok", "captured")


def test_tool_calls_are_no_answer() -> None:
    call = {"name": "search", "args": {}, "id": "1", "type": "tool_call"}

    def agent(query: str, config: RunnableConfig) -> None:
        model = GenericFakeChatModel(
            messages=iter([AIMessage("Found.", tool_calls=[]), AIMessage("", tool_calls=[call])])
        )
        context = join(FactRetriever().invoke(query, config))
        model.invoke(context, config)
        model.invoke(context, config)

    handler = CitationCallbackHandler(StubEngine())
    RunnableLambda(agent).invoke("Ada", using(handler))
    assert last(handler).answer == "Found."


def test_text_model_has_a_raw_prompt() -> None:
    chain = (
        {"context": FactRetriever() | join, "question": RunnablePassthrough()}
        | PromptTemplate.from_template(TEMPLATE)
        | FakeListLLM(responses=["Text."])
    )
    handler = CitationCallbackHandler(StubEngine())
    chain.invoke("Ada", using(handler))
    assert last(handler).prompt == ("Context:\nAda is fact 0.\n\nAda is fact 1.\n\nQuestion: Ada")
    assert last(handler).answer == "Text."


def test_cached_text_model_reports_no_event() -> None:
    chain = (
        {"context": FactRetriever() | join, "question": RunnablePassthrough()}
        | PromptTemplate.from_template(TEMPLATE)
        | FakeListLLM(responses=["Text.", "Other."], cache=InMemoryCache())
    )
    handler = CitationCallbackHandler(StubEngine())
    for _ in range(2):
        assert chain.invoke("Ada", using(handler)) == "Text."
    first, second = handler.records
    assert second.answer == "Text."
    assert (first.prompt_used, second.prompt_used) == ("captured", "template")
    assert len(second.chunks) == 2


def test_handler_of_an_inner_chain_sees_that_chain() -> None:
    handler = CitationCallbackHandler(StubEngine())
    outer = RunnableLambda(str.title) | rag().with_config(callbacks=[handler])
    outer.invoke("ada")
    check_record(last(handler), "Ada")


def test_dict_output_and_custom_input_key() -> None:
    chain = (
        {"topic": lambda inputs: inputs["topic"]}
        | RunnablePassthrough.assign(context=RunnableLambda(lambda i: i["topic"]) | joined_facts())
        | RunnablePassthrough.assign(
            answer=ChatPromptTemplate.from_template("{context}\n{topic}") | EchoChatModel()
        )
    )
    handler = CitationCallbackHandler(StubEngine())
    chain.invoke({"topic": "Ada"}, using(handler))
    assert last(handler).question == "Ada", "the retriever's query"
    assert last(handler).answer == "About Ada"
    assert len(last(handler).chunks) == 2


def test_streamed_dict_output() -> None:
    chain = RunnablePassthrough.assign(answer=RunnableLambda(lambda i: i["question"]) | rag())
    handler = CitationCallbackHandler(StubEngine())
    list(chain.stream({"question": "Ada"}, using(handler)))
    check_record(last(handler), "Ada")


def test_empty_answer_gives_no_citation_and_no_error() -> None:
    handler = CitationCallbackHandler(StubEngine(), raise_error=True)
    rag(FakeListChatModel(responses=[""])).invoke("Ada", using(handler))
    assert last(handler).answer == ""
    assert last(handler).attribution is None
    assert last(handler).error is None


def test_capturing_never_raises_into_the_chain(caplog: pytest.LogCaptureFixture) -> None:
    handler = CitationCallbackHandler(StubEngine())
    with caplog.at_level(logging.WARNING):
        rag(RunnableLambda(lambda messages: "Plain.")).invoke("Ada", using(handler))
    assert last(handler).answer == "Plain."
    assert last(handler).prompt is None
    assert caplog.text == ""


def test_structured_output_keeps_the_prompt_that_it_was_asked_with() -> None:
    filled = {"name": "Reply", "args": {"answer": 'So "it" is.'}, "id": "1", "type": "tool_call"}
    model = GenericFakeChatModel(
        messages=iter([AIMessage("Rewritten."), AIMessage("", tool_calls=[filled])])
    )
    ask: Runnable[Any, Any] = ChatPromptTemplate.from_template(TEMPLATE) | model
    chain = (
        RunnablePassthrough.assign(other=lambda i: model.invoke("Rewrite this."))
        | RunnablePassthrough.assign(
            context=RunnableLambda(lambda i: i["question"]) | joined_facts()
        )
        | ask
        | (lambda message: message.tool_calls[0]["args"])
    )
    handler = CitationCallbackHandler(StubEngine())
    chain.invoke({"question": "Ada"}, using(handler))
    assert last(handler).answer == 'So "it" is.'
    assert isinstance(last(handler).prompt, list)
    assert last(handler).prompt_used == "captured"
    assert "Ada is fact 0." in str(last(handler).prompt)


def test_record_names_the_generator_and_the_scoring_model() -> None:
    class Named(EchoChatModel):
        model: str = "far/away"

    handler = CitationCallbackHandler(StubEngine())
    rag(Named()).invoke("Ada", using(handler))
    assert last(handler).generator == "far/away"
    assert last(handler).scored_by is None, "a stub runs no model"
    rag(FakeListChatModel(responses=[""])).invoke("Ada", using(handler))
    assert last(handler).scored_by is None
