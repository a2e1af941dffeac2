"""LangGraph graphs of one's own."""

import asyncio
import sys
from typing import Annotated, Any

import pytest

pytest.importorskip("langgraph", reason="graphs need the extra langchain-agents")

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt.tool_node import ToolNode
from typing_extensions import TypedDict

from attribot_integrations.langchain import CitationCallbackHandler, CitationRecord, cite
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.agents import FIND, AgentModel, ask
from tests.integrations.langchain.fakes import (
    EchoChatModel,
    FactRetriever,
    join,
    last,
    open_runs,
    using,
)


class State(TypedDict, total=False):
    question: str
    context: list[Document]
    answer: str


def retrieve(state: State) -> State:
    # No event tells of this search, only the state does.
    found = FactRetriever()._get_relevant_documents(state["question"], run_manager=None)  # type: ignore[arg-type]
    return {"context": found}


def generate(state: State) -> State:
    prompt = f"{join(state['context'])}\n{state['question']}"
    return {"answer": str(EchoChatModel().invoke(prompt).text)}


async def agenerate(state: State) -> State:
    prompt = f"{join(state['context'])}\n{state['question']}"
    return {"answer": str((await EchoChatModel().ainvoke(prompt)).text)}


def graph(answering: Any = generate, **options: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("retrieve", retrieve)
    builder.add_node("generate", answering)
    builder.add_edge(START, "retrieve")
    builder.add_edge("retrieve", "generate")
    builder.add_edge("generate", END)
    return builder.compile(**options)


def check(record: CitationRecord, query: str = "Ada") -> None:
    assert record.question == query
    assert record.answer.strip() == f"About {query}"
    assert [chunk.id for chunk in record.chunks] == [f"facts-{query}-{n}" for n in (0, 1)]
    assert isinstance(record.prompt, list)


def test_callbacks_see_the_state() -> None:
    handler = CitationCallbackHandler(StubEngine())
    graph().invoke({"question": "Ada"}, using(handler))
    check(last(handler))
    for mode in ("updates", "values", "messages", ["values", "messages"]):
        _ = list(graph().stream({"question": "Ada"}, using(handler), stream_mode=mode))
        check(last(handler))
    assert len(handler.records) == 5
    if sys.version_info >= (3, 11):  # before, LangGraph hands no callbacks to async nodes
        asyncio.run(graph(agenerate).ainvoke({"question": "Ada"}, using(handler)))
        check(last(handler))
        assert len(handler.records) == 6
    assert open_runs(handler) == (0, 0)


@pytest.mark.parametrize("mode", [None, "updates", "values"])
def test_cite_takes_a_graph(mode: str | None) -> None:
    records: list[CitationRecord] = []
    chain = cite(graph(), StubEngine(), on_citations=records.append)
    result = chain.invoke({"question": "Ada"})
    options: dict[str, Any] = {"stream_mode": mode} if mode else {}
    pieces = list(chain.stream({"question": "Ada"}, **options))
    streamed = sum(pieces[1:], pieces[0])
    assert streamed["answer"].strip() == result["answer"]
    assert streamed["documents"] == result["documents"]
    assert len(streamed["citations"]) == 1
    for record in records:
        check(record)


async def test_tokens_of_a_graph_come_by_its_events() -> None:
    chain = cite(graph(agenerate), StubEngine())
    kinds = [event["event"] async for event in chain.astream_events({"question": "Ada"})]
    assert kinds.index("on_chat_model_stream") < len(kinds) - 1
    assert kinds[-1] == "on_chain_end"


def test_checkpoints_and_threads_do_not_mix() -> None:
    handler = CitationCallbackHandler(StubEngine())
    checked = graph(checkpointer=InMemorySaver())
    for turn in range(2):
        for number in range(5):
            query = f"Name{number}.{turn}"
            config = using(handler) | {"configurable": {"thread_id": str(number)}}
            checked.invoke({"question": query}, config)
            check(last(handler), query)


class Messages(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


@pytest.mark.parametrize("kind", FIND)
def test_tool_node_of_a_graph_with_checkpoints(kind: str) -> None:
    def model(state: Messages) -> Messages:
        return {"messages": [AgentModel().invoke(state["messages"])]}

    def after(state: Messages) -> str:
        message = state["messages"][-1]
        return "tools" if isinstance(message, AIMessage) and message.tool_calls else END

    builder = StateGraph(Messages)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode([FIND[kind]]))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", after)
    builder.add_edge("tools", "model")
    compiled: Any = builder.compile(checkpointer=InMemorySaver())
    handler = CitationCallbackHandler(StubEngine())
    config = using(handler) | {"configurable": {"thread_id": "1"}}
    compiled.invoke(ask("Ada"), config)
    first = last(handler)
    compiled.invoke(ask("Thanks!"), config)
    second = last(handler)
    assert (second.question, second.answer) == ("Thanks!", "As I said.")
    assert first.chunks
    if kind != "retriever" and kind != "registered":  # these leave no documents in the messages
        assert second.chunks == first.chunks
    else:
        assert [chunk.text for chunk in second.chunks] == ["Ada is fact 0.\n\nAda is fact 1."]
    assert open_runs(handler) == (0, 0)
