"""Reading text out of what LangChain hands around: inputs, outputs, messages, documents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    ToolMessage,
    convert_to_messages,
)
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langchain_core.prompt_values import PromptValue

from attribot_integrations.answers.output import Output
from attribot_integrations.langchain.found import block_chunk
from attribot_integrations.langchain.paths import at_path, fields_at

__all__ = [
    "Keys",
    "answer_text",
    "generated_text",
    "generated_thoughts",
    "json_arguments",
    "message_thoughts",
    "model_name",
    "prompt_messages",
    "question_text",
    "tool_arguments",
]

_QUESTION_KEYS = ("input", "question", "query", "messages")
_TEXT_KEYS = ("answer", "output", "result", "output_text", "text", "parsed")
# What an agent was asked to fill in comes before its conversation.
_ANSWER_KEYS = (*_TEXT_KEYS, "structured_response", "messages")
_ROLES = {"human": "user", "ai": "assistant"}


@dataclass(frozen=True)
class Keys:
    """Where a chain's input holds the question, and its output the answer."""

    question: str | None = None
    """Key or attribute; `None` to look under the usual ones."""
    answer: str | None = None
    """Key or attribute; `None` to look under the usual ones."""


def question_text(inputs: object, key: str | None = None) -> str | None:
    """Find the user's question in a chain's input.

    Text is the question itself. In a dict it stands under "input", "question", "query" or
    "messages", and among messages it is the last human one.

    Args:
        inputs: The input of a chain, retriever or model.
        key: The key that holds it in a dict, or the attribute of another object.

    Returns:
        The question, or `None` where there is none; blank text is none, because a streaming chain
        reports a blank input before it knows its own.
    """
    if key is not None and not isinstance(inputs, str):
        return question_text(at_path(inputs, key))
    if isinstance(inputs, str):
        return inputs if inputs.strip() else None
    if isinstance(inputs, Mapping):
        found = (question_text(inputs[key]) for key in _QUESTION_KEYS if key in inputs)
        return next((text for text in found if text is not None), None)
    for message in reversed(_messages(inputs)):
        if isinstance(message, HumanMessage) or message_role(message) == "user":
            return question_text(str(message.text))
    return None


def answer_text(outputs: object, key: str | None = None) -> str | None:
    """Find the answer in a chain's output, as the user receives it.

    Text is the answer itself. In a dict it stands under "answer", "output", "result",
    "output_text", "text", "parsed", "structured_response" or "messages", and among messages it is
    the last one, if the model wrote it. Other objects may have an attribute `answer`.

    Args:
        outputs: The output of a chain or model.
        key: The key that holds it in a dict, or the attribute of another object; or a path of
            several, "parsed.summary". What is no text, message or usual output there is put
            together from its fields, one a line.

    Returns:
        The answer, which may be empty, or `None` where there is none.
    """
    if key is not None and not isinstance(outputs, str):
        value = at_path(outputs, key)
        named = str(value) if isinstance(value, int | float) else answer_text(value)
        if named is not None:
            return named
        output = Output(fields=tuple(fields_at(value)))
        return output.of_fields(output.fields).answer if output.texts else None
    if isinstance(outputs, str):
        return outputs
    if isinstance(outputs, Mapping):
        found = (answer_text(outputs[key]) for key in _ANSWER_KEYS if key in outputs)
        return next((text for text in found if text is not None), None)
    if isinstance(outputs, LLMResult):
        return generated_text(outputs)
    if isinstance(outputs, Generation):
        return _generation_text(outputs)
    messages = _messages(outputs)
    if messages:
        return _message_answer(messages[-1])
    answer = getattr(outputs, "answer", None)
    return answer if isinstance(answer, str) else None


def generated_text(result: LLMResult) -> str | None:
    """Return the text of a model's first completion, `None` where it called tools instead."""
    first = next((group[0] for group in result.generations if group), None)
    return None if first is None else _generation_text(first)


def generated_thoughts(result: LLMResult) -> str:
    """Return what a model thought before its first completion, as far as it is kept apart."""
    first = next((group[0] for group in result.generations if group), None)
    message = first.message if isinstance(first, ChatGeneration) else None
    return "" if message is None else message_thoughts(message)


def message_thoughts(message: BaseMessage) -> str:
    """Return the thoughts that a message holds apart from its text: DeepSeek's, Anthropic's, ….

    They stand in `reasoning_content`, or in content blocks of the type `thinking` or `reasoning`.
    """
    kept = message.additional_kwargs.get("reasoning_content")
    if isinstance(kept, str):
        return kept
    blocks = message.content if isinstance(message.content, list) else []
    found = (
        block.get("thinking") or block.get("reasoning")
        for block in blocks
        if isinstance(block, Mapping) and block.get("type") in ("thinking", "reasoning")
    )
    return "\n".join(text for text in found if isinstance(text, str))


def prompt_messages(messages: Iterable[BaseMessage]) -> list[dict[str, str]]:
    """Return chat messages as `{"role": …, "content": …}`; parts that are not text are left out.

    Documents in content blocks are text, set apart by blank lines. Where they are known, a message
    has the `name` of its tools, the `calls` that it makes as JSON, one a line, and the `kind`
    "summary" if LangChain's middleware has put it in the place of earlier ones.
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
    """Return what a message calls tools with, or which one it is of.

    Args:
        message: The message.
        names: Names of the tools by the ids of the calls so far; new ones are added.
    """
    if isinstance(message, ToolMessage):
        name = message.name or names.get(message.tool_call_id)
        return {"name": name} if name else {}
    if not isinstance(message, AIMessage) or not message.tool_calls:
        return {}
    names.update((call["id"] or "", call["name"]) for call in message.tool_calls)
    asked = [{"name": call["name"], "arguments": call["args"]} for call in message.tool_calls]
    return {
        "name": ", ".join(dict.fromkeys(call["name"] for call in message.tool_calls)),
        "calls": "\n".join(json.dumps(each, ensure_ascii=False, default=str) for each in asked),
    }


def _is_summary(message: BaseMessage) -> bool:
    return bool(message.additional_kwargs.get("lc_source") == "summarization")


def _shown_text(message: BaseMessage) -> str:
    if isinstance(message.content, str):
        return str(message.text)
    documents = [block_chunk(block) for block in message.content]
    if not any(documents):
        return str(message.text)
    pieces = []
    for block, document in zip(message.content, documents, strict=True):
        if document is not None:
            pieces.append(document.text)
        elif isinstance(block, str):
            pieces.append(block)
        elif block.get("type") == "text" and isinstance(block.get("text"), str):
            pieces.append(block["text"])
    return "\n\n".join(pieces)


def message_role(message: BaseMessage) -> str:
    """Return a message's role as chat templates call it: "user", "assistant", "system", …."""
    if isinstance(message, ChatMessage):
        return message.role
    # A chunk's type is the class's name, as "AIMessageChunk", in place of "ai".
    kind = message.type.removesuffix("MessageChunk").lower()
    return _ROLES.get(kind, kind)


def tool_arguments(result: LLMResult) -> str:
    """Return as JSON what a model's first completion called tools with, "" if it called none."""
    first = next((group[0] for group in result.generations if group), None)
    message = first.message if isinstance(first, ChatGeneration) else None
    if not isinstance(message, AIMessage):
        return ""
    return json_arguments(message)


def json_arguments(message: AIMessage) -> str:
    """Return as JSON what a message calls tools with, "" if it calls none."""
    if not message.tool_calls:
        return ""
    arguments = [call["args"] for call in message.tool_calls]
    return json.dumps(arguments, ensure_ascii=False, default=str)


def model_name(event: Mapping[str, Any]) -> str | None:
    """Return the name of the model that a start event is about, as far as its class tells."""
    metadata = event.get("metadata") or {}
    parameters = event.get("invocation_params") or {}
    names = (metadata.get("ls_model_name"), parameters.get("model"), parameters.get("model_name"))
    return next((name for name in names if isinstance(name, str)), None)


def _generation_text(generation: Any) -> str | None:
    if isinstance(generation, ChatGeneration):
        return _message_answer(generation.message)
    text = getattr(generation, "text", None)
    return text if isinstance(text, str) else None


def _message_answer(message: BaseMessage) -> str | None:
    if isinstance(message, AIMessage) and not message.tool_calls:
        return str(message.text)
    # A chat model may also answer with a generic message of the assistant's role.
    if isinstance(message, ChatMessage) and message.role == "assistant":
        return str(message.text)
    return None


def _messages(value: object) -> Sequence[BaseMessage]:
    """Return a value's messages: a message, a prompt, or a list in any form LangChain takes."""
    if isinstance(value, BaseMessage):
        return [value]
    if isinstance(value, PromptValue):
        return value.to_messages()
    if not isinstance(value, list):
        return []
    if not all(isinstance(item, (BaseMessage, Mapping, tuple)) for item in value):
        return []
    try:
        return convert_to_messages(value)
    except (KeyError, NotImplementedError, TypeError, ValueError):
        return []  # a list of something else
