"""LlamaIndex's chat messages as plain data: what was said, by whom, and what tools were asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from llama_index.core.base.llms.types import ChatMessage, TextBlock
from llama_index.core.memory import ChatSummaryMemoryBuffer

__all__ = ["plain_messages", "summaries_of", "with_summaries"]

_TOOLS: Final = ("tool", "function")


def plain_messages(messages: Sequence[ChatMessage]) -> list[dict[str, str]]:
    """Return chat messages as role and text; blocks that are no text are left out.

    Texts that a message hands over to be cited are text, set apart by blank lines.
    Where they are known, a message has the `name` of its tools, the `calls` that it makes as JSON,
    one a line, and the `memory` that stands at its start.
    """
    names: dict[str, str] = {}
    plain: list[dict[str, str]] = []
    for message in messages:
        made = {"role": str(message.role.value), "content": _text(message)}
        calls = list(_calls(message))
        names.update((id_, name) for id_, name, _ in calls if id_)
        asked = [name for _, name, _ in calls]
        if made["role"] in _TOOLS:
            asked = [_tool_name(message, names)]
        if any(asked):
            made["name"] = ", ".join(dict.fromkeys(filter(None, asked)))
        if calls:
            made["calls"] = "\n".join(_written(name, given) for _, name, given in calls)
        if memory := _memory(message):
            made["memory"] = memory
        plain.append(made)
    return plain


def summaries_of(memory: object) -> frozenset[str]:
    """Return the summaries of earlier messages that a memory holds."""
    if not isinstance(memory, ChatSummaryMemoryBuffer):
        return frozenset()
    held = memory.get_all()
    return frozenset(each.content or "" for each in held if each.role.value == "system")


def with_summaries(prompt: Any, summaries: frozenset[str]) -> Any:
    """Return a prompt whose messages say that they are summaries, where they are."""
    if not summaries or not isinstance(prompt, list):
        return prompt
    return [
        {**each, "kind": "summary"}
        if each["role"] == "system" and each["content"] in summaries
        else each
        for each in prompt
    ]


def _text(message: ChatMessage) -> str:
    texts = [_citable(block) for block in message.blocks]
    if not any(texts):
        return message.content or ""
    own = (getattr(block, "text", None) for block in message.blocks)
    shown = (given or text for given, text in zip(texts, own, strict=True))
    return "\n\n".join(text for text in shown if isinstance(text, str) and text)


def _citable(block: Any) -> str:
    """Return the text of a block that may be cited, "" for any other."""
    inner = getattr(block, "content", None)
    if getattr(block, "block_type", "") != "citable" or not isinstance(inner, list):
        return ""  # not all versions have them
    texts = (getattr(each, "text", None) for each in inner)
    return "\n".join(text for text in texts if isinstance(text, str))


def _calls(message: ChatMessage) -> Iterator[tuple[str, str, Any]]:
    """Yield id, name and arguments of the calls of tools that a message makes."""
    blocks = [each for each in message.blocks if getattr(each, "block_type", "") == "tool_call"]
    for block in blocks:  # not all versions have them
        named: Any = block
        yield named.tool_call_id or "", named.tool_name, named.tool_kwargs
    listed = message.additional_kwargs.get("tool_calls")
    for call in listed if isinstance(listed, Iterable) and not blocks else ():
        function = _field(call, "function")
        name = _field(function, "name")
        if isinstance(name, str):
            yield str(_field(call, "id") or ""), name, _field(function, "arguments")


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _written(name: str, given: Any) -> str:
    if isinstance(given, str):  # as providers hand it over
        with suppress(RecursionError, ValueError):
            given = json.loads(given)
    return json.dumps({"name": name, "arguments": given}, ensure_ascii=False, default=str)


def _tool_name(message: ChatMessage, names: Mapping[str, str]) -> str:
    own = message.additional_kwargs.get("name")
    id_ = message.additional_kwargs.get("tool_call_id")
    return own if isinstance(own, str) else names.get(str(id_), "")


def _memory(message: ChatMessage) -> str:
    """Return what `Memory` has put before a message, as a block of its own."""
    first = message.blocks[0] if message.blocks else None
    text = first.text if isinstance(first, TextBlock) else ""
    bare = text.strip()
    apart = message.role.value == "system" or len(message.blocks) > 1
    return text if apart and bare.startswith("<memory>") and bare.endswith("</memory>") else ""
