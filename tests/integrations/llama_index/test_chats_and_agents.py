"""Chat engines drop a synthesis's metadata, and agents hide it in their tools."""

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import QueryEngineTool

from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionEventHandler,
    format_with_markers,
    get_citations,
)
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import EchoChatLLM, EchoLLM, FactRetriever, rag


@pytest.fixture(autouse=True)
def event_loop_of_memories(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give memories a loop: called from synchronous code, they open one and leave it open."""
    if inspect.iscoroutinefunction(request.function):
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def make_context(llm: EchoLLM) -> BaseChatEngine:
    return ContextChatEngine.from_defaults(retriever=FactRetriever(), llm=llm, memory=memory())


def make_condense_plus(llm: EchoLLM) -> BaseChatEngine:
    return CondensePlusContextChatEngine.from_defaults(
        retriever=FactRetriever(), llm=llm, memory=memory()
    )


def make_condense(llm: EchoLLM) -> BaseChatEngine:
    return CondenseQuestionChatEngine.from_defaults(query_engine=rag(llm), llm=llm, memory=memory())


def memory() -> ChatMemoryBuffer:
    """A memory without a database, which would leave connections open."""
    return ChatMemoryBuffer.from_defaults(token_limit=3000)


Make = Callable[[EchoLLM], BaseChatEngine]
ENGINES: list[Make] = [make_context, make_condense_plus, make_condense]


def check_chat(handler: AttributionEventHandler, response: Any, nodes: str = "Ada") -> None:
    (citation,) = get_citations(response)
    assert citation.node_id == f"{nodes}-0"
    record = handler.result(response, 10)
    assert record.status == "ok", record.reason
    assert record.answer.strip() in str(response) or str(response) == ""
    assert handler.span_handler.open_count == 0


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("model", [EchoLLM, EchoChatLLM])
def test_chat(make: Make, model: type[EchoLLM]) -> None:
    engine = StubEngine()
    handler = AttributionEventHandler(engine)
    llm = model()
    chat = make(llm)
    with handler.attach():
        response: Any = chat.chat("Ada")
    check_chat(handler, response)
    assert engine.prompts[0].endswith(llm.prompts[-1]) or model is EchoChatLLM
    assert json.loads(json.dumps(response.metadata)) == response.metadata


@pytest.mark.parametrize("make", ENGINES)
async def test_async_chat(make: Make) -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = await make(EchoChatLLM()).achat("Ada")
        await handler.aresult(response, 10)
    check_chat(handler, response)


@pytest.mark.parametrize("make", ENGINES[:2])
def test_streamed_chat(make: Make) -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = make(EchoChatLLM()).stream_chat("Ada")
        assert "".join(response.response_gen).startswith("About")
        record = handler.result(response, 10)
    assert record.status == "ok", record.reason
    check_chat(handler, response)


@pytest.mark.parametrize("make", ENGINES[:2])
async def test_async_streamed_chat(make: Make) -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = await make(EchoChatLLM()).astream_chat("Ada")
        tokens = [token async for token in response.async_response_gen()]
        assert "".join(tokens).startswith("About")
        await handler.aresult(response, 10)
    check_chat(handler, response)


def test_second_turn_of_a_chat() -> None:
    handler = AttributionEventHandler(StubEngine())
    chat = make_context(EchoChatLLM())
    with handler.attach():
        chat.chat("Ada")
        response = chat.chat("Bea")
    check_chat(handler, response, "Bea")


def test_chat_without_retrieval_carries_nothing() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = SimpleChatEngine.from_defaults(llm=EchoLLM(), memory=memory()).chat("Ada")
    assert response.metadata is None
    assert handler.span_handler.open_count == 0


# Agents, whose own code uses attributes that pydantic has deprecated

quiet = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")


class ToolCallingLLM(FunctionCallingLLM):
    """Calls its tool once for each name, then answers."""

    names: list[str]
    turn: list[int] = [0]  # noqa: RUF012 - pydantic copies defaults

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_function_calling_model=True, is_chat_model=True)

    def _prepare_chat_with_tools(
        self,
        tools: Any,
        user_msg: Any = None,
        chat_history: Any = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        return {"messages": []}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        return list(response.message.additional_kwargs.get("calls", []))

    def _reply(self) -> ChatResponse:
        calls = []
        if not self.turn[0]:
            calls = [
                ToolSelection(tool_id=name, tool_name="facts", tool_kwargs={"input": name})
                for name in self.names
            ]
        self.turn[0] += 1
        message = ChatMessage(
            role=MessageRole.ASSISTANT, content="All told.", additional_kwargs={"calls": calls}
        )
        return ChatResponse(message=message, delta="All told.")

    async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        return self._reply()

    async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
        reply = self._reply()

        async def stream() -> Any:
            yield reply

        return stream()

    def chat(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    stream_chat = complete = stream_complete = chat

    async def acomplete(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    astream_complete = acomplete


def agent(engine: Any, *names: str) -> FunctionAgent:
    tool = QueryEngineTool.from_defaults(engine, name="facts", description="Knows facts.")
    return FunctionAgent(
        tools=[tool], llm=ToolCallingLLM(names=list(names), turn=[0]), streaming=False
    )


def check_agent(output: Any) -> None:
    citations = get_citations(output)
    assert [(one.number, one.node_id, one.answer_index) for one in citations] == [
        (1, "Ada-0", 0),
        (2, "Bea-0", 1),
    ]
    assert format_with_markers(output) == "About Ada [1]\n\nAbout Bea [2]"


@quiet
async def test_agent_with_a_watched_engine() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        output: Any = await agent(rag(EchoChatLLM()), "Ada", "Bea").run("Tell me.", memory=memory())
        await asyncio.to_thread(handler.wait, 10)
    assert str(output) == "All told."
    # What this model was asked holds nothing of what its tools were answered.
    record = handler.result(output)
    assert (record.status, record.reason) == (
        "approximate",
        "the prompt could not be captured, a template took its place",
    )
    assert [one.node.node_id for one in record.nodes] == ["Ada-0", "Ada-1", "Bea-0", "Bea-1"]
    assert [one.node_id for one in get_citations(output)] == ["Ada-0"]
    assert format_with_markers(output) == "All told. [1]"
    for name, call in zip(("Ada", "Bea"), output.tool_calls, strict=True):
        assert [one.node_id for one in get_citations(call)] == [f"{name}-0"]
        assert handler.result(call.tool_output.raw_output).question == name
    assert handler.span_handler.open_count == 0


@quiet
async def test_agent_with_a_wrapped_engine() -> None:
    wrapped = AttributedQueryEngine(rag(EchoChatLLM()), StubEngine())
    run = agent(wrapped, "Ada", "Bea").run("Tell me.", memory=memory())
    seen = [event async for event in run.stream_events() if isinstance(event, ToolCallResult)]
    check_agent(await run)
    for event in seen:
        assert event.model_dump_json()
        assert len(get_citations(event)) == 1
