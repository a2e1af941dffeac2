"""`cite`: a chain that brings its citations along, called in every way."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import (
    ConfigurableField,
    Runnable,
    RunnableConfig,
    RunnableLambda,
    RunnablePassthrough,
)
from langchain_core.runnables.utils import AddableDict
from pydantic import ValidationError

from attribot_integrations.errors import ConfigurationError, EmptyContextError
from attribot_integrations.langchain import CitationCallbackHandler, CitationRecord, cite
from attribot_integrations.langchain.records import UNTOLD
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.fakes import (
    EchoChatModel,
    FactRetriever,
    check_record,
    join,
    joined_facts,
    last,
    rag,
    using,
)


def by_invoke(chain: Runnable[Any, Any], query: Any, config: RunnableConfig) -> Any:
    return chain.invoke(query, config)


def by_ainvoke(chain: Runnable[Any, Any], query: Any, config: RunnableConfig) -> Any:
    return asyncio.run(chain.ainvoke(query, config))


def by_batch(chain: Runnable[Any, Any], query: Any, config: RunnableConfig) -> Any:
    return chain.batch([query], config)[0]


def by_abatch(chain: Runnable[Any, Any], query: Any, config: RunnableConfig) -> Any:
    return asyncio.run(chain.abatch([query], config))[0]


def by_stream(chain: Runnable[Any, Any], query: Any, config: RunnableConfig) -> Any:
    pieces = list(chain.stream(query, config))
    return sum(pieces[1:], pieces[0])


def by_astream(chain: Runnable[Any, Any], query: Any, config: RunnableConfig) -> Any:
    async def collect() -> list[Any]:
        return [piece async for piece in chain.astream(query, config)]

    pieces = asyncio.run(collect())
    return sum(pieces[1:], pieces[0])


BESIDE = ["citations", "documents", "support", "status", "reason"]
WAYS = [by_invoke, by_ainvoke, by_batch, by_abatch, by_stream, by_astream]


def check_result(result: Any, query: str) -> None:
    """The result of a citing `rag()` belongs to the query."""
    assert set(result) == {"answer", *BESIDE}
    assert (result["status"], result["reason"]) == ("ok", None)
    assert result["answer"].strip() == f"About Question: {query}"
    assert result["documents"] == FactRetriever().invoke(query)
    (citation,) = result["citations"]
    assert result["documents"][citation.chunk_index].id == citation.chunk_id == f"facts-{query}-0"
    assert result["answer"][citation.answer_start : citation.answer_end] == result["answer"]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_call(way: Any) -> None:
    records: list[CitationRecord] = []
    run_id = uuid4()
    chain = cite(rag(), StubEngine(), on_citations=records.append)
    check_result(way(chain, "Ada", {"run_id": run_id}), "Ada")
    (record,) = records
    assert record.run_id == run_id
    check_record(record, "Ada")


@pytest.mark.parametrize("way", WAYS)
def test_callbacks_of_the_caller_see_everything(way: Any) -> None:
    handler = CitationCallbackHandler(StubEngine())
    way(cite(rag(), StubEngine()), "Ada", using(handler))
    check_record(last(handler), "Ada")
    assert len(handler.records) == 1


def test_tokens_come_at_once_and_citations_at_the_end() -> None:
    events: list[str] = []

    class Slow(StubEngine):
        def attribute_request(self, request: Any) -> Any:
            events.append("attributed")
            return super().attribute_request(request)

    for piece in cite(rag(), Slow()).stream("Ada"):
        events += list(piece)
    assert events == ["answer"] * 3 + ["attributed", *BESIDE]


async def test_astream_events_show_tokens_and_result() -> None:
    chain = cite(rag(), StubEngine()).with_config(run_name="cited")
    events = [event async for event in chain.astream_events("Ada", version="v2")]
    assert "on_retriever_end" in {event["event"] for event in events}
    own = [event for event in events if event["name"] == "cited"]
    pieces = [event["data"]["chunk"] for event in own if event["event"] == "on_chain_stream"]
    assert [list(piece) for piece in pieces] == [["answer"]] * 3 + [BESIDE]
    check_result(own[-1]["data"]["output"], "Ada")


def test_many_at_once_have_no_crosstalk() -> None:
    chain = cite(rag(), StubEngine())
    queries = [f"Name{number}" for number in range(50)]
    for query, result in zip(queries, chain.batch(queries, {"max_concurrency": 8}), strict=True):
        check_result(result, query)


async def test_many_async_streams_have_no_crosstalk() -> None:
    chain = cite(rag(), StubEngine())

    async def collect(query: str) -> Any:
        pieces = [piece async for piece in chain.astream(query)]
        return sum(pieces[1:], pieces[0])

    queries = [f"Name{number}" for number in range(20)]
    for query, result in zip(queries, await asyncio.gather(*map(collect, queries)), strict=True):
        check_result(result, query)


def test_composition() -> None:
    chain = RunnableLambda(str.title) | cite(rag(), StubEngine()) | (lambda out: out["citations"])
    (citation,) = chain.invoke("ada")
    assert citation.chunk_id == "facts-Ada-0"
    streamed = RunnableLambda(str.title) | cite(rag(), StubEngine())
    check_result(by_stream(streamed, "ada", {}), "Ada")
    check_result(by_astream(streamed, "ada", {}), "Ada")


def test_retries_and_fallbacks_around_and_inside() -> None:
    broken = EchoChatModel(failures=[ValueError("busy")])
    chain = cite(rag(broken), StubEngine()).with_retry(wait_exponential_jitter=False)
    check_result(chain.invoke("Ada"), "Ada")
    broken = EchoChatModel(failures=[ValueError("down")])
    check_result(cite(rag(broken).with_fallbacks([rag()]), StubEngine()).invoke("Ada"), "Ada")


def test_config_reaches_the_chain() -> None:
    retriever = FactRetriever().configurable_fields(name_of_source=ConfigurableField(id="source"))
    chain = cite(rag(retriever=retriever), StubEngine())
    assert [spec.id for spec in chain.config_specs] == ["source"]
    result = chain.invoke("Ada", {"configurable": {"source": "other"}, "tags": ["mine"]})
    assert result["documents"][0].id == "other-Ada-0"
    result = chain.with_config(configurable={"source": "third"}).invoke("Ada")
    assert result["documents"][0].id == "third-Ada-0"


def test_schemas() -> None:
    chain = cite(rag(), StubEngine())
    assert chain.get_input_jsonschema()["type"] == "string"
    schema = chain.get_output_jsonschema()["$defs"]["CitedAnswer"]
    assert list(schema["properties"]) == ["answer", *BESIDE, "record"]
    pieces = chain.get_output_jsonschema()["$defs"]
    made = cite(rag(), StubEngine()).invoke("Ada")
    for name, key in (("CitationData", "citations"), ("DocumentData", "documents")):
        assert {*pieces[name]["properties"]} == {*made[key][0]}
    assert {*pieces["SupportData"]["required"]} >= {"label", "reason"}
    with pytest.raises(ValidationError, match="anser_key"):
        type(chain)(bound=rag(), engine=StubEngine(), anser_key="x")  # type: ignore[call-arg]


@pytest.mark.parametrize("way", WAYS)
def test_engine_errors_leave_the_answer(way: Any, caplog: pytest.LogCaptureFixture) -> None:
    engine = StubEngine(EmptyContextError("broken"))
    result = way(cite(rag(), engine), "Ada", {})
    assert result["answer"].strip() == "About Question: Ada"
    assert result["citations"] == []
    assert len(result["documents"]) == 2
    assert "broken" in caplog.text
    with pytest.raises(EmptyContextError, match="broken"):
        way(cite(rag(), engine, raise_error=True), "Ada", {})


@pytest.mark.parametrize("way", WAYS)
def test_errors_of_the_chain_are_its_own(way: Any) -> None:
    chain = cite(rag(EchoChatModel(failures=[ValueError("no answer")])), StubEngine())
    with pytest.raises(ValueError, match="no answer"):
        way(chain, "Ada", {})


@dataclass
class Reply:
    body: str


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reply", [{"body": "Fact."}, Reply("Fact."), AddableDict(body="Fact.")])
def test_keys(way: Any, reply: Any) -> None:
    chain = (
        {"facts": RunnableLambda(lambda i: i["topic"]) | joined_facts()}
        | ChatPromptTemplate.from_template("{facts}")
        | EchoChatModel()
        | RunnableLambda(lambda message: reply)
    )
    engine = StubEngine()
    cited = cite(chain, engine, question_key="topic", answer_key="body")
    result = way(cited, {"topic": "Ada", "input": "Other"}, {})
    assert result["answer"] == "Fact."
    assert engine.requests[0].question == "Ada"
    assert engine.requests[0].answer == "Fact."


def test_wrong_answer_key_is_said() -> None:
    message = re.escape("answer_key='reply' names no text in the chain's output, a dict: {'input'")
    chain: Runnable[str, Any] = RunnableLambda(lambda query: {"input": query, "answer": "A."})
    with pytest.raises(ConfigurationError, match=message):
        cite(chain, StubEngine(), answer_key="reply").invoke("Ada")


def test_message_and_dict_outputs_become_text() -> None:
    ask: Runnable[Any, str] = RunnableLambda(lambda i: f"{join(i['context'])}\n{i['input']}")
    chain = RunnablePassthrough.assign(
        context=RunnableLambda(lambda i: i["input"]) | FactRetriever()
    ) | RunnablePassthrough.assign(answer=ask | EchoChatModel())
    for way in WAYS:
        result = way(cite(chain, StubEngine()), {"input": "Ada"}, {})
        assert result["answer"].strip() == "About Ada", way
        assert len(result["documents"]) == 2


@pytest.mark.parametrize("way", WAYS)
def test_structured_output_is_streamed_too(way: Any) -> None:
    engine = StubEngine()
    chain = (
        {"context": FactRetriever() | join}
        | ChatPromptTemplate.from_template("{context}")
        | FakeListChatModel(responses=['{"sure": true, "answer": "A fact, \\"so\\"."}'])
        | JsonOutputParser()
    )
    result = way(cite(chain, engine), "Ada", {})
    assert result["answer"] == 'A fact, "so".'
    assert engine.requests[0].answer == 'A fact, "so".'
    assert engine.requests[0].prompt is not None
    assert len(list(cite(chain, engine).stream("Ada"))) > 5


@pytest.mark.parametrize("way", WAYS)
def test_no_answer_and_no_documents(way: Any, caplog: pytest.LogCaptureFixture) -> None:
    nothing = way(cite(RunnableLambda(lambda query: {"found": 3}), StubEngine()), "Ada", {})
    assert nothing == {
        "found": 3,
        "answer": None,
        "citations": [],
        "documents": [],
        "support": [],
        "status": "skipped",
        "reason": "no answer was found in the output: pass answer_key",
    }
    assert "pass answer_key" in caplog.text
    plain = way(cite(RunnableLambda(str.title), StubEngine()), "ada", {})
    assert (plain["answer"], plain["citations"], plain["documents"]) == ("Ada", [], [])
    assert (plain["status"], plain["reason"]) == ("skipped", UNTOLD)
    alone = way(cite(EchoChatModel(), StubEngine()), "Hello", {})
    assert alone["citations"] == alone["documents"] == []
    empty = way(cite(rag(RunnableLambda(lambda messages: "")), StubEngine()), "Ada", {})
    assert (empty["answer"], empty["citations"]) == ("", [])


@pytest.mark.parametrize("way", [by_invoke, by_ainvoke])
def test_chain_that_reports_no_run_of_its_own(way: Any) -> None:
    class Bare(Runnable[str, str]):
        def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> str:
            context = join(FactRetriever().invoke(input, config))
            return str(EchoChatModel().invoke(f"{context}\n{input}", config).text)

    engine = StubEngine()
    result = way(cite(Bare(), engine), "Ada", {})
    assert len(result["documents"]) == 2
    assert engine.requests[0].question == "Ada"
    assert engine.requests[0].prompt is not None


def test_closed_streams_attribute_nothing() -> None:
    engine = StubEngine()
    stream = cite(rag(), engine).stream("Ada")
    assert isinstance(stream, Iterator)
    next(stream)
    stream.close()  # type: ignore[attr-defined]

    async def leave() -> None:
        stream = cite(rag(), engine).astream("Ada")
        assert isinstance(stream, AsyncIterator)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(leave())
    assert engine.requests == []


async def test_attribution_leaves_the_event_loop() -> None:
    engine = StubEngine()
    await cite(rag(), engine).ainvoke("Ada")
    _ = [piece async for piece in cite(rag(), engine).astream("Ada")]
    assert all(name.startswith("attribution") for name in engine.threads)


def test_nothing_of_the_callers_is_changed() -> None:
    config: RunnableConfig = {"callbacks": [], "tags": ["a"], "metadata": {"m": 1}}
    before = {key: value.copy() for key, value in config.items()}  # type: ignore[attr-defined]
    found = [Document("Ada is a fact.", id="d", metadata={"tags": ["a"]})]
    copies = [document.model_copy(deep=True) for document in found]
    chain = cite(rag(retriever=RunnableLambda(lambda query: found)), StubEngine())
    result = chain.invoke("Ada", config)
    result["documents"][0].metadata["tags"] = "changed"
    assert config == before
    assert found == copies
