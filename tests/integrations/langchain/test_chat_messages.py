"""Chat messages as plain data: roles, text, calls of tools and their outputs, thoughts."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from attribot_integrations.langchain.chat_messages import message_thoughts, prompt_messages

IMAGE = {"type": "image_url", "image_url": {"url": "data:,"}}
CALL = '{"name": "find", "arguments": {"pier": "North"}}'
OUTPUT = {"type": "tool_result", "tool_use_id": "t", "content": "It is 900 m long."}


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


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("Wait.", tool_calls=[{"id": "t", "name": "find", "args": {"pier": "North"}}]),
        AIMessage(
            [
                {"type": "text", "text": "Wait."},
                {"type": "tool_use", "id": "t", "name": "find", "input": {"pier": "North"}},
            ]
        ),
        AIMessage(
            "Wait.",
            additional_kwargs={
                "function_call": {"name": "find", "arguments": '{"pier": "North"}'},
            },
        ),
        AIMessage(
            "Wait.",
            additional_kwargs={
                "tool_calls": [
                    {
                        "id": "t",
                        "type": "function",
                        "function": {"name": "find", "arguments": '{"pier": "North"}'},
                    }
                ]
            },
        ),
    ],
    ids=["LangChain", "Anthropic", "functions", "OpenAI"],
)
def test_calls_in_any_form(message: AIMessage) -> None:
    assert prompt_messages([message]) == [
        {"role": "assistant", "content": "Wait.", "name": "find", "calls": CALL}
    ]


@pytest.mark.parametrize(
    ("output", "role"),
    [
        (ToolMessage("It is 900 m long.", tool_call_id="t"), "tool"),
        (ToolMessage([{"type": "text", "text": "It is 900 m long."}], tool_call_id="t"), "tool"),
        (FunctionMessage(content="It is 900 m long.", name="find"), "function"),
        (HumanMessage([OUTPUT]), "tool"),
        (
            HumanMessage([{**OUTPUT, "content": [{"type": "text", "text": OUTPUT["content"]}]}]),
            "tool",
        ),
    ],
)
def test_outputs_in_any_form(output: BaseMessage, role: str) -> None:
    call = AIMessage("", tool_calls=[{"id": "t", "name": "find", "args": {}}])
    made = prompt_messages([HumanMessage("How long?"), call, output])
    assert made[2] == {"role": role, "content": "It is 900 m long.", "name": "find"}


def test_what_the_user_says_beside_an_output() -> None:
    both = HumanMessage([OUTPUT, IMAGE, {"type": "text", "text": "And so?"}])
    assert prompt_messages([both]) == [{"role": "user", "content": "It is 900 m long.\n\nAnd so?"}]


def test_several_calls_at_once_and_outputs_without_a_call() -> None:
    asked: Any = [
        {"id": "1", "name": "find", "args": {}},
        {"id": "2", "name": "ask", "args": {}},
    ]
    outputs = [ToolMessage(text, tool_call_id=text) for text in ("2", "1", "3")]
    made = prompt_messages([AIMessage("", tool_calls=asked), *outputs])
    assert [each.get("name") for each in made] == ["find, ask", "ask", "find", None]
    assert made[0]["calls"].count("\n") == 1


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "reasoning", "reasoning": "Hm."},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "reasoning_content", "reasoning_content": {"text": "Hm.", "signature": "x"}},
    ],
)
def test_thoughts_in_any_form(block: dict[str, Any]) -> None:
    message = AIMessage([block, {"type": "text", "text": "It is."}])
    assert message_thoughts(message) == "Hm."
    assert prompt_messages([message]) == [{"role": "assistant", "content": "It is."}]


@pytest.mark.parametrize(
    "kept",
    [
        {"reasoning_content": "Hm."},
        {"reasoning": "Hm."},
        {"reasoning": {"id": "rs", "summary": [{"type": "summary_text", "text": "Hm."}]}},
    ],
)
def test_thoughts_beside_the_text(kept: dict[str, Any]) -> None:
    assert message_thoughts(AIMessage("It is.", additional_kwargs=kept)) == "Hm."


def test_messages_without_thoughts() -> None:
    hidden: list[Any] = [
        {"type": "redacted_thinking", "data": "x"},
        {"type": "reasoning", "summary": []},
    ]
    assert message_thoughts(AIMessage(hidden)) == ""
    assert message_thoughts(AIMessage("It is.")) == ""
