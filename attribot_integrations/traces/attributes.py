"""What OpenTelemetry's attributes say of a step: OpenInference, GenAI, and the tools' own names.

Attributes are flat (`retrieval.documents.0.document.content`), as spans hold them, or a list under
a flat name, as Phoenix's tables have them, or nested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from attribot_integrations.context.sources import Chunk
from attribot_integrations.traces.messages import answer_text, chat_message, chat_messages
from attribot_integrations.traces.retrieval import documents_of, parsed
from attribot_integrations.traces.tracespans import Kind, TraceSpan, filled, kind_of

__all__ = ["described", "listed", "lookup"]

_KIND_NAMES = (
    "openinference.span.kind",
    "gen_ai.operation.name",
    "mlflow.spanType",
    "langfuse.observation.type",
    "traceloop.span.kind",
    "llm.request.type",
)
_INPUTS = (
    "input.value",
    "langfuse.observation.input",
    "mlflow.spanInputs",
    "traceloop.entity.input",
    "gen_ai.retrieval.query.text",
    "reranker.query",
)
_OUTPUTS = (
    "output.value",
    "langfuse.observation.output",
    "mlflow.spanOutputs",
    "traceloop.entity.output",
)
_PROMPTS = ("llm.input_messages", "gen_ai.input.messages", "gen_ai.prompt")
_TEXT_PROMPTS = ("llm.prompts", "gen_ai.prompt")
_ANSWERS = ("llm.output_messages", "gen_ai.output.messages", "gen_ai.completion")
_DOCUMENTS = ("retrieval.documents", "gen_ai.retrieval.documents")
_INDEX_DIGITS = 9


def described(span: TraceSpan, attributes: Mapping[str, Any]) -> TraceSpan:
    """Return a step with all that its attributes say.

    Args:
        span: The step; its kind is kept if it has one.
        attributes: Its attributes, as plain data.
    """
    kind = span.kind if span.kind != "other" else _kind(attributes)
    documents = _documents(attributes, _DOCUMENTS)
    given: tuple[Chunk | None, ...] = ()
    if kind == "reranker":
        documents = documents or _documents(attributes, ("reranker.output_documents",))
        given = _documents(attributes, ("reranker.input_documents",))
    known = replace(
        span,
        kind=kind,
        prompt=_prompt(attributes) if kind == "llm" else None,
        answer=_answer(attributes) if kind == "llm" else None,
        documents=documents if kind in ("retriever", "reranker") else (),
        given=given,
    )
    return filled(known, _payload(attributes, _INPUTS), _payload(attributes, _OUTPUTS))


def lookup(data: Mapping[str, Any], path: str) -> Any:
    """Return what stands under a dotted path, whether the names of the data are dotted or nested.

    Args:
        data: The attributes.
        path: Such as `retrieval.documents`.

    Returns:
        The value; a dictionary of what stands below, where only longer paths do; `None` if nothing.
    """
    if path in data:
        return data[path]
    parts = path.split(".")
    for count in range(1, len(parts)):
        inner = data.get(".".join(parts[:count]))
        if isinstance(inner, Mapping):
            found = lookup(inner, ".".join(parts[count:]))
            if found is not None:
                return found
    start = f"{path}."
    return {key[len(start) :]: data[key] for key in data if str(key).startswith(start)} or None


def listed(data: Mapping[str, Any], path: str) -> list[Any]:
    """Return the items of a list under a dotted path, which may be numbered names.

    Args:
        data: The attributes.
        path: Such as `retrieval.documents`, for `retrieval.documents.0.document.content`.
    """
    found = parsed(lookup(data, path))
    if isinstance(found, list | tuple):
        return list(found)
    if not isinstance(found, Mapping):
        return []
    items: dict[int, Any] = {}
    for key, value in found.items():
        head, _, rest = str(key).partition(".")
        if not (head.isascii() and head.isdecimal() and len(head) <= _INDEX_DIGITS):
            continue
        if rest and isinstance(items.setdefault(int(head), {}), dict):
            items[int(head)][rest] = value
        elif not rest:
            items[int(head)] = value
    return [items[index] for index in sorted(items)]


def _kind(attributes: Mapping[str, Any]) -> Kind:
    for name in _KIND_NAMES:
        value = lookup(attributes, name)
        # MLflow's attributes are JSON, texts too.
        kind = kind_of(value.strip('"')) if isinstance(value, str) else "other"
        if kind != "other":
            return kind
    return "other"


def _payload(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        value = lookup(attributes, name)
        if value is not None:
            return parsed(value, always=name.startswith("mlflow."))
    return None


def _prompt(attributes: Mapping[str, Any]) -> list[dict[str, str]] | None:
    for name in _PROMPTS:
        messages = chat_messages([*map(_with_parts, listed(attributes, name))])
        if messages:
            return _instructions(attributes) + messages
    for name in _TEXT_PROMPTS:
        texts = [_prompt_text(one) for one in listed(attributes, name)]
        if len(texts) == 1 and texts[0]:
            return [{"role": "user", "content": texts[0]}]
    return None


def _prompt_text(item: Any) -> str | None:
    value = lookup(item, "prompt.text") if isinstance(item, Mapping) else item
    return value if isinstance(value, str) and value.strip() else None


def _instructions(attributes: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the system's message where OpenTelemetry keeps it apart."""
    parts = listed(attributes, "gen_ai.system_instructions")
    message = chat_message({"role": "system", "parts": parts})
    return [message] if message is not None and message["content"] else []


def _answer(attributes: Mapping[str, Any]) -> str | None:
    lists = (listed(attributes, name) for name in _ANSWERS)
    found = (answer_text([*map(_with_parts, messages)]) for messages in lists)
    return next((text for text in found if text is not None), None)


def _with_parts(message: Any) -> Any:
    """Return a message whose parts may be flat names with its parts in a list."""
    parts = listed(message, "message.contents") if isinstance(message, Mapping) else []
    return {**message, "message.contents": parts} if parts else message


def _documents(attributes: Mapping[str, Any], names: tuple[str, ...]) -> tuple[Chunk | None, ...]:
    for name in names:
        items = listed(attributes, name)
        if items:
            return documents_of([*map(_regrouped, items)])
    return ()


def _regrouped(item: Any) -> Any:
    """Return a document whose metadata may be flat names, too, with its metadata in one piece."""
    if not isinstance(item, Mapping):
        return item
    metadata = lookup(item, "document.metadata")
    return {**item, "document.metadata": metadata} if metadata is not None else item
