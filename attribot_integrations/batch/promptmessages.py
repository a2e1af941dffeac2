"""The messages of a prompt, as logs hold them: plain, or as OpenAI's chat interface takes them.

Calls of tools become text, one a line, in the form in which the adapters for LangChain and
LlamaIndex write them. What is no text, such as an image, is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from attribot_integrations.batch.jsontypes import as_text, reject
from attribot_integrations.context.conversation import MORE_KEYS

__all__ = ["prompt_messages"]

_TEXTS: Final = ("text", "input_text", "output_text")


def prompt_messages(value: list[Any]) -> list[dict[str, str]]:
    """Return messages as role and content, with what else is known of each as text.

    Args:
        value: What JSON holds. `content` may be a list of parts, or `null` beside `tool_calls`; the
            output of a tool is named by its `tool_call_id`.

    Raises:
        DataFileError: If one is no message.
    """
    names: dict[str, str] = {}
    messages = []
    for index, message in enumerate(value):
        where = f"prompt[{index}]"
        if not isinstance(message, dict):
            reject(where, "an object with role and content", message)
        calls = list(_calls(message.get("tool_calls"), f"{where}.tool_calls"))
        names.update((id, name) for id, name, _ in calls)
        messages.append(
            {
                "role": as_text(message.get("role"), f"{where}.role"),
                "content": _content(message.get("content"), f"{where}.content", blank=bool(calls)),
                **_of_tools(message, [(name, given) for _, name, given in calls], names),
                **{key: message[key] for key in MORE_KEYS if isinstance(message.get(key), str)},
            }
        )
    return messages


def _of_tools(
    message: Mapping[str, Any], calls: list[tuple[str, Any]], names: Mapping[str, str]
) -> dict[str, str]:
    """Return the names of a message's tools, and what it calls them with."""
    if calls:
        asked = ({"name": name, "arguments": given} for name, given in calls)
        return {
            "name": ", ".join(dict.fromkeys(name for name, _ in calls)),
            "calls": "\n".join(json.dumps(each, ensure_ascii=False, default=str) for each in asked),
        }
    name = names.get(str(message.get("tool_call_id")))
    return {} if name is None else {"name": name}


def _calls(value: Any, where: str) -> Iterator[tuple[str, str, Any]]:
    """Yield id, name and arguments of the calls of tools that a message makes."""
    if value is None:
        return
    if not isinstance(value, list):
        reject(where, "a list", value)
    for place, call in enumerate(value):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            reject(f"{where}[{place}]", "an object with a function", call)
        given = function.get("arguments")
        if isinstance(given, str):  # JSON, if the model wrote it well
            with suppress(RecursionError, ValueError):
                given = json.loads(given)
        yield str(call.get("id")), as_text(function.get("name"), f"{where}[{place}].name"), given


def _content(value: Any, where: str, *, blank: bool) -> str:
    if value is None and blank:
        return ""
    if not isinstance(value, list) or not value:
        return as_text(value, where)
    texts = []
    for place, part in enumerate(value):
        if not isinstance(part, dict):
            reject(f"{where}[{place}]", "an object with a type", part)
        if part.get("type") in _TEXTS:
            texts.append(as_text(part.get("text"), f"{where}[{place}].text"))
    return "".join(texts)
