"""Earlier turns and tools as sources: chains with a history, agents, summaries."""

from __future__ import annotations

import functools
import operator
import sys
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableLambda

from attribot_integrations import EngineOptions
from attribot_integrations.langchain import (
    CitationCallbackHandler,
    CitationMiddleware,
    cite,
    register_documents,
)
from attribot_integrations.langchain.chat_messages import prompt_messages
from tests.integrations.engines import StubEngine, TurnEngine
from tests.integrations.langchain.agents import FIND, AgentModel, ask
from tests.integrations.langchain.fakes import EchoChatModel, last, using
from tests.unit.evaluation.tiny import tiny_engine

HISTORY = [HumanMessage("My pier is North."), AIMessage("A fine pier.")]
FACT = Document("The North pier is 900 m long.", id="n")


def chain() -> Runnable[Any, Any]:
    prompt = ChatPromptTemplate.from_messages(
        [("system", "Be brief."), MessagesPlaceholder("history"), ("human", "{input}")]
    )
    return prompt | EchoChatModel()


def asked(question: str = "Which pier?", history: Any = HISTORY) -> dict[str, Any]:
    return {"input": question, "history": history}


def titles(cited: dict[str, Any]) -> list[str]:
    return [each["title"] for each in cited["citations"]]


def test_a_chat_without_any_document() -> None:
    cited = cite(chain(), TurnEngine()).invoke(asked())
    assert (cited["status"], cited["reason"]) == ("ok", None)
    assert titles(cited) == [
        "the system prompt",
        "the user's message of turn 1",
        "the assistant's message of turn 1",
    ]
    assert [(each["kind"], each["turn"], each["role"]) for each in cited["citations"]] == [
        ("system", 0, "system"),
        ("user", 1, "user"),
        ("assistant", 1, "assistant"),
    ]
    for each in cited["citations"]:
        document = cited["documents"][each["chunk_index"]]
        assert document.page_content == each["text"]
        assert document.metadata["kind"] == each["kind"]
    assert "[2] is the user's own words" in cited["citations"][0]["remark"]


def test_documents_come_first() -> None:
    def gather(value: dict[str, Any]) -> dict[str, Any]:
        register_documents([FACT])
        return {**value, "input": f"{FACT.page_content}\n\n{value['input']}"}

    handler = CitationCallbackHandler(TurnEngine())
    (RunnableLambda(gather) | chain()).invoke(asked(), using(handler))
    record = last(handler)
    assert (record.status, record.reason) == ("ok", None)
    assert [each.kind for each in record.citations] == ["retrieved", "system", "user", "assistant"]
    assert [chunk.id for chunk in record.chunks] == ["n"]


def test_documents_that_the_model_was_not_shown() -> None:
    def gather(value: dict[str, Any]) -> dict[str, Any]:
        register_documents([Document("Quite another text about herrings.")])
        return value

    handler = CitationCallbackHandler(TurnEngine())
    (RunnableLambda(gather) | chain()).invoke(asked(), using(handler))
    record = last(handler)
    assert record.reason == "documents 0 were not shown to the model and are not scored"
    assert [each.kind for each in record.citations] == ["system", "user", "assistant"]


def test_the_first_question_of_a_chat_has_no_sources() -> None:
    only = ChatPromptTemplate.from_messages([("human", "{input}")]) | EchoChatModel()
    cited = cite(only, TurnEngine()).invoke(asked(history=[]))
    assert cited["status"] == "skipped"
    assert "no chunks were given, and beside its question" in cited["reason"]


def test_by_default_only_documents_count(caplog: pytest.LogCaptureFixture) -> None:
    cited = cite(chain(), StubEngine()).invoke(asked())
    assert cited["status"] == "skipped"
    assert "no documents were seen" in cited["reason"]
    assert "no documents were seen" in caplog.text
    caplog.clear()
    cite(chain(), TurnEngine()).invoke(asked())
    assert "no documents were seen" not in caplog.text


def test_live_citations_of_a_conversation() -> None:
    engine = tiny_engine()
    engine.options = EngineOptions(method="exact", sources="all", alternatives=None)
    history = [HumanMessage("The pier is red. It is long."), AIMessage("I see.")]
    expected = cite(chain(), engine).invoke(asked(history=history))
    pieces = list(cite(chain(), engine, live=True).stream(asked(history=history)))
    total = functools.reduce(operator.add, pieces)
    assert total["status"] == expected["status"] == "ok"
    assert list(total["documents"]) == expected["documents"]
    assert len(total["documents"]) == 3
    places = [
        [(each["chunk_index"], each["text"]) for each in found["citations"]]
        for found in (total, expected)
    ]
    assert places[0] == places[1]


def test_what_messages_tell_beside_their_text() -> None:
    calling = AIMessage(
        "I look.", tool_calls=[{"name": "find", "args": {"pier": "é"}, "id": "1"}] * 2
    )
    summary = HumanMessage("They met.", additional_kwargs={"lc_source": "summarization"})
    messages: list[BaseMessage] = [summary, calling, ToolMessage("900 m", tool_call_id="1")]
    call = '{"name": "find", "arguments": {"pier": "é"}}'
    assert prompt_messages(messages) == [
        {"role": "user", "content": "They met.", "kind": "summary"},
        {
            "role": "assistant",
            "content": "I look.",
            "name": "find",
            "calls": f"{call}\n{call}",
        },
        {"role": "tool", "content": "900 m", "name": "find"},
    ]


@pytest.mark.skipif(
    sys.version_info < (3, 11),
    reason="LangGraph hands callbacks to the nodes of async graphs from Python 3.11 on",
)
@pytest.mark.parametrize("kind", ["text", "artifact"])
def test_an_agents_tools(kind: str) -> None:
    engine = TurnEngine()
    middleware = CitationMiddleware(engine)
    made: Any = create_agent(
        AgentModel(), [FIND[kind]], middleware=[middleware], system_prompt="Be."
    )
    state = made.invoke({**ask("Ada")})
    report = state["attribution"]
    assert (report["status"], report["reason"]) == ("ok", None)
    found = [each["extras"]["kind"] for each in state["citations"]]
    expected = ["retrieved", "retrieved"] if kind == "artifact" else ["tool"]
    assert found == [*expected, "system", "tool_call"]
    assert state["citations"][-1]["title"] == "tool call of find, turn 1"
    texts = [each["page_content"] for each in report["documents"]]
    assert texts[-1] == '{"name": "find", "arguments": {"query": "Ada"}}'
    again = made.invoke({"messages": [*state["messages"], HumanMessage("Thanks")]})
    kinds = [each["extras"]["kind"] for each in again["citations"]]
    assert kinds[-3:] == ["user", "tool_call", "assistant"]
