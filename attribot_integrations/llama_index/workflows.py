"""What a workflow was asked and answered; agents are workflows, too.

What a workflow hands back is up to who wrote it: a response, a text, a dictionary. The answer is a
text in it that a model wrote.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from llama_index.core.agent.workflow import AgentOutput
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)
from llama_index.core.base.response.schema import Response
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle
from llama_index.core.workflow import Event, StopEvent
from pydantic import BaseModel

from attribot_integrations.answers.lineage import wrote
from attribot_integrations.llama_index.scopes import Scope
from attribot_integrations.results.fields import json_fields

__all__ = ["WorkflowAnswer", "workflow_answer", "workflow_question", "workflow_result"]

_ASKED: Final = ("user_msg", "query", "question", "query_str", "input", "message", "topic")
_ANSWERED: Final = ("answer", "response", "result", "output", "text", "content")
_STREAMED: Final = (
    "the workflow handed back a stream, which cannot be followed: have a response synthesizer make "
    "it, or read it inside the workflow"
)
_UNTOLD: Final = (
    "no text that the workflow handed back is what a model wrote, the last that one wrote was "
    "taken: hand back the answer, or a response"
)


@dataclass(frozen=True)
class WorkflowAnswer:
    """The answer that a workflow gave."""

    text: str
    notes: tuple[str, ...] = ()
    """What had to be guessed."""
    written_by: str | None = None
    """What wrote it, if that was no model."""
    problem: str | None = None
    """Why it cannot be attributed."""


def workflow_question(arguments: Mapping[str, Any]) -> str:
    """Return what a workflow was asked, "" if that cannot be told.

    Args:
        arguments: Arguments of its run: an event to start with, or that event's fields.
    """
    event = arguments.get("start_event")
    if isinstance(event, Event):
        fields = _fields(event)
    else:
        fields = {**arguments, **(arguments.get("kwargs") or {})}
    history = fields.get("chat_history")
    said = list(reversed(history)) if isinstance(history, list) else []
    named = [fields.get(name) for name in _ASKED]
    named += [one for one in said if getattr(one, "role", None) == MessageRole.USER]
    known = next((text for text in map(_asked, named) if text), None)
    texts = [text for text in map(_asked, fields.values()) if text]
    return known or (texts[0] if len(texts) == 1 else "")


def workflow_result(result: object) -> object:
    """Return what the caller of a workflow gets.

    Args:
        result: What its span ended with; some versions end it with the event that holds the result.
    """
    return result.result if type(result) is StopEvent else result


def workflow_answer(scope: Scope, result: object) -> WorkflowAnswer | None:
    """Return the answer that a workflow gave, `None` if it gave none.

    Args:
        scope: What the workflow was made in.
        result: What it handed back.
    """
    if not (scope.searched or scope.calls or scope.tools or scope.tasks):
        return None
    if isinstance(result, Generator | AsyncGenerator):
        return WorkflowAnswer("", problem=_STREAMED)
    text = _text(result)
    if text is None:
        text = _filled_in(scope, result)
    if text is None:
        return _among(scope, list(_texts(result)))
    tools = [tool for tool in scope.tools if tool.content.strip() == text.strip() != ""]
    if tools and not any(wrote(call, text) for call in scope.calls):
        return WorkflowAnswer(text, written_by=f"the tool {tools[-1].tool_name}")
    return WorkflowAnswer(text)


def _fields(value: BaseModel) -> dict[str, Any]:
    named = {name: getattr(value, name, None) for name in type(value).model_fields}
    return {**named, **dict(value.items())} if isinstance(value, Event) else named


def _asked(value: object) -> str:
    if isinstance(value, ChatMessage):
        return value.content or ""
    if isinstance(value, QueryBundle):
        return value.query_str
    return value if isinstance(value, str) else ""


def _text(result: object) -> str | None:
    """Return the text of what is an answer as a whole."""
    if isinstance(result, AgentOutput):
        result = result.response
    if isinstance(result, ChatResponse):
        result = result.message
    if isinstance(result, ChatMessage):
        return result.content or ""
    if isinstance(result, CompletionResponse):
        return result.text
    return result if isinstance(result, str) else None


def _filled_in(scope: Scope, result: object) -> str | None:
    """Return the JSON of an object whose fields a model filled in, as `structured_predict` does."""
    if not isinstance(result, BaseModel) or isinstance(result, Event):
        return None
    text = result.model_dump_json(exclude_unset=True)
    written = bool(json_fields(text)) and any(wrote(call, text) for call in scope.calls)
    return text if written else None


def _among(scope: Scope, texts: list[str]) -> WorkflowAnswer | None:
    """Return the text that is an answer inside the workflow, or what a model wrote, if one is."""
    before = {(task.answer or "").strip() for task in scope.tasks} - {""}
    for least in (2, 1):
        for text in texts:
            if text.strip() in before or any(wrote(call, text) >= least for call in scope.calls):
                return WorkflowAnswer(text)
    last = next((call.text for call in reversed(scope.calls) if call.text), None)
    if last is None or not scope.searched:
        return None  # it did something else than to answer
    return WorkflowAnswer(last, notes=(_UNTOLD,))


def _texts(value: object) -> Iterator[str]:
    """Yield the texts in a result, those under usual names first."""
    text = value.response if isinstance(value, Response) else _text(value)
    if isinstance(value, BaseNode | NodeWithScore):
        return
    if isinstance(value, BaseModel):
        value = _fields(value)
    if text is not None:
        yield text
    elif isinstance(value, Mapping):
        names = [name for name in _ANSWERED if name in value]
        for name in (*names, *(name for name in value if name not in names)):
            yield from _texts(value[name])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
