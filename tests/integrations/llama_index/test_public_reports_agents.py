"""Agents write their own answers from what tools hand back: these cite the nodes behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentWorkflow,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool, QueryEngineTool, RetrieverTool

from attribot_integrations.errors import InputError
from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionEventHandler,
    AttributionRecord,
    format_with_markers,
    get_citations,
)
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import FactRetriever
from tests.integrations.llama_index.reported import ASK_BIKE, BIKE, Calling, nodes, rag
from tests.integrations.overlap import OverlapEngine

pytestmark = [  # of LlamaIndex's own code
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]

FINAL = "It is Roslin Works: they make the Norzel bike."
ASKED = {"input": ASK_BIKE}
Turn = Callable[[Sequence[ChatMessage]], Any]


def told(messages: Sequence[ChatMessage]) -> int:
    return sum(message.role.value == "tool" for message in messages)


def first(*calls: tuple[str, Any], then: str = FINAL) -> Turn:
    """Call tools first, and answer when they have."""
    return lambda messages: then if told(messages) else list(calls)


def facts(streaming: bool = False, **options: Any) -> QueryEngineTool:
    query_engine = rag(BIKE, nodes("norzel", "galba"), chat=True, streaming=streaming)
    return QueryEngineTool.from_defaults(
        query_engine, name="facts", description="Knows.", **options
    )


def agent(say: Turn, *tools: Any, **options: Any) -> FunctionAgent:
    return FunctionAgent(tools=list(tools), llm=Calling(say=say), **options)


async def run(made: Any, **options: Any) -> tuple[Any, list[AttributionRecord]]:
    """Run an agent, and return its output and the records, the agent's last."""
    handler = AttributionEventHandler(OverlapEngine(), **options)
    memory = ChatMemoryBuffer.from_defaults(token_limit=3000)
    with handler.attach():
        output = await made.run(ASK_BIKE, memory=memory)
        await asyncio.to_thread(handler.wait, 20)
    assert handler.span_handler.open_count == 0
    if options.get("metadata_key", "attribution") is not None:
        assert handler.result(output) is handler.last
    return output, list(handler.records)


def bike_tool(kind: str) -> tuple[Any, tuple[str, Any]]:
    """A tool of a kind that people write, and how it is called."""
    inner = rag(BIKE, nodes("norzel", "galba"), chat=True)
    retriever = FactRetriever(nodes=nodes("norzel", "galba"))

    def lookup(q: str) -> str:
        """Look facts up."""
        return str(inner.query(q))

    async def alookup(q: str) -> str:
        """Look facts up."""
        return str(await inner.aquery(q))

    def search(q: str) -> str:
        """Return passages."""
        return "\n\n".join(one.get_content() for one in retriever.retrieve(q))

    def quoted(q: str) -> str:
        """Return passages in another dress."""
        return repr([one.get_content() for one in retriever.retrieve(q)])

    def handed(q: str) -> list[Any]:
        """Return nodes."""
        return nodes("norzel", "galba")

    made: dict[str, Any] = {
        "str of a query": (FunctionTool.from_defaults(lookup), ("lookup", {"q": ASK_BIKE})),
        "str of an async query": (
            FunctionTool.from_defaults(alookup),
            ("alookup", {"q": ASK_BIKE}),
        ),
        "passages": (FunctionTool.from_defaults(search), ("search", {"q": ASK_BIKE})),
        "passages in another dress": (
            FunctionTool.from_defaults(quoted),
            ("quoted", {"q": ASK_BIKE}),
        ),
        "nodes": (FunctionTool.from_defaults(handed), ("handed", {"q": ASK_BIKE})),
        "retriever": (
            RetrieverTool.from_defaults(retriever, name="find", description="Finds."),
            ("find", ASKED),
        ),
        "query engine": (facts(), ("facts", ASKED)),
    }
    found: tuple[Any, tuple[str, Any]] = made[kind]
    return found


KINDS = [
    "query engine",
    "str of a query",
    "str of an async query",
    "passages",
    "passages in another dress",
    "nodes",
    "retriever",
]


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_from_tools_cites_the_nodes_behind_them(kind: str, streaming: bool) -> None:
    tool, call = bike_tool(kind)
    output, records = await run(agent(first(call), tool, streaming=streaming))
    assert str(output) == FINAL
    record = records[-1]
    assert (record.answer, record.question) == (FINAL, ASK_BIKE)
    assert record.status == "ok", record.reason
    assert record.prompt_used == "captured"
    assert {one.node_id for one in get_citations(output)} == {"norzel"}
    assert max(get_citations(output), key=lambda one: one.score).text == BIKE
    assert format_with_markers(output) == f"{FINAL} [1]"
    assert len(record.chunks) == 2, "each node once"


async def test_what_a_tool_wrote_itself_is_cited() -> None:
    def weather(place: str) -> str:
        """Tell the weather."""
        return "In Galba it rains all day."

    tool = FunctionTool.from_defaults(weather)
    say = first(("weather", {"place": "Galba"}), then="It rains in Galba.")
    output, (record,) = await run(agent(say, tool))
    (cited,) = get_citations(output)
    assert (cited.node_id, cited.text) == ("weather-0", "In Galba it rains all day.")
    title = "tool output of weather, turn 1"
    assert cited.metadata == {"title": title, "tool": "weather", "input": {"place": "Galba"}}
    assert (cited.kind, cited.turn, cited.role) == ("tool", 1, "tool")
    assert (record.status, cited.source_index) == ("ok", None)


@pytest.mark.parametrize("parallel", [False, True])
async def test_two_calls_of_one_tool_are_both_behind_the_answer(parallel: bool) -> None:
    def say(messages: Sequence[ChatMessage]) -> Any:
        if told(messages) >= 2:
            return FINAL
        return [("facts", ASKED), ("facts", ASKED)] if parallel else [("facts", ASKED)]

    output, records = await run(agent(say, facts()))
    assert [record.answer for record in records] == [BIKE, BIKE, FINAL]
    assert {one.node_id for one in get_citations(output)} == {"norzel"}
    assert len(records[-1].chunks) == 2


async def test_an_answer_without_support_is_not_marked_with_its_tools_sources() -> None:
    output, records = await run(agent(first(("facts", ASKED), then="Done."), facts()))
    assert records[-1].status == "ok"
    assert get_citations(output) == ()
    assert format_with_markers(output, sources=True) == "Done."
    (call,) = output.tool_calls
    assert [one.node_id for one in get_citations(call)][:1] == ["norzel"]


async def test_a_tool_that_returns_directly_shares_its_answers_record() -> None:
    made = agent(first(("facts", ASKED)), facts(return_direct=True))
    output, (record,) = await run(made)
    assert str(output) == record.answer == BIKE
    assert BIKE in {one.text for one in get_citations(output)}
    assert {one.node_id for one in get_citations(output)} >= {"norzel"}


async def test_passages_that_are_returned_directly_were_written_by_the_tool() -> None:
    tool, call = bike_tool("passages")
    tool.metadata.return_direct = True
    output, (record,) = await run(agent(first(call), tool))
    assert str(output) == record.answer
    assert (record.status, record.prompt_used) == ("approximate", "template")
    assert record.reason == (
        "the tool search wrote the answer, no model did, a template took its place"
    )
    assert {one.node_id for one in get_citations(output)} == {"norzel", "galba"}


async def test_an_agent_that_reasons_in_text() -> None:
    def say(messages: Sequence[ChatMessage]) -> str:
        if any("Observation:" in str(message.content) for message in messages[1:]):
            return f"Thought: I can answer without using any more tools.\nAnswer: {FINAL}"
        return f'Thought: I need a tool.\nAction: facts\nAction Input: {{"input": "{ASK_BIKE}"}}'

    output, records = await run(ReActAgent(tools=[facts()], llm=Calling(say=say)))
    assert str(output) == records[-1].answer == FINAL
    assert records[-1].status == "ok", records[-1].reason
    assert {one.node_id for one in get_citations(output)} == {"norzel"}


async def test_an_agent_that_hands_off_to_another() -> None:
    def ask(messages: Sequence[ChatMessage]) -> Any:
        if told(messages):
            return [("handoff", {"to_agent": "two", "reason": "write"})]
        return [("facts", ASKED)]

    one = agent(ask, facts(), name="one", description="asks", can_handoff_to=["two"])
    two = agent(lambda _: FINAL, name="two", description="writes")
    output, records = await run(AgentWorkflow(agents=[one, two], root_agent="one"))
    assert [record.answer for record in records] == [BIKE, FINAL]
    assert records[-1].status == "ok", records[-1].reason
    assert {one.node_id for one in get_citations(output)} == {"norzel"}


@pytest.mark.parametrize("final", [FINAL, BIKE], ids=["own words", "repeated"])
async def test_an_agent_inside_anothers_tool(final: str) -> None:
    async def ask(question: str) -> str:
        """Ask the specialist."""
        inner = agent(first(("facts", ASKED), then=BIKE), facts())
        memory = ChatMemoryBuffer.from_defaults(token_limit=3000)
        return str(await inner.run(question, memory=memory))

    outer = agent(
        first(("ask", {"question": ASK_BIKE}), then=final), FunctionTool.from_defaults(ask)
    )
    output, records = await run(outer)
    assert [record.answer for record in records] == [BIKE, BIKE, final]
    assert records[-1].status == "ok", records[-1].reason
    assert {one.node_id for one in get_citations(output)} >= {"norzel"}
    best = max(get_citations(output), key=lambda one: one.score)
    assert (best.node_id, best.text) == ("norzel", BIKE)


async def test_an_agent_that_asked_no_tool_says_that_nothing_was_seen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    output, (record,) = await run(agent(lambda _: "Hello!", facts()))
    assert (record.status, record.answer) == ("skipped", "Hello!")
    assert record.reason is not None
    assert record.reason.startswith("no nodes were seen: hand them back as the response's")
    assert caplog.text.count(record.reason) == 1
    assert get_citations(output) == ()


@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_streaming_engine_as_a_tool(wrapped: bool) -> None:
    tool = facts(streaming=True)
    if wrapped:
        tool = QueryEngineTool.from_defaults(
            AttributedQueryEngine(tool.query_engine, OverlapEngine()),
            name="facts",
            description="Knows.",
        )
    output, records = await run(agent(first(("facts", ASKED)), tool))
    (call,) = output.tool_calls
    assert call.tool_output.content.strip() == BIKE
    assert not call.tool_output.is_error
    assert [record.answer.strip() for record in records] == [BIKE, FINAL]
    assert {one.node_id for one in get_citations(output)} == {"norzel"}


async def test_events_of_tools_lead_to_their_answers() -> None:
    handler = AttributionEventHandler(OverlapEngine())
    with handler.attach():
        running = agent(first(("facts", ASKED)), facts()).run(
            ASK_BIKE, memory=ChatMemoryBuffer.from_defaults(token_limit=3000)
        )
        seen = [one async for one in running.stream_events() if isinstance(one, ToolCallResult)]
        await running
        await asyncio.to_thread(handler.wait, 20)
    (event,) = seen
    assert get_citations(event)[0].node_id == "norzel"


async def test_an_output_holds_its_citations_when_it_is_dumped() -> None:
    output, _ = await run(agent(first(("facts", ASKED)), facts()))
    expected = get_citations(output)
    assert expected
    loaded = type(output).model_validate_json(output.model_dump_json())
    assert get_citations(loaded) == get_citations(output.model_dump()) == expected
    assert format_with_markers(loaded) == f"{FINAL} [1]"


async def test_an_output_is_left_alone_without_a_key() -> None:
    output, (_, record) = await run(agent(first(("facts", ASKED)), facts()), metadata_key=None)
    assert "_data" not in output.model_dump()
    assert record.answer == FINAL


async def test_what_nobody_watched_is_not_in_a_dump() -> None:
    tool = QueryEngineTool.from_defaults(
        AttributedQueryEngine(rag(BIKE, nodes("norzel"), chat=True), StubEngine()),
        name="facts",
        description="Knows.",
    )
    memory = ChatMemoryBuffer.from_defaults(token_limit=3000)
    output: Any = await agent(first(("facts", ASKED)), tool).run(ASK_BIKE, memory=memory)
    assert [one.node_id for one in get_citations(output)] == ["norzel"], "the tool's own"
    loaded = type(output).model_validate_json(output.model_dump_json())
    for dumped in (loaded, output.model_dump()):
        with pytest.raises(InputError, match="attach one around the run, or keep the citations"):
            get_citations(dumped)


@pytest.mark.parametrize("kind", ["query engine", "passages", "retriever"])
@pytest.mark.parametrize("one_handler", [True, False])
async def test_a_second_turn_rests_on_what_the_agent_remembers(
    kind: str, one_handler: bool
) -> None:
    tool, call = bike_tool(kind)
    memory = ChatMemoryBuffer.from_defaults(token_limit=3000)
    made = agent(first(call), tool)
    handler = AttributionEventHandler(OverlapEngine())
    with handler.attach():
        await made.run(ASK_BIKE, memory=memory)
    if not one_handler:  # as in a server, where each request has its own
        handler = AttributionEventHandler(OverlapEngine())
    with handler.attach():
        output: Any = await made.run("And who makes it?", memory=memory)
        record = await handler.aresult(output, 20)
    assert output.tool_calls == []
    assert (record.status, record.prompt_used) == ("ok", "captured"), record.reason
    best = max(get_citations(output), key=lambda one: one.score)
    assert best.text == BIKE
    assert best.node_id == ("norzel" if one_handler else "tool-message-0")


async def test_an_answer_of_another_run_is_no_source_by_chance() -> None:
    handler = AttributionEventHandler(OverlapEngine())
    memories = [ChatMemoryBuffer.from_defaults(token_limit=3000) for _ in range(2)]

    def search(q: str) -> str:
        """Return passages."""
        return "\n\n".join(
            one.get_content() for one in FactRetriever(nodes=nodes("roska")).retrieve(q)
        )

    with handler.attach():
        await agent(first(("facts", ASKED), then="blue"), facts()).run("?", memory=memories[0])
        say = first(("search", {"q": "?"}), then="Roska Braxa likes blue.")
        output = await agent(say, FunctionTool.from_defaults(search)).run("?", memory=memories[1])
        record = await handler.aresult(output, 20)
    assert [one.node.node_id for one in record.nodes] == ["roska"]
    assert {one.node_id for one in get_citations(output)} == {"roska"}


async def test_two_handlers_of_one_agent_share_its_record() -> None:
    attributor = OverlapEngine()
    one, two = AttributionEventHandler(attributor), AttributionEventHandler(attributor)
    memory = ChatMemoryBuffer.from_defaults(token_limit=3000)
    with one.attach(), two.attach():
        output = await agent(first(("facts", ASKED)), facts()).run(ASK_BIKE, memory=memory)
        await asyncio.to_thread(one.wait, 20)
        await asyncio.to_thread(two.wait, 20)
    assert one.result(output) is two.result(output) is one.last is two.last
    assert len(attributor.requests) == 2, "the tool's answer and the agent's"


async def test_agents_at_the_same_time_are_not_mixed_up() -> None:
    handler = AttributionEventHandler(OverlapEngine())

    async def ask(number: int) -> Any:
        name = f"Name{number:02}"

        def search(q: str) -> str:
            """Return passages."""
            found = FactRetriever(count=1).retrieve(name)
            return "\n\n".join(one.get_content() for one in found)

        say = first(("search", {"q": name}), then=f"{name} is a fact.")
        memory = ChatMemoryBuffer.from_defaults(token_limit=3000)
        return await agent(say, FunctionTool.from_defaults(search)).run(name, memory=memory)

    with handler.attach():
        outputs = await asyncio.gather(*(ask(number) for number in range(20)))
        await asyncio.to_thread(handler.wait, 30)
    for number, output in enumerate(outputs):
        assert {one.node_id for one in get_citations(output)} == {f"Name{number:02}-0"}
