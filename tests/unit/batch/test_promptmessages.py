"""Messages of prompts in logs, in our form and in OpenAI's."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from attribot_integrations.batch.promptmessages import prompt_messages
from attribot_integrations.context.conversation import read_messages
from attribot_integrations.errors import DataFileError

CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "berths", "arguments": '{"least": 11, "of": "Köln"}'},
}
CHAT: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Which berth "},
            {"type": "image_url", "image_url": {"url": "data:"}},
            {"type": "text", "text": "is free?"},
        ],
    },
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "Berth 7."},
]


def test_messages_of_openai() -> None:
    assert prompt_messages(CHAT) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Which berth is free?"},
        {
            "role": "assistant",
            "content": "",
            "name": "berths",
            "calls": '{"name": "berths", "arguments": {"least": 11, "of": "Köln"}}',
        },
        {"role": "tool", "content": "Berth 7.", "name": "berths"},
    ]
    assert len(read_messages(prompt_messages(CHAT), said=True)) == len(CHAT)


def test_arguments_that_json_cannot_hold_are_written_as_text() -> None:
    """Parquet has dates."""
    call = {"function": {"name": "trips", "arguments": {"day": date(1962, 5, 1)}}}
    (message,) = prompt_messages([{"role": "assistant", "tool_calls": [call]}])
    assert message["calls"] == '{"name": "trips", "arguments": {"day": "1962-05-01"}}'


def test_several_calls_are_lines_and_their_tools_are_named_once() -> None:
    other = {"id": "c2", "function": {"name": "prices", "arguments": "{broken"}}
    asked = {"role": "assistant", "content": "Wait.", "tool_calls": [CALL, other, CALL]}
    told = {"role": "tool", "tool_call_id": "c2", "content": "40 euros."}
    message, output = prompt_messages([asked, told])
    assert message["content"] == "Wait."
    assert message["name"] == "berths, prices"
    assert [json.loads(line)["arguments"] for line in message["calls"].splitlines()] == [
        {"least": 11, "of": "Köln"},
        "{broken",
        {"least": 11, "of": "Köln"},
    ]
    assert output["name"] == "prices"


def test_our_own_form_stays_and_what_is_no_text_of_it_is_left_out() -> None:
    told = {"role": "user", "content": "M. Q?", "memory": "M.", "kind": "memory", "name": "n"}
    assert prompt_messages([{**told, "calls": 3, "more": "x"}]) == [told]
    named = {"role": "tool", "content": "x", "name": "own", "tool_call_id": "c9"}
    assert prompt_messages([named]) == [{"role": "tool", "content": "x", "name": "own"}]


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("x", '"prompt[0]" must be an object with role and content, not text'),
        ({"content": "x"}, '"prompt[0].role" must be text, not null'),
        ({"role": "user", "content": None}, '"prompt[0].content" must be text, not null'),
        ({"role": "user", "content": []}, '"prompt[0].content" must be text, not a list'),
        ({"role": "user", "content": ["x"]}, '"prompt[0].content[0]" must be an object with a'),
        (
            {"role": "user", "content": [{"type": "text"}]},
            '"prompt[0].content[0].text" must be text, not null',
        ),
        ({"role": "user", "tool_calls": {}}, '"prompt[0].tool_calls" must be a list, not an'),
        ({"tool_calls": ["x"]}, '"prompt[0].tool_calls[0]" must be an object with a function'),
        (
            {"tool_calls": [{"function": {"name": 3}}]},
            '"prompt[0].tool_calls[0].name" must be text, not a number',
        ),
    ],
)
def test_what_is_no_message_is_refused(message: object, problem: str) -> None:
    with pytest.raises(DataFileError) as caught:
        prompt_messages([message])
    assert problem in str(caught.value)
