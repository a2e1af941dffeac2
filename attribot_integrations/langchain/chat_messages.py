"""LangChain's chat messages as plain data: what was said, by whom, and what tools were asked.

Calls of tools and their outputs stand in attributes, or in content blocks as providers write them;
so do thoughts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    ToolMessage,
)

from attribot_integrations.langchain.found import block_chunk

__all__ = ["json_arguments", "message_role", "message_thoughts", "prompt_messages"]

_ROLES: Final = {"human": "user", "ai": "assistant"}
_THOUGHTS: Final = ("thinking", "reasoning", "reasoning_content")
"""Types of the content blocks that hold thoughts, and the keys under which they do."""


def message_thoughts(message: BaseMessage) -> str:
    """Return the thoughts that a message holds apart from its text: DeepSeek's, Anthropic's, ….

    They stand in `reasoning_content` or `reasoning`, or in content blocks of the type `thinking`,
    `reasoning` or `reasoning_content`, as text or in parts; of OpenAI's models, it is a summary.
    """
    for key in ("reasoning_content", "reasoning"):
        kept = message.additional_kwargs.get(key)
        if isinstance(kept, str):
            return kept
        if isinstance(kept, Mapping):
            return "\n".join(filter(None, _thought(kept)))
    found = (text for block in _blocks(message, *_THOUGHTS) for text in _thought(block))
    return "\n".join(filter(None, found))


def _thought(block: Mapping[str, Any]) -> Iterator[str]:
    for key in (*_THOUGHTS, "summary"):
        value = block.get(key)
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            text = part.get("text") if isinstance(part, Mapping) else part
            if isinstance(text, str):
                yield text


def _blocks(message: BaseMessage, *types: str) -> list[Mapping[str, Any]]:
    """Return the content blocks of a message that are of some types."""
    content = message.content if isinstance(message.content, list) else []
    return [each for each in content if isinstance(each, Mapping) and each.get("type") in types]


def prompt_messages(messages: Iterable[BaseMessage]) -> list[dict[str, str]]:
    """Return chat messages as `{"role": …, "content": …}`; parts that are not text are left out.

    Documents and outputs of tools in content blocks are text, set apart by blank lines. Where they
    are known, a message has the `name` of its tools, the `calls` that it makes as JSON, one a line,
    and the `kind` "summary" if LangChain's middleware has put it in the place of earlier ones.
    """
    names: dict[str, str] = {}
    return [
        {
            "role": message_role(message),
            "content": _shown_text(message),
            **_tools_of(message, names),
            **({"kind": "summary"} if _is_summary(message) else {}),
        }
        for message in messages
    ]


def _tools_of(message: BaseMessage, names: dict[str, str]) -> dict[str, str]:
    """Return what a message calls tools with, or which ones it is of.

    Args:
        message: The message.
        names: Names of the tools by the ids of the calls so far; new ones are added.
    """
    if isinstance(message, AIMessage):
        calls = list(_calls(message))
        names.update((id_, name) for id_, name, _ in calls)
        if not calls:
            return {}
        asked = [{"name": name, "arguments": given} for _, name, given in calls]
        return {
            "name": _listed(name for _, name, _ in calls),
            "calls": "\n".join(json.dumps(one, ensure_ascii=False, default=str) for one in asked),
        }
    if isinstance(message, ToolMessage):
        found = [message.name or names.get(message.tool_call_id, "")]
    elif isinstance(message, FunctionMessage):
        found = [message.name]
    else:
        outputs = _blocks(message, "tool_result")
        found = [names.get(str(each.get("tool_use_id")), "") for each in outputs]
    return {"name": name} if (name := _listed(found)) else {}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, names)))


def _calls(message: AIMessage) -> Iterator[tuple[str, str, Any]]:
    """Yield id, name and arguments of the calls of tools that a message makes."""
    if message.tool_calls:
        for call in message.tool_calls:
            yield call["id"] or "", call["name"], call["args"]
        return
    for block in _blocks(message, "tool_use"):
        yield str(block.get("id", "")), str(block.get("name", "")), block.get("input")
    called = message.additional_kwargs.get("function_call")
    if isinstance(called, Mapping):  # before there were several at once
        given = called.get("arguments")
        if isinstance(given, str):
            with suppress(RecursionError, ValueError):
                given = json.loads(given)
        yield "", str(called.get("name", "")), given


def _is_summary(message: BaseMessage) -> bool:
    return bool(message.additional_kwargs.get("lc_source") == "summarization")


def _shown_text(message: BaseMessage) -> str:
    if isinstance(message.content, str):
        return str(message.text)
    documents = [block_chunk(block) for block in message.content]
    if not any(documents) and not _blocks(message, "tool_result"):
        return str(message.text)
    pieces = []
    for block, document in zip(message.content, documents, strict=True):
        if document is not None:
            pieces.append(document.text)
        elif isinstance(block, str):
            pieces.append(block)
        elif block.get("type") == "tool_result":
            pieces.append(_output_text(block))
        elif block.get("type") == "text" and isinstance(block.get("text"), str):
            pieces.append(block["text"])
    return "\n\n".join(filter(None, pieces))


def _output_text(block: Mapping[str, Any]) -> str:
    """Return the text of a tool's output, as Anthropic's API takes it."""
    content = block.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in parts)
    return "\n".join(text for text in texts if isinstance(text, str))


def message_role(message: BaseMessage) -> str:
    """Return a message's role as chat templates call it: "user", "assistant", "system", …."""
    if isinstance(message, ChatMessage):
        return message.role
    if isinstance(message, HumanMessage) and _blocks(message, "tool_result"):
        return "user" if _blocks(message, "text") else "tool"
    # A chunk's type is the class's name, as "AIMessageChunk", in place of "ai".
    kind = message.type.removesuffix("MessageChunk").lower()
    return _ROLES.get(kind, kind)


def json_arguments(message: AIMessage) -> str:
    """Return as JSON what a message calls tools with, "" if it calls none."""
    if not message.tool_calls:
        return ""
    arguments = [call["args"] for call in message.tool_calls]
    return json.dumps(arguments, ensure_ascii=False, default=str)
