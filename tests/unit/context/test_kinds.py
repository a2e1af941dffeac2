"""Kinds of sources, and what readers are told of them."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.context.kinds import ConversationPart, SourceKind, conversation_kinds
from attribot_integrations.errors import ConfigurationError, InputError


@pytest.mark.parametrize(
    ("part", "title"),
    [
        (ConversationPart("system", 0, "system"), "the system prompt"),
        (ConversationPart("system", 3, "system"), "a system message of turn 3"),
        (ConversationPart("user", 2, "user"), "the user's message of turn 2"),
        (ConversationPart("assistant", 2, "assistant"), "the assistant's message of turn 2"),
        (ConversationPart("assistant", 0, "model"), "the model's message at the start"),
        (ConversationPart("tool", 2, "tool", "search"), "tool output of search, turn 2"),
        (ConversationPart("tool", 0, "tool"), "tool output"),
        (ConversationPart("tool_call", 1, "assistant", "find"), "tool call of find, turn 1"),
        (ConversationPart("summary", 0, "user"), "the summary of the conversation"),
        (ConversationPart("memory", 0, "system"), "the memory"),
    ],
)
def test_titles(part: ConversationPart, title: str) -> None:
    assert part.title == title


@pytest.mark.parametrize(
    ("kind", "turn", "message"),
    [
        ("retrieved", 1, "must be of a kind of .*, got 'retrieved'"),
        ("other", 1, "got 'other'"),
        ("user", -1, "a turn must be a count from 0, got -1"),
        ("user", True, "got True"),
    ],
)
def test_wrong_parts(kind: Any, turn: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ConversationPart(kind, turn, "user")


def test_kinds() -> None:
    every: set[SourceKind] = {"system", "user", "assistant", "tool"}
    every |= {"tool_call", "summary", "memory"}
    assert conversation_kinds("retrieved") == frozenset()
    assert conversation_kinds("all") == every
    assert conversation_kinds(("retrieved", "user")) == {"user"}
    assert conversation_kinds(["retrieved"]) == frozenset()


@pytest.mark.parametrize(
    "sources", ["user", ("user",), (), None, 3, ("retrieved", "users"), ("retrieved", 3)]
)
def test_wrong_kinds(sources: object) -> None:
    with pytest.raises(ConfigurationError, match='sources must be "retrieved", "all", or a tuple'):
        conversation_kinds(sources)
