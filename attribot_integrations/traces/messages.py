"""Texts in what tracing tools record: messages, prompts, questions and answers.

Each library writes messages its own way; a message here is a role and a text, as chat templates
take it. What is no text (images, calls of tools) is left out. Data may be anything, however deep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["answer_text", "chat_message", "chat_messages", "question_text"]

_DEEPEST = 8
"""Levels of dictionaries and lists around a text that are looked through."""

_ROLES = {
    "human": "user",
    "humanmessage": "user",
    "humanmessagechunk": "user",
    "ai": "assistant",
    "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "model": "assistant",
    "developer": "system",
    "systemmessage": "system",
    "toolmessage": "tool",
    "functionmessage": "function",
}
"""Names of roles in LangChain and Gemini, as chat templates call them."""

_SAID = ("user", "assistant", "system", "tool", "function")

_PROMPTS = ("messages", "prompts", "prompt", "input", "inputs")

_ANSWERS = (
    "answer",
    "output",
    "outputs",
    "response",
    "result",
    "output_text",
    "completion",
    "generations",
    "choices",
    "messages",
    "message",
    "text",
    "content",
)
_QUESTIONS = (
    "question",
    "query",
    "query_str",
    "query_bundle",
    "input",
    "inputs",
    "user_input",
    "user_message",
    "messages",
    "message",
    "text",
    "q",
)


def chat_messages(value: Any) -> list[dict[str, str]] | None:
    """Return the chat that a model was given.

    Args:
        value: A list of messages, a list of one such list, or an object that holds one; or the
            text of a model that takes no messages, which counts as the user's.

    Returns:
        The messages that have a text; `None` if there are none.
    """
    for _ in range(_DEEPEST):
        if isinstance(value, Mapping):
            value = next((value[key] for key in _PROMPTS if key in value), None)
        elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], list | str):
            value = value[0]
        else:
            break
    if isinstance(value, str) and value.strip():
        return [{"role": "user", "content": value}]
    if not isinstance(value, list):
        return None
    found = [chat_message(one) for one in value]
    return [message for message in found if message is not None and message["content"]] or None


def chat_message(value: Any) -> dict[str, str] | None:
    """Return one message as role and text.

    Args:
        value: A message as OpenAI, LangChain (plain, or as a constructor), OpenInference or
            OpenTelemetry write it.

    Returns:
        The message, with a blank text if it has none; `None` if it is no message.
    """
    if not isinstance(value, Mapping):
        return None
    for inner in ("message", "kwargs", "data"):
        held = value.get(inner)
        if isinstance(held, Mapping):
            value = {"type": _constructed(value), **held}
            break
    named = value.get("message.role", value.get("role", value.get("type")))
    role = _ROLES.get(named.lower(), named.lower()) if isinstance(named, str) else None
    if role not in _SAID:
        return None
    content = value.get("message.content", value.get("content"))
    if content is None:
        content = value.get("message.contents", value.get("contents", value.get("parts")))
    return {"role": str(role), "content": _content(content)}


def answer_text(value: Any) -> str | None:
    """Return the text that came out of a step: a plain one, or that of the last message."""
    return _text(value, _ANSWERS, "assistant", _DEEPEST)


def question_text(value: Any) -> str | None:
    """Return the text that went into a step: a plain one, or that of the user's last message."""
    return _text(value, _QUESTIONS, "user", _DEEPEST)


def _text(value: Any, keys: Sequence[str], role: str, levels: int) -> str | None:
    if isinstance(value, str):
        return value if value.strip() else None
    if levels == 0:
        return None
    message = chat_message(value)
    if message is not None:
        return message["content"] if message["role"] == role and message["content"] else None
    if isinstance(value, Mapping):
        return _text_in(value, keys, role, levels)
    if not isinstance(value, list):
        return None
    said = [chat_message(one) for one in value]
    if said and None not in said:
        texts = [one["content"] for one in said if one and one["role"] == role and one["content"]]
        return texts[-1] if texts else None
    return _text(value[0], keys, role, levels - 1) if len(value) == 1 else None


def _text_in(value: Mapping[Any, Any], keys: Sequence[str], role: str, levels: int) -> str | None:
    for key in keys:
        if key in value:
            found = _text(value[key], keys, role, levels - 1)
            if found is not None:
                return found
    return _text(next(iter(value.values())), keys, role, levels - 1) if len(value) == 1 else None


def _constructed(value: Mapping[Any, Any]) -> object:
    """Return the class that LangChain's form of an object names, such as `HumanMessage`."""
    names = value.get("id")
    if isinstance(names, list) and names and value.get("type") == "constructor":
        return names[-1]
    return value.get("type")


def _content(value: Any) -> str:
    """Return the text of a message's content, which may be a list of parts."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    texts = []
    for part in value:
        if isinstance(part, Mapping):
            inner = part.get("message_content")
            part = inner if isinstance(inner, Mapping) else part
            named = part.get("message_content.type", part.get("type", "text"))
            if named not in ("text", "output_text", "input_text"):
                continue
            part = part.get("message_content.text", part.get("text", part.get("content")))
        if isinstance(part, str):
            texts.append(part)
    return "".join(texts)
