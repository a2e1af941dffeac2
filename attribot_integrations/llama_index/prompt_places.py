"""Where each node stands in the very prompt that the model saw.

LlamaIndex says which template a synthesizer used, and with which values. The template is rendered
once more with a stand-in for each value, so the places of the values are known and no text has to
be searched for: a question that repeats a node, or two equal nodes, cannot be mistaken for each
other. The result counts only if it equals what the model was fed, character by character.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.llm import default_completion_to_prompt

from attribot_integrations.answers.captured import MessagesOrText
from attribot_integrations.answers.known_places import Layout, Place, TemplateMessage, Value
from attribot_integrations.llama_index.chat_messages import plain_messages
from attribot_integrations.llama_index.nodes import NodeText
from attribot_integrations.llama_index.scopes import PromptedCall

__all__ = ["lay_out", "uses_own_markup"]

# Characters of a private use area, which stand in no template.
_STAND_IN: Final = "\ue5a1{}\ue5a2"
_STAND_INS: Final = re.compile(_STAND_IN.format(r"(\d+)"))


def lay_out(
    call: PromptedCall, texts: Sequence[NodeText], *, shared: bool, chat: bool
) -> Layout | None:
    """Find the nodes' places in the prompt of a model call.

    Args:
        call: The call.
        texts: The texts of all nodes, in order.
        shared: Whether the scoring model is the very model that was called, so that the text it
            completed is scored, markup and double BOS included, and not its messages.
        chat: Whether the scoring model has a chat template.

    Returns:
        The layout, or `None` if the prompt cannot be rendered again, or if not every node that
        holds text stands in it once.
    """
    names, values = _values(call)
    fed = call.raw if shared and call.raw is not None else call.prompt
    if not names or fed is None:
        return None
    stand_ins = {name: _STAND_IN.format(number) for number, name in enumerate(names)}
    raw = isinstance(fed, str)
    messages = _render(call, stand_ins, raw=raw)
    if messages is None or not _equal(messages, values, fed):
        return None
    if raw and chat and not (shared or uses_own_markup(call.llm)):
        raw = False
        messages = tuple(TemplateMessage("user", one.literals, one.values) for one in messages)
    shown = [number for message in messages for number in message.values]
    for number in sorted(set(shown)):
        places = _places(values[number].text, texts)
        if places and shown.count(number) == 1:
            return Layout(messages, values, number, places, raw, bos_added=raw and shared)
    return None


def uses_own_markup(llm: object) -> bool:
    """Tell whether a completion model puts a chat's markup around prompts by itself."""
    wrap = getattr(llm, "completion_to_prompt", None)
    return wrap is not None and wrap is not default_completion_to_prompt


def _values(call: PromptedCall) -> tuple[list[str], tuple[Value, ...]]:
    if call.template is None:
        return [], ()
    given = {**call.template.kwargs, **call.variables}
    values: dict[str, Value] = {}
    for name, value in given.items():
        if isinstance(value, str):
            values[name] = Value(value)
        elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
            values[name] = Value(value[0], listed=True)  # the mode simple_summarize does so
    return list(values), tuple(values.values())


def _render(
    call: PromptedCall, values: Mapping[str, str], *, raw: bool
) -> tuple[TemplateMessage, ...] | None:
    """Render a call's template the way LlamaIndex did; its methods for that are private."""
    llm: Any = call.llm
    given = {**call.variables, **values}
    rendered: list[tuple[str | None, str]]
    try:
        if llm.metadata.is_chat_model:
            messages: list[ChatMessage] = llm._get_messages(call.template, **given)
            if raw:
                rendered = [(None, llm.messages_to_prompt(messages))]
            else:
                rendered = [(one["role"], one["content"]) for one in plain_messages(messages)]
        else:
            rendered = [(None, llm._get_prompt(call.template, **given))]
    except Exception:  # the caller's templates, functions and models may raise anything
        return None
    return tuple(
        TemplateMessage(
            role, tuple(_STAND_INS.split(text)[::2]), tuple(map(int, _STAND_INS.findall(text)))
        )
        for role, text in rendered
    )


def _equal(
    messages: Sequence[TemplateMessage], values: Sequence[Value], fed: MessagesOrText
) -> bool:
    texts = [(message.role, message.text(values)) for message in messages]
    if isinstance(fed, str):
        return texts == [(None, fed)]
    return texts == [(one["role"], one["content"]) for one in fed]


def _places(context: str, texts: Sequence[NodeText]) -> tuple[Place, ...]:
    """Read a context as all nodes in order with white space between them, and nothing else."""
    places: list[Place] = []
    cursor = 0
    for number, text in enumerate(texts):
        if not text.shown:
            continue
        start = cursor + len(context[cursor:]) - len(context[cursor:].lstrip())
        if start == len(context) or not context.startswith(text.shown, start):
            return ()
        cursor = start + len(text.shown)
        if text.chunk.text:
            places.append(Place(number, start, start + text.start, cursor))
    return () if context[cursor:].strip() else tuple(places)
