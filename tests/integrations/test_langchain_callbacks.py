"""The callback handler in real chains, with fake models and a stub in the engine's place."""

import asyncio
import gc
import importlib
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel, FakeListChatModel, FakeListLLM
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_core.runnables.config import RunnableConfig

from attribot_integrations.config import AttributionRequest
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import (
    ChunkNotFoundError,
    ConfigurationError,
    EmptyContextError,
    MissingExtraError,
    PromptError,
)
from attribot_integrations.langchain import CitationCallbackHandler, CitationRecord
from attribot_integrations.langchain.content import answer_text, prompt_messages, question_text
from attribot_integrations.langchain.tracking import RunTracker
from attribot_integrations.results import Attribution, Citation, Cost

TEMPLATE = "Context:\n{context}\n\nQuestion: {question}"


def attribution_of(request: AttributionRequest) -> Attribution:
    """An attribution that cites the whole first chunk for the whole answer."""
    chunk = request.chunks[0]
    assert not isinstance(chunk, str)
    citation = Citation(
        number=1,
        statement_index=0,
        source_id=0,
        chunk_index=0,
        chunk_id=chunk.id,
        answer_start=0,
        answer_end=len(request.answer),
        chunk_start=0,
        chunk_end=len(chunk.text),
        text=chunk.text,
        score=2.0,
        exact=True,
    )
    nothing = np.zeros(0, dtype=np.float32)
    return Attribution(
        question=request.question,
        answer=request.answer,
        chunks=(chunk,),
        sources=(),
        statements=(),
        scores=np.zeros((0, 0), dtype=np.float32),
        exact=np.zeros(0, dtype=np.bool_),
        estimands=(),
        token_spans=(),
        token_log_probs=nothing,
        token_log_probs_without_context=nothing,
        citations=(citation,),
        method="stub",
        cost=Cost(0.0, ()),
        id=request.id,
    )


@dataclass
class StubEngine:
    """Records requests; raises `error` for captured prompts, or for all with `always`."""

    error: Exception | None = None
    always: bool = False
    requests: list[AttributionRequest] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        self.requests.append(request)
        self.threads.append(threading.current_thread().name)
        if self.error is not None and (self.always or request.prompt is not None):
            raise self.error
        return attribution_of(request)


class FactRetriever(BaseRetriever):
    """Finds two documents that name the query."""

    name_of_source: str = "facts"

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [
            Document(
                f"{query} is fact {number}.",
                id=f"{self.name_of_source}-{query}-{number}",
                metadata={"title": f"Title {number}"},
            )
            for number in range(2)
        ]


class EchoChatModel(BaseChatModel):
    """Answers with the last line of the prompt, in several streamed pieces."""

    failures: list[BaseException] = []  # noqa: RUF012 - pydantic copies defaults

    @property
    def _llm_type(self) -> str:
        return "echo"

    def _answer(self, messages: list[BaseMessage]) -> str:
        if self.failures:
            raise self.failures.pop()
        return f"About {str(messages[-1].text).splitlines()[-1]}"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = AIMessage(self._answer(messages))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for word in self._answer(messages).split(" "):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word + " "))


def join(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


def rag(
    model: Runnable[Any, Any] | None = None, retriever: Runnable[str, Any] | None = None
) -> Runnable[str, str]:
    return (
        {"context": (retriever or FactRetriever()) | join, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", TEMPLATE)])
        | (model or EchoChatModel())
        | StrOutputParser()
    )


def using(handler: CitationCallbackHandler) -> RunnableConfig:
    return RunnableConfig(callbacks=[handler])


def last(handler: CitationCallbackHandler) -> CitationRecord:
    assert handler.last is not None
    return handler.last


def open_runs(handler: CitationCallbackHandler) -> tuple[int, int]:
    return handler.tracker.open_roots, handler.tracker.open_runs


def check_record(record: CitationRecord, query: str) -> None:
    """Everything in a record of `rag()` belongs to the query."""
    assert record.question == query
    assert [chunk.text for chunk in record.chunks] == [f"{query} is fact {n}." for n in (0, 1)]
    assert [chunk.id for chunk in record.chunks] == [f"facts-{query}-{n}" for n in (0, 1)]
    assert record.chunks[0].title == "Title 0"
    human = f"Context:\n{query} is fact 0.\n\n{query} is fact 1.\n\nQuestion: {query}"
    assert record.prompt == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": human},
    ]
    assert record.answer.strip() == f"About Question: {query}"
    assert record.attribution is not None
    assert record.attribution.id == str(record.run_id)
    assert record.prompt_used == "captured"
    assert record.error is None


# --- Every way to call a chain ---


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


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("twice", [False, True])
def test_record_holds_what_belongs_together(call: Call, twice: bool) -> None:
    engine = StubEngine()
    handler = CitationCallbackHandler(engine)
    options = RunnableConfig(callbacks=[handler, handler] if twice else [handler])
    answer = call(rag().with_config(callbacks=[handler] if twice else []), "Ada", options)
    assert len(handler.records) == 1
    assert last(handler).answer == answer
    check_record(last(handler), "Ada")
    assert handler.citations[0].chunk_id == "facts-Ada-0"
    assert handler.attribution is last(handler).attribution
    assert len(engine.requests) == 1
    assert open_runs(handler) == (0, 0)


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


# --- Many at once ---


def check_many(handler: CitationCallbackHandler, queries: list[str]) -> None:
    assert sorted(record.question for record in handler.records) == sorted(queries)
    for record in handler.records:
        check_record(record, record.question)
    assert open_runs(handler) == (0, 0)


def test_batch_has_no_crosstalk() -> None:
    handler = CitationCallbackHandler(StubEngine())
    queries = [f"Name{number}" for number in range(50)]
    rag().batch(queries, using(handler) | {"max_concurrency": 8})
    check_many(handler, queries)


async def test_abatch_has_no_crosstalk() -> None:
    handler = CitationCallbackHandler(StubEngine(), mode="eager")
    queries = [f"Name{number}" for number in range(50)]
    await rag().abatch(queries, using(handler))
    assert handler.wait(30)
    check_many(handler, queries)


async def test_concurrent_streams_have_no_crosstalk() -> None:
    handler = CitationCallbackHandler(StubEngine())
    queries = [f"Name{number}" for number in range(20)]

    async def consume(query: str) -> None:
        async for _ in rag().astream(query, using(handler)):
            await asyncio.sleep(0)

    await asyncio.gather(*map(consume, queries))
    check_many(handler, queries)


def test_threads_have_no_crosstalk() -> None:
    handler = CitationCallbackHandler(StubEngine())
    queries = [f"Name{number}" for number in range(50)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda query: rag().invoke(query, using(handler)), queries))
    check_many(handler, queries)


def test_run_id_finds_the_record() -> None:
    handler = CitationCallbackHandler(StubEngine())
    wanted = uuid4()
    rag().invoke("Ada", using(handler) | {"run_id": wanted})
    rag().invoke("Bea", using(handler))
    found = handler.get(wanted)
    assert found is not None
    assert found.question == "Ada"
    assert handler.get(uuid4()) is None


def test_oldest_records_go_first() -> None:
    handler = CitationCallbackHandler(StubEngine(), max_records=2)
    for query in ("Ada", "Bea", "Cleo"):
        rag().invoke(query, using(handler))
    assert [record.question for record in handler.records] == ["Bea", "Cleo"]
    handler.clear()
    assert handler.records == ()


# --- Streams that do not end ---


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


# --- Which documents ---


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


class FixedRetriever(BaseRetriever):
    """Always finds the same documents."""

    found: list[Document]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return self.found


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


# --- Which model, prompt and answer ---


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
    assert record.prompt[-1]["content"].startswith("Context:\nAda is fact 0.")


def test_answering_model_is_the_one_whose_text_came_out() -> None:
    ask = ChatPromptTemplate.from_template(TEMPLATE)
    suggest = ChatPromptTemplate.from_template("Suggest questions about {context}")
    chain = (
        RunnablePassthrough.assign(context=lambda inputs: inputs["question"])
        | RunnablePassthrough.assign(context=RunnableLambda(lambda i: i["question"]) | _joined())
        | RunnablePassthrough.assign(answer=ask | EchoChatModel() | StrOutputParser())
        | RunnablePassthrough.assign(more=suggest | FakeListChatModel(responses=["And Bea?"]))
    )
    handler = CitationCallbackHandler(StubEngine())
    chain.invoke({"question": "Ada"}, using(handler))
    record = last(handler)
    assert record.answer == "About Question: Ada"
    assert isinstance(record.prompt, list)
    assert record.prompt[0]["content"].startswith("Context:")


def _joined() -> Runnable[str, str]:
    return FactRetriever() | join


def test_summaries_of_single_documents_explain_no_answer() -> None:
    def map_reduce(query: str, config: RunnableConfig) -> str:
        documents = FactRetriever().invoke(query, config)
        model = FakeListChatModel(responses=["First.", "Second.", "Both."])
        parts = [str(model.invoke(item.page_content, config).text) for item in documents]
        return str(model.invoke(" ".join(parts), config).text)

    engine = StubEngine()
    handler = CitationCallbackHandler(engine)
    RunnableLambda(map_reduce).invoke("Ada", using(handler))
    assert last(handler).answer == "Both."
    assert last(handler).prompt is None
    assert last(handler).prompt_used == "template"


def test_grading_of_documents_before_the_answer_changes_nothing() -> None:
    def corrective(query: str, config: RunnableConfig) -> str:
        documents = FactRetriever().invoke(query, config)
        for item in documents:
            EchoChatModel().invoke(f"Relevant?\n{item.page_content}", config)
        return str(EchoChatModel().invoke(f"{documents[0].page_content}\nWho?", config).text)

    handler = CitationCallbackHandler(StubEngine())
    RunnableLambda(corrective).invoke("Ada", using(handler))
    assert last(handler).prompt == [{"role": "user", "content": "Ada is fact 0.\nWho?"}]
    assert last(handler).prompt_used == "captured"


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


def test_branch_that_outlives_its_root_is_no_root() -> None:
    tracker = RunTracker()
    root, chain, model = uuid4(), uuid4(), uuid4()
    tracker.start(root, None, "chain", inputs="Ada")
    tracker.start(chain, root, "chain")
    tracker.fail(root, ValueError("other branch"))
    tracker.start(model, chain, "model", prompt="late")
    assert tracker.end_model(model, LLMResult(generations=[])) is None
    assert (tracker.open_roots, tracker.open_runs) == (0, 0)


def test_handler_of_an_inner_chain_sees_that_chain() -> None:
    handler = CitationCallbackHandler(StubEngine())
    outer = RunnableLambda(str.title) | rag().with_config(callbacks=[handler])
    outer.invoke("ada")
    check_record(last(handler), "Ada")


# --- Reading text ---


@pytest.mark.parametrize(
    ("inputs", "question"),
    [
        ("Who?", "Who?"),
        ("", None),
        ({"input": ""}, None),
        ({"input": "Who?", "chat_history": [HumanMessage("Old?")]}, "Who?"),
        ({"question": "Who?"}, "Who?"),
        ({"query": {"question": "Who?"}}, "Who?"),
        ({"messages": [HumanMessage("Old?"), AIMessage("A"), HumanMessage("Who?")]}, "Who?"),
        ({"messages": [("user", "Who?"), ("assistant", "A")]}, "Who?"),
        ({"messages": [{"role": "user", "content": "Who?"}]}, "Who?"),
        ([HumanMessage([{"type": "text", "text": "Who"}, {"type": "text", "text": "?"}])], "Who?"),
        ([ChatMessage(content="Who?", role="user")], "Who?"),
        ({"topic": "Who?"}, None),
        ([1, 2], None),
        ([{"no": "message"}], None),
        (None, None),
    ],
)
def test_question_text(inputs: object, question: str | None) -> None:
    assert question_text(inputs) == question


@dataclass
class Structured:
    answer: str


@pytest.mark.parametrize(
    ("outputs", "answer"),
    [
        ("Text.", "Text."),
        ("", ""),
        (AIMessage("Text."), "Text."),
        (AIMessageChunk(content="Text."), "Text."),
        (AIMessage([{"type": "text", "text": "Te"}, "xt."]), "Text."),
        (ChatMessage(content="Text.", role="assistant"), "Text."),
        (HumanMessage("Text."), None),
        ({"answer": "Text.", "context": ["x"]}, "Text."),
        ({"answer": AIMessage("Text.")}, "Text."),
        ({"query": "q", "result": "Text."}, "Text."),
        ({"messages": [HumanMessage("Who?"), AIMessage("Text.")]}, "Text."),
        ({"messages": [AIMessage("Old."), HumanMessage("Who?")]}, None),
        (Structured("Text."), "Text."),
        (ChatGeneration(message=AIMessage("Text.")), "Text."),
        ({"documents": []}, None),
        (None, None),
    ],
)
def test_answer_text(outputs: object, answer: str | None) -> None:
    assert answer_text(outputs) == answer


def test_prompt_messages_have_roles_and_text() -> None:
    messages: list[BaseMessage] = [
        SystemMessage("S"),
        HumanMessage(
            [
                {"type": "text", "text": "H"},
                {"type": "image_url", "image_url": {"url": "data:,"}},
            ]
        ),
        AIMessageChunk(content="A"),
        ToolMessage("T", tool_call_id="1"),
        ChatMessage(content="C", role="critic"),
    ]
    assert [(item["role"], item["content"]) for item in prompt_messages(messages)] == [
        ("system", "S"),
        ("user", "H"),
        ("assistant", "A"),
        ("tool", "T"),
        ("critic", "C"),
    ]


def test_dict_output_and_custom_input_key() -> None:
    chain = (
        {"topic": lambda inputs: inputs["topic"]}
        | RunnablePassthrough.assign(context=RunnableLambda(lambda i: i["topic"]) | _joined())
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


# --- Attribution ---


def test_lazy_attribution_runs_once_when_it_is_read() -> None:
    engine = StubEngine()
    handler = CitationCallbackHandler(engine)
    rag().invoke("Ada", using(handler))
    record = last(handler)
    assert not record.done
    assert "pending" in repr(record)
    assert engine.requests == []
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: id(record.attribution), range(8)))
    assert len(found) == len(engine.requests) == 1
    assert record.done
    assert "citations=1" in repr(record)
    assert handler.wait(0)


async def test_async_reading_leaves_the_event_loop_free() -> None:
    engine = StubEngine()
    handler = CitationCallbackHandler(engine)
    await rag().ainvoke("Ada", using(handler))
    assert await last(handler).aattribution() is not None
    assert engine.threads != [threading.current_thread().name]


@pytest.mark.parametrize("error", [ChunkNotFoundError("no place"), PromptError("refused")])
def test_template_takes_over_from_an_unusable_prompt(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    engine = StubEngine(error)
    handler = CitationCallbackHandler(engine)
    rag().invoke("Ada", using(handler))
    assert last(handler).prompt_used == "template"
    assert last(handler).attribution is not None
    assert last(handler).error is None
    assert [request.prompt is None for request in engine.requests] == [False, True]
    assert f"a template takes its place: {error}" in caplog.text


@pytest.mark.parametrize("mode", ["lazy", "eager"])
def test_failed_attribution_does_not_break_the_chain(
    mode: Any, caplog: pytest.LogCaptureFixture
) -> None:
    error = EmptyContextError("broken")
    handler = CitationCallbackHandler(StubEngine(error), mode=mode)
    assert rag().invoke("Ada", using(handler)) == "About Question: Ada"
    assert handler.wait(10)
    assert last(handler).error is error
    assert last(handler).attribution is None
    assert handler.citations == ()
    assert f"attribution of run {last(handler).run_id} failed: broken" in caplog.text
    assert "error=EmptyContextError('broken')" in repr(handler)


def test_failing_template_is_an_error_too() -> None:
    error = ChunkNotFoundError("no place")
    handler = CitationCallbackHandler(StubEngine(error, always=True))
    rag().invoke("Ada", using(handler))
    assert last(handler).error is error
    assert last(handler).prompt_used == "template"


def test_lazy_raise_error_raises_where_it_is_read() -> None:
    error = EmptyContextError("broken")
    handler = CitationCallbackHandler(StubEngine(error), raise_error=True)
    assert rag().invoke("Ada", using(handler)) == "About Question: Ada"
    assert last(handler).error is error
    for read in (lambda: handler.citations, lambda: last(handler).attribution):
        with pytest.raises(EmptyContextError, match="broken"):
            read()


@pytest.mark.parametrize("call", CALLS)
def test_eager_raise_error_raises_from_the_chain(call: Call) -> None:
    engine = StubEngine(EmptyContextError("broken"))
    handler = CitationCallbackHandler(engine, mode="eager", raise_error=True)
    with pytest.raises(EmptyContextError, match="broken"):
        call(rag(), "Ada", using(handler))
    if call in (call_ainvoke, call_abatch, call_astream):
        assert engine.threads != [threading.main_thread().name], "not on the event loop"
    assert len(handler.records) == 1
    assert open_runs(handler) == (0, 0)


def test_eager_mode_hands_records_on_from_its_worker() -> None:
    seen: list[tuple[str, bool, str]] = []

    def note(record: CitationRecord) -> None:
        name = threading.current_thread().name
        seen.append((record.question, record.attribution is not None, name))

    engine = StubEngine()
    handler = CitationCallbackHandler(engine, mode="eager", on_citations=note)
    for query in ("Ada", "Bea", "Cleo"):
        rag().invoke(query, using(handler))
    assert handler.wait(10)
    assert [(query, done) for query, done, _ in seen] == [
        ("Ada", True),
        ("Bea", True),
        ("Cleo", True),
    ]
    assert {name for *_, name in seen} == set(engine.threads)
    assert all(name.startswith("citations") for name in engine.threads)


def test_wait_gives_up_after_its_time() -> None:
    going_on = threading.Event()
    handler = CitationCallbackHandler(
        StubEngine(), mode="eager", on_citations=lambda record: going_on.wait(10)
    )
    rag().invoke("Ada", using(handler))
    assert not handler.wait(0.01)
    going_on.set()
    assert handler.wait(10)


def test_failing_on_citations_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(record: CitationRecord) -> None:
        raise RuntimeError("no printer")

    handler = CitationCallbackHandler(StubEngine(), mode="eager", on_citations=fail)
    rag().invoke("Ada", using(handler))
    assert handler.wait(10)
    assert "on_citations failed" in caplog.text
    strict = CitationCallbackHandler(
        StubEngine(), mode="eager", on_citations=fail, raise_error=True
    )
    with pytest.raises(RuntimeError, match="no printer"):
        rag().invoke("Ada", using(strict))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "later"}, 'mode must be "lazy" or "eager", got \'later\''),
        ({"on_citations": print}, 'on_citations is called in mode="eager" only'),
        ({"max_records": 0}, "max_records must be at least 1, got 0"),
        ({"max_open_runs": 0}, "max_open_runs must be at least 1, got 0"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CitationCallbackHandler(StubEngine(), **options)


def test_capturing_never_raises_into_the_chain(caplog: pytest.LogCaptureFixture) -> None:
    handler = CitationCallbackHandler(StubEngine())
    with caplog.at_level(logging.WARNING):
        rag(RunnableLambda(lambda messages: "Plain.")).invoke("Ada", using(handler))
    assert last(handler).answer == "Plain."
    assert last(handler).prompt is None
    assert caplog.text == ""


def test_repr_says_what_is_there() -> None:
    handler = CitationCallbackHandler(StubEngine())
    assert repr(handler) == (
        "CitationCallbackHandler(mode='lazy', records=0, open_runs=0, last=None)"
    )
    rag().invoke("Ada", using(handler))
    assert "records=1" in repr(handler)
    assert "question='Ada', chunks=2, answer='About Question: Ada', pending" in repr(handler)


@pytest.mark.parametrize(
    ("module", "feature"),
    [("langchain", "LangChain integration"), ("demo.chain", "the demo chain")],
)
def test_missing_langchain_names_the_extra(
    module: str, feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.split(".")[0] == "langchain_core":
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"attribot_integrations.{module}", raising=False)
    message = re.escape(f'{feature} needs packages that are not installed: pip install "attribot-')
    with pytest.raises(MissingExtraError, match=message):
        importlib.import_module(f"attribot_integrations.{module}")


def test_import_loads_no_model_library() -> None:
    code = "import sys, attribot_integrations.langchain; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_record_of_a_real_engine(demo_engine: AttributionEngine) -> None:
    handler = CitationCallbackHandler(demo_engine)
    rag().invoke("Ada", using(handler))
    attribution = last(handler).attribution
    assert attribution is not None
    assert attribution.answer == "About Question: Ada"
    assert all(location.located for location in attribution.locations)
    assert attribution.scores.shape[0] == 2
    assert UUID(attribution.id) == last(handler).run_id


@pytest.fixture(scope="module")
def demo_engine() -> AttributionEngine:
    return AttributionEngine.demo()
