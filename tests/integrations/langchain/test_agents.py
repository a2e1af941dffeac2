"""Agents of `langchain.agents`: through callbacks, `cite`, and the middleware."""

import asyncio
import copy
import importlib
import sys
from typing import Any

import pytest

pytest.importorskip("langchain", reason="agents need the extra langchain-agents")

from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from attribot_integrations.errors import EmptyContextError, MissingExtraError
from attribot_integrations.langchain import (
    CitationCallbackHandler,
    CitationRecord,
    add_citations,
    cite,
)
from attribot_integrations.langchain.agents import CitationMiddleware
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.agents import FIND, AgentModel, agent, ask, build
from tests.integrations.langchain.fakes import last, open_runs, using

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11),
    reason="LangGraph hands callbacks to the nodes of async graphs from Python 3.11 on",
)
IDS = ["facts-Ada-0", "facts-Ada-1"]


def check(record: CitationRecord, kind: str, query: str = "Ada") -> None:
    """The record of an agent that has found facts belongs to the query."""
    assert record.question == query
    assert record.answer == f"It says: {query} is fact 0."
    assert isinstance(record.prompt, list)
    assert [message["role"] for message in record.prompt[-4:]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    if kind == "text":
        assert [chunk.text for chunk in record.chunks] == [
            f"{query} is fact 0.\n\n{query} is fact 1."
        ]
        assert (record.chunks[0].id, record.chunks[0].kind) == ("call_0", "tool")
        assert record.chunks[0].title == "tool output of find, turn 1"
    else:
        assert [chunk.id for chunk in record.chunks] == [f"facts-{query}-{n}" for n in (0, 1)]


@pytest.mark.parametrize("kind", FIND)
def test_callbacks_see_what_an_agent_retrieves(kind: str) -> None:
    handler = CitationCallbackHandler(StubEngine())
    agent(kind).invoke(ask("Ada"), using(handler))
    check(last(handler), kind)
    _ = list(agent(kind).stream(ask("Bea"), using(handler)))
    check(last(handler), kind, "Bea")
    asyncio.run(agent(kind).ainvoke(ask("Cleo"), using(handler)))
    check(last(handler), kind, "Cleo")
    assert len(handler.records) == 3
    assert open_runs(handler) == (0, 0)


@pytest.mark.parametrize("kind", FIND)
def test_cite_takes_an_agent(kind: str) -> None:
    records: list[CitationRecord] = []
    chain = cite(agent(kind), StubEngine(), on_citations=records.append)
    result = chain.invoke(ask("Ada"))
    *_, answer, rest = chain.stream(ask("Ada"))
    later = [answer + rest, asyncio.run(chain.ainvoke(ask("Ada")))]
    said = [str(message.text) for message in result.pop("messages")]
    for other in later:  # messages have ids of their own
        assert [str(message.text) for message in other.pop("messages")] == said
        assert other == result
    assert result["answer"] == "It says: Ada is fact 0."
    assert len(result["citations"]) == 1
    for record in records:
        check(record, kind)


@pytest.mark.parametrize("kind", FIND)
def test_middleware_puts_citations_into_the_state(kind: str) -> None:
    records: list[CitationRecord] = []
    middleware = CitationMiddleware(StubEngine(), on_citations=records.append)
    cited = agent(kind, middleware=[middleware])
    plain = agent(kind).invoke(ask("Ada"))
    result = cited.invoke(ask("Ada"))
    asynchronous = asyncio.run(cited.ainvoke(ask("Ada")))
    updates = list(cited.stream(ask("Ada")))
    assert "citations" in updates[-1]["CitationMiddleware.after_agent"]
    for record in records:
        check(record, kind)
    assert len(records) == 3
    (citation,) = result["citations"]
    assert asynchronous["citations"] == [citation]
    assert citation["cited_text"] == records[0].chunks[0].text
    assert [message.content for message in result["messages"]] == [
        message.content for message in plain["messages"]
    ]
    shown = add_citations(result["messages"][-1], result["citations"])
    (block,) = shown.content_blocks
    assert block["annotations"] == [citation]


def test_middleware_sends_no_annotations_to_the_model() -> None:
    seen: list[list[Any]] = []

    class Noting(AgentModel):
        def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(copy.deepcopy(messages))
            return super()._generate(messages, *args, **kwargs)

    cited = build(Noting(), [FIND["artifact"]], middleware=[CitationMiddleware(StubEngine())])
    first = cited.invoke(ask("Ada"))
    shown = add_citations(first["messages"][-1], first["citations"])
    history = [*first["messages"][:-1], shown]
    second = cited.invoke({"messages": [*history, *ask("Bea")["messages"]]})
    assert seen[-1][4].content == "It says: Ada is fact 0."
    assert second["messages"][3] == shown, "the caller's own stays as it is"


def test_conversation_with_checkpoints() -> None:
    records: list[CitationRecord] = []
    handler = CitationCallbackHandler(StubEngine())
    middleware = CitationMiddleware(StubEngine(), on_citations=records.append)
    saver = InMemorySaver()
    config = using(handler) | {"configurable": {"thread_id": "1"}}
    cited = agent(middleware=[middleware], checkpointer=saver)
    cited.invoke(ask("Ada"), config)
    # Another process would know the stored messages only.
    fresh = CitationMiddleware(StubEngine(), on_citations=records.append)
    later = agent(middleware=[fresh], checkpointer=saver).invoke(ask("Thanks!"), config)
    assert [type(message) for message in later["messages"]].count(ToolMessage) == 1
    assert later["citations"][0]["extras"]["chunk_id"] == "facts-Ada-0"
    for record in (records[1], last(handler)):
        assert (record.question, record.answer) == ("Thanks!", "As I said.")
        assert [chunk.id for chunk in record.chunks] == IDS
    cited.invoke(ask("Bea"), config)
    bea = ["facts-Bea-0", "facts-Bea-1"]
    assert [chunk.id for chunk in records[2].chunks] == IDS + bea
    assert sorted(str(chunk.id) for chunk in last(handler).chunks) == IDS + bea


def test_middleware_without_memory_of_the_call() -> None:
    records: list[CitationRecord] = []
    middleware = CitationMiddleware(StubEngine(), on_citations=records.append)
    messages = agent("artifact").invoke(ask("Ada"))["messages"]
    state: Any = {"messages": messages}
    assert middleware.after_agent(state, None)["citations"]  # type: ignore[arg-type]
    assert [chunk.id for chunk in records[0].chunks] == IDS
    assert isinstance(records[0].prompt, list)
    assert records[0].prompt[0]["role"] == "user"


def test_interrupted_agent_has_no_answer_and_goes_on_with_its_question() -> None:
    handler = CitationCallbackHandler(StubEngine())
    records: list[CitationRecord] = []
    cited = agent(
        middleware=[
            CitationMiddleware(StubEngine(), on_citations=records.append),
            HumanInTheLoopMiddleware({"find": True}),
        ],
        checkpointer=InMemorySaver(),
    )
    config = using(handler) | {"configurable": {"thread_id": "1"}}
    cited.invoke(ask("Ada"), config)
    assert handler.records == ()
    cited.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)
    check(last(handler), "artifact")
    check(records[0], "artifact")
    assert open_runs(handler) == (0, 0)


@pytest.mark.parametrize("way", ["threads", "tasks"])
def test_one_middleware_serves_many_calls(way: str) -> None:
    records: list[CitationRecord] = []
    middleware = CitationMiddleware(StubEngine(), on_citations=records.append)
    cited = agent("retriever", middleware=[middleware])
    inputs = [ask(f"Name{number}") for number in range(30)]
    if way == "threads":
        results = cited.batch(inputs, {"max_concurrency": 8})
    else:
        results = asyncio.run(cited.abatch(inputs))
    for number, result in enumerate(results):
        (citation,) = result["citations"]
        assert citation["extras"]["chunk_id"] == f"facts-Name{number}-0"
    for record in records:
        check(record, "retriever", record.question)


def test_structured_response() -> None:
    answer = {"reply": "Ada it is.", "sure": True}
    final = AIMessage(
        "", tool_calls=[{"name": "Reply", "args": answer, "id": "2", "type": "tool_call"}]
    )

    class Filling(AgentModel):
        def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            result = super()._generate(messages, *args, **kwargs)
            if isinstance(messages[-1], ToolMessage):
                result.generations[0].message = final
            return result

    schema = {
        "title": "Reply",
        "description": "A reply.",
        "type": "object",
        "properties": {"reply": {"type": "string"}, "sure": {"type": "boolean"}},
    }
    records: list[CitationRecord] = []
    middleware = CitationMiddleware(StubEngine(), answer_key="reply", on_citations=records.append)
    handler = CitationCallbackHandler(StubEngine())
    cited = build(Filling(), [FIND["artifact"]], response_format=schema, middleware=[middleware])
    result = cited.invoke(ask("Ada"), using(handler))
    assert result["structured_response"] == answer
    assert len(result["citations"]) == 1
    assert records[0].answer == "Ada it is."
    assert isinstance(records[0].prompt, list)
    assert records[0].prompt[-1]["role"] == "tool"


def test_agent_without_tools_or_answer() -> None:
    engine = StubEngine()
    records: list[CitationRecord] = []
    middleware = CitationMiddleware(engine, on_citations=records.append, raise_error=True)
    result = build(AgentModel(), [], middleware=[middleware]).invoke(ask("Thanks"))
    assert result["citations"] == []
    assert engine.requests == []
    assert [(record.reason or "")[:22] for record in records] == ["no documents were seen"]
    state: Any = {"messages": []}
    nothing: Any = {"citations": [], "attribution": None}
    assert CitationMiddleware(engine).after_agent(state, None) == nothing  # type: ignore[arg-type]


def test_errors_of_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    engine = StubEngine(EmptyContextError("broken"))
    result = agent(middleware=[CitationMiddleware(engine)]).invoke(ask("Ada"))
    assert result["citations"] == []
    assert result["messages"][-1].text == "It says: Ada is fact 0."
    assert "broken" in caplog.text
    with pytest.raises(EmptyContextError, match="broken"):
        agent(middleware=[CitationMiddleware(engine, raise_error=True)]).invoke(ask("Ada"))


def test_middleware_attributes_apart_from_the_event_loop() -> None:
    engine = StubEngine()
    asyncio.run(agent(middleware=[CitationMiddleware(engine)]).ainvoke(ask("Ada")))
    assert engine.threads[0].startswith("attribution")


def test_missing_langchain_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain.agents.middleware.types", None)
    monkeypatch.delitem(sys.modules, "attribot_integrations.langchain.agents")
    message = (
        r'CitationMiddleware needs .*: pip install "attribot-integrations\[langchain-agents\]"'
    )
    with pytest.raises(MissingExtraError, match=message):
        importlib.import_module("attribot_integrations.langchain.agents")
