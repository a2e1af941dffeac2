"""What is known of the runs behind a conversation, by the messages that they left in it.

A middleware is told of one model call or tool at a time, by LangGraph's steps, which may run in
other threads and long after each other; the messages are all that holds them together.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from attribot_integrations.answers.captured import ModelCall
from attribot_integrations.answers.recent import Recent
from attribot_integrations.answers.runs import Run, RunTree
from attribot_integrations.langchain.chat_messages import (
    json_arguments,
    message_thoughts,
    prompt_messages,
)
from attribot_integrations.langchain.documents import chunks_in, tool_chunks
from attribot_integrations.langchain.events import CapturingHandler

__all__ = ["ConversationRuns", "RunCollector", "Runs"]

_REMEMBERED: Final = 1024

Runs: TypeAlias = dict[Hashable, Run]
"""Runs by their ids, in order."""


class RunCollector(CapturingHandler):
    """Keeps the runs inside a tool or around a model's call."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: Runs = {}

    def on_ended(self, tree: RunTree, outputs: object, inputs: object = None) -> None:
        """Keep a root with all below it."""
        self.runs.update(tree.runs)


class ConversationRuns:
    """The runs that the last messages of models and tools came from."""

    def __init__(self) -> None:
        # An agent's state has no place for these that would not be stored with every step.
        self._models: Recent[str, Runs] = Recent(_REMEMBERED)
        self._tools: Recent[tuple[str, str], Runs] = Recent(_REMEMBERED)

    def note_call(
        self,
        seen: Sequence[BaseMessage],
        model: object,
        written: Sequence[BaseMessage],
        runs: Runs,
    ) -> None:
        """Note a model's call.

        Args:
            seen: What it was asked, as far as the middleware was told; other middleware may have
                changed it.
            model: The model.
            written: What it wrote.
            runs: What was run around the call, with the call itself if it reported.
        """
        if not any(run.kind == "model" for run in runs.values()):
            runs = {**runs, uuid4(): _model_run(seen, model)}
        for message in written:
            if isinstance(message, AIMessage) and message.id is not None:
                self._models.add(message.id, runs)

    def note_tool(self, result: object, runs: Runs) -> None:
        """Note what was run inside a tool."""
        for message in _tool_messages(result):
            if runs:
                self._tools.add(_tool_key(message), runs)

    def tree(self, messages: Sequence[BaseMessage]) -> RunTree:
        """Put together what is known of all that was run for a conversation.

        What models were asked before the last question is left out; what was retrieved then is not.
        """
        root = Run("chain", None, below_retriever=False)
        tree = RunTree(uuid4(), inputs=messages)
        tree.runs[tree.id] = root
        last = max(
            (place for place, each in enumerate(messages) if isinstance(each, HumanMessage)),
            default=0,
        )
        for place, message in enumerate(messages):
            runs: Runs = {}
            if isinstance(message, ToolMessage):
                runs = self._tools.get(_tool_key(message)) or {}
                runs = {**runs, uuid4(): _tool_run(message)}
            elif isinstance(message, AIMessage) and place > last:
                runs = self._models.get(message.id or "") or {}
                if not runs:  # of another process, say
                    runs = {uuid4(): _model_run(messages[:place])}
                runs = _with_text(runs, message)
            if place < last:
                runs = {id: run for id, run in runs.items() if run.kind != "model"}
            for id, run in runs.items():
                known = run.parent in runs or run.parent in tree.runs
                tree.runs[id] = run if known else replace(run, parent=tree.id)
        return tree


def _model_run(messages: Sequence[BaseMessage], model: object = None) -> Run:
    names = (getattr(model, name, None) for name in ("model_name", "model"))
    name = next((name for name in names if isinstance(name, str)), None)
    call = ModelCall(prompt_messages(messages), generator=name, tool_chunks=tool_chunks(messages))
    chunks = chunks_in(list(messages))
    return Run("model", None, below_retriever=False, call=call, chunks=chunks)


def _tool_run(message: ToolMessage) -> Run:
    return Run("tool", None, below_retriever=False, chunks=chunks_in(message))


def _with_text(runs: Runs, message: AIMessage) -> Runs:
    """Return runs whose last model call has ended with a message, if it was not seen to."""
    last = next((id for id, run in reversed(runs.items()) if run.kind == "model"), None)
    if last is None or runs[last].call.ended:
        return runs
    run = runs[last]
    text = None if message.tool_calls else str(message.text)
    call = replace(
        run.call,
        text=text,
        arguments=json_arguments(message),
        thoughts=message_thoughts(message),
        ended=True,
    )
    return {**runs, last: replace(run, call=call)}


def _tool_messages(result: object) -> list[ToolMessage]:
    if isinstance(result, ToolMessage):
        return [result]
    update = getattr(result, "update", None)
    messages = update.get("messages") if isinstance(update, dict) else None
    return [each for each in messages or [] if isinstance(each, ToolMessage)]


def _tool_key(message: ToolMessage) -> tuple[str, str]:
    # Some models number their calls from 0 in every conversation.
    return message.tool_call_id, str(message.text)
