"""Questions, answers and prompts read from what chains and models take and give."""

from dataclasses import dataclass

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration

from attribot_integrations.langchain.content import answer_text, prompt_messages, question_text


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
