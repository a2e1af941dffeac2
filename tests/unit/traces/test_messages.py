"""Texts in what tracing tools record."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.traces.messages import (
    answer_text,
    chat_message,
    chat_messages,
    question_text,
)

CONSTRUCTED = {
    "lc": 1,
    "type": "constructor",
    "id": ["langchain", "schema", "messages", "AIMessage"],
    "kwargs": {"content": "Yes."},
}
PARTS = [{"type": "text", "text": "Ye"}, {"type": "image_url"}, "s", {"type": "text", "text": "."}]


def nested(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = {"output": value}
    return value


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": "Yes."},
        {"role": "Assistant", "content": PARTS},
        {"role": "model", "parts": [{"type": "text", "content": "Yes."}]},
        {"type": "ai", "content": "Yes."},
        {"type": "ai", "data": {"content": "Yes."}},
        {"message.role": "assistant", "message.content": "Yes."},
        {
            "message.role": "assistant",
            "message.contents": [
                {"message_content.type": "text", "message_content.text": "Yes."},
                {"message_content": {"type": "image"}},
            ],
        },
        {"message": {"role": "assistant", "content": "Yes."}},
        CONSTRUCTED,
    ],
)
def test_messages_of_all_libraries(message: dict[str, Any]) -> None:
    assert chat_message(message) == {"role": "assistant", "content": "Yes."}


@pytest.mark.parametrize(
    "value", [None, "text", 3, {}, {"role": 3}, {"role": "judge"}, {"type": 1}]
)
def test_what_is_no_message(value: object) -> None:
    assert chat_message(value) is None


@pytest.mark.parametrize("content", [None, 3, {"a": 1}, [3, None, {"type": "text", "text": 4}]])
def test_content_that_is_no_text_is_left_out(content: object) -> None:
    assert chat_message({"role": "user", "content": content}) == {"role": "user", "content": ""}


@pytest.mark.parametrize(
    "value",
    [
        [{"role": "user", "content": "Who?"}],
        [[{"type": "human", "content": "Who?"}]],
        {"messages": [[{"type": "human", "content": "Who?"}]], "tools": []},
        {"input": [{"role": "user", "content": "Who?"}, {"type": "function_call"}]},
        {"prompts": ["Who?"]},
        {"prompt": "Who?"},
        "Who?",
    ],
)
def test_chats(value: object) -> None:
    assert chat_messages(value) == [{"role": "user", "content": "Who?"}]


@pytest.mark.parametrize("value", [None, [], {}, "", 3, ["a", "b"], {"messages": 3}, nested(50)])
def test_what_is_no_chat(value: object) -> None:
    assert chat_messages(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "Yes.",
        {"answer": "Yes.", "context": ["a", "b"]},
        {"output": {"content": "Yes.", "type": "ai"}},
        {"generations": [[{"text": "Yes.", "message": CONSTRUCTED}]], "llm_output": None},
        {"choices": [{"message": {"role": "assistant", "content": "Yes."}}]},
        {"messages": [{"role": "user", "content": "Who?"}, CONSTRUCTED]},
        [{"role": "assistant", "content": "Yes."}],
        {"anything": "Yes."},
    ],
)
def test_answers(value: object) -> None:
    assert answer_text(value) == "Yes."


@pytest.mark.parametrize(
    "value",
    [
        None,
        "  ",
        3,
        {"a": "one", "b": "two"},
        ["one", "two"],
        [{"role": "user", "content": "Who?"}],
        {"role": "user", "content": "Who?"},
        nested(50),
    ],
)
def test_what_is_no_answer(value: object) -> None:
    assert answer_text(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "Who?",
        {"question": "Who?", "context": "Ada."},
        {"input": "Who?", "chat_history": []},
        {"query_bundle": {"query_str": "Who?", "embedding": None}},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "user", "content": "Who?"}]},
    ],
)
def test_questions(value: object) -> None:
    assert question_text(value) == "Who?"
