"""Chat messages as plain data, and chat engines whose history and memory are sources."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.memory import ChatMemoryBuffer, ChatSummaryMemoryBuffer

from attribot_integrations.llama_index import (
    AttributionEventHandler,
    format_with_markers,
    get_citations,
    to_citation_blocks,
)
from attribot_integrations.llama_index.chat_messages import (
    plain_messages,
    summaries_of,
    with_summaries,
)
from tests.integrations.engines import StubEngine, TurnEngine
from tests.integrations.llama_index.fakes import EchoChatLLM, EchoLLM, FactRetriever

USER, ASSISTANT, SYSTEM = MessageRole.USER, MessageRole.ASSISTANT, MessageRole.SYSTEM
HISTORY = [
    ChatMessage(role=USER, content="My pier is North."),
    ChatMessage(role=ASSISTANT, content="A fine pier."),
]
TURNS = ["the user's message of turn 1", "the assistant's message of turn 1"]


def memory(messages: list[ChatMessage] = HISTORY) -> ChatMemoryBuffer:
    return ChatMemoryBuffer.from_defaults(list(messages), token_limit=3000)


def titles(response: object) -> list[str]:
    return [str(each.metadata["title"]) for each in get_citations(response)]


@pytest.mark.parametrize("engine", [ContextChatEngine, CondensePlusContextChatEngine])
def test_history_of_a_chat_engine(engine: Any) -> None:
    handler = AttributionEventHandler(TurnEngine())
    chat = engine.from_defaults(
        retriever=FactRetriever(), llm=EchoChatLLM(answer="It is."), memory=memory()
    )
    with handler.attach():
        response = chat.chat("Ada")
    record = handler.result(response, 10)
    assert (record.status, record.reason) == ("ok", None)
    cited = get_citations(response)
    assert [each.kind for each in cited[:2]] == ["retrieved", "retrieved"]
    said = [each for each in cited if each.kind in ("user", "assistant")]
    assert [(each.turn, each.role, each.node_id) for each in said] == [
        (1, "user", "message-1"),
        (1, "assistant", "message-2"),
    ]
    assert [each.text for each in said] == ["My pier is North.", "A fine pier."]
    assert [each.metadata["title"] for each in said] == TURNS
    assert said[0].source_index is None
    assert json.loads(json.dumps(response.metadata)) == response.metadata
    assert f"[{said[0].number}] is the user's own words" in format_with_markers(response)
    assert [block.title for block in to_citation_blocks(response)][-2:] == TURNS


def test_a_chat_without_retrieval() -> None:
    handler = AttributionEventHandler(TurnEngine())
    chat = SimpleChatEngine.from_defaults(llm=EchoChatLLM(answer="North."), memory=memory())
    with handler.attach():
        response = chat.chat("Which pier?")
        again = chat.chat("Sure?")
    assert titles(response) == TURNS
    assert handler.result(response).answer == "North."
    assert titles(again)[2:] == [
        "the user's message of turn 2",
        "the assistant's message of turn 2",
    ]
    assert handler.span_handler.open_count == 0
    completing = SimpleChatEngine.from_defaults(llm=EchoLLM(answer="North."), memory=memory())
    with handler.attach():
        response = completing.chat("Which pier?")
    assert titles(response) == TURNS


def test_by_default_it_carries_nothing() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        chat = SimpleChatEngine.from_defaults(llm=EchoChatLLM(), memory=memory())
        assert chat.chat("Which pier?").metadata is None


def test_a_summary_of_earlier_messages() -> None:
    llm = EchoChatLLM()
    held = ChatSummaryMemoryBuffer.from_defaults(
        list(HISTORY), llm=llm, token_limit=4, tokenizer_fn=str.split
    )
    handler = AttributionEventHandler(TurnEngine())
    chat = SimpleChatEngine.from_defaults(llm=llm, memory=held, system_prompt="Be brief.")
    with handler.attach():
        response = chat.chat("Which pier?")
    assert titles(response)[:2] == ["the system prompt", "the summary of the conversation"]
    assert {get_citations(response)[1].text} == summaries_of(held)


def test_only_summaries_are_called_so() -> None:
    assert summaries_of(None) == summaries_of(memory()) == frozenset()
    prompt = [
        {"role": "user", "content": "They met."},
        {"role": "system", "content": "They met."},
        {"role": "system", "content": "Be brief."},
    ]
    found = with_summaries(prompt, frozenset({"They met."}))
    assert [each.get("kind") for each in found] == [None, "summary", None]
    assert "kind" not in prompt[1]
    assert with_summaries("They met.", frozenset({"They met."})) == "They met."


def test_what_a_memory_has_put_before_a_message() -> None:
    block = "\n<memory>\n<facts>\nIt is red.\n</facts>\n</memory>\n"
    put = [TextBlock(text=block), TextBlock(text="Which?")]
    found = plain_messages(
        [
            ChatMessage(role=SYSTEM, blocks=[TextBlock(text=block)]),
            ChatMessage(role=USER, blocks=put),
            ChatMessage(role=USER, content=block),  # the user may write anything
        ]
    )
    assert [each.get("memory") for each in found] == [block, block, None]
    assert found[1]["content"] == f"{block}\nWhich?"


def test_calls_and_outputs_of_tools() -> None:
    function = SimpleNamespace(name="find", arguments='{"pier": "é"}')
    calls = [
        SimpleNamespace(id="1", function=function),
        {"id": "2", "function": {"name": "ask", "arguments": "no JSON"}},
        {"id": "3"},
    ]
    found = plain_messages(
        [
            ChatMessage(role=ASSISTANT, content=None, additional_kwargs={"tool_calls": calls}),
            ChatMessage(
                role=MessageRole.TOOL, content="900 m", additional_kwargs={"tool_call_id": "1"}
            ),
            ChatMessage(
                role=MessageRole.FUNCTION, content="So.", additional_kwargs={"name": "ask"}
            ),
            ChatMessage(role=MessageRole.TOOL, content="Unknown."),
        ]
    )
    assert found == [
        {
            "role": "assistant",
            "content": "",
            "name": "find, ask",
            "calls": '{"name": "find", "arguments": {"pier": "é"}}\n'
            '{"name": "ask", "arguments": "no JSON"}',
        },
        {"role": "tool", "content": "900 m", "name": "find"},
        {"role": "function", "content": "So.", "name": "ask"},
        {"role": "tool", "content": "Unknown."},
    ]


def test_calls_as_blocks() -> None:
    types = pytest.importorskip("llama_index.core.base.llms.types")
    if not hasattr(types, "ToolCallBlock"):
        pytest.skip("this version of LlamaIndex has no blocks of tool calls")
    block = types.ToolCallBlock(tool_call_id="1", tool_name="find", tool_kwargs={"pier": "North"})
    (found,) = plain_messages(
        [ChatMessage(role=ASSISTANT, blocks=[TextBlock(text="I look."), block])]
    )
    assert found["calls"] == '{"name": "find", "arguments": {"pier": "North"}}'
    assert (found["content"], found["name"]) == ("I look.", "find")


def test_texts_that_are_handed_over_to_be_cited() -> None:
    types = pytest.importorskip("llama_index.core.base.llms.types")
    if not hasattr(types, "CitableBlock"):
        pytest.skip("this version has no such blocks")
    given = types.CitableBlock(title="t", source="s", content=[TextBlock(text="It is 900 m long.")])
    image = types.ImageBlock(url="https://example.org/a.png")
    asked = ChatMessage(role=USER, blocks=[given, image, TextBlock(text="How long?")])
    assert plain_messages([asked]) == [
        {"role": "user", "content": "It is 900 m long.\n\nHow long?"}
    ]
