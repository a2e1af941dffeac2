"""Reading text out of what LangChain hands around: inputs, outputs, messages, documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    convert_to_messages,
)
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langchain_core.prompt_values import PromptValue

from attribot_integrations.answers.output import Output
from attribot_integrations.langchain.chat_messages import (
    json_arguments,
    message_role,
    message_thoughts,
)
from attribot_integrations.langchain.paths import at_path, fields_at

__all__ = [
    "Keys",
    "answer_text",
    "generated_text",
    "generated_thoughts",
    "model_name",
    "question_text",
    "tool_arguments",
]

_QUESTION_KEYS = ("input", "question", "query", "messages")
_TEXT_KEYS = ("answer", "output", "result", "output_text", "text", "parsed")
# What an agent was asked to fill in comes before its conversation.
_ANSWER_KEYS = (*_TEXT_KEYS, "structured_response", "messages")


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
        if message_role(message) == "user":
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


def tool_arguments(result: LLMResult) -> str:
    """Return as JSON what a model's first completion called tools with, "" if it called none."""
    first = next((group[0] for group in result.generations if group), None)
    message = first.message if isinstance(first, ChatGeneration) else None
    if not isinstance(message, AIMessage):
        return ""
    return json_arguments(message)


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
