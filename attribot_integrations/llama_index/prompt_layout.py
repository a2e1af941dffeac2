"""Where each node stands in the very prompt that the model saw.

LlamaIndex says which template a synthesizer used, and with which values. The template is rendered
once more with a stand-in for each value, so the places of the values are known and no text has to
be searched for: a question that repeats a node, or two equal nodes, cannot be mistaken for each
other. The result counts only if it equals what the model was fed, character by character.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.llm import default_completion_to_prompt

from attribot_integrations.context.prompts import Prompt, PromptMessage, Segment, chunk_segments
from attribot_integrations.context.sources import SourceSet, clean_text
from attribot_integrations.llama_index.nodes import NodeText
from attribot_integrations.llama_index.scopes import MessagesOrText, ModelCall, plain_messages

__all__ = ["Layout", "lay_out", "uses_own_markup"]

# Characters of a private use area, which stand in no template.
_STAND_IN: Final = "\ue5a1{}\ue5a2"
_STAND_INS: Final = re.compile(_STAND_IN.format(r"(\d+)"))

_Place = tuple[int, int, int]
"""A node's number, and where its text starts and ends in the context."""


@dataclass(frozen=True)
class _Value:
    """The value of a template's variable."""

    text: str
    listed: bool = False
    """Whether it was passed as a list of one text, which is then shown as Python writes it."""

    @property
    def shown(self) -> str:
        return str([self.text]) if self.listed else self.text

    def piece(self, start: int, end: int | None = None) -> str:
        """Return a part of the text as it is shown."""
        return self.write(self.text[start:end])

    def write(self, piece: str) -> str:
        if not self.listed:
            return clean_text(piece)
        # Which quotes are escaped depends on the quotes in the whole text.
        quote = "'" if "'" in self.text and '"' not in self.text else '"'
        return repr(clean_text(piece) + quote)[1:-2]


@dataclass(frozen=True)
class _Message:
    """A message as literal texts of the template, and the numbers of the values between them."""

    role: str | None
    literals: list[str]
    values: list[int]

    def text(self, values: Sequence[_Value]) -> str:
        parts = [self.literals[0]]
        for number, literal in zip(self.values, self.literals[1:], strict=True):
            parts += [values[number].shown, literal]
        return "".join(parts)


@dataclass(frozen=True)
class Layout:
    """A prompt whose nodes are known by place; used as the template of a request.

    The request's chunks must be those of `nodes`, in that order.
    """

    nodes: tuple[int, ...]
    """Which nodes stand in the prompt and can be removed, by number."""
    texts: tuple[NodeText, ...]
    """The texts of all nodes."""
    messages: tuple[_Message, ...]
    values: tuple[_Value, ...]
    context: int
    """Which of the values holds the nodes."""
    places: tuple[_Place, ...]
    raw: bool
    """Whether the prompt is text that no chat template wraps."""
    bos_added: bool
    """Whether the model's tokenizer put its BOS before that text."""

    def __call__(self, question: str, sources: SourceSet) -> Prompt:
        """Render the prompt; the question stands in it already."""
        return Prompt(
            tuple(
                PromptMessage(message.role, tuple(self._segments(message, sources)))
                for message in self.messages
            ),
            raw=self.raw,
            bos_added=self.bos_added,
        )

    def _segments(self, message: _Message, sources: SourceSet) -> list[Segment]:
        # Markup of a raw prompt is the template's own, and may hold control tokens.
        segments = [Segment(clean_text(message.literals[0]), trusted=self.raw)]
        for number, literal in zip(message.values, message.literals[1:], strict=True):
            if number == self.context:
                segments += self._context(sources)
            else:
                segments.append(Segment(clean_text(self.values[number].shown)))
            segments.append(Segment(clean_text(literal), trusted=self.raw))
        return [segment for segment in segments if segment.text]

    def _context(self, sources: SourceSet) -> list[Segment]:
        value = self.values[self.context]
        around = value.shown.split(value.piece(0), 1) if value.listed else ["", ""]
        segments = [Segment(around[0])]
        cursor = 0
        for chunk_index, (node, start, end) in enumerate(
            place for place in self.places if place[0] in self.nodes
        ):
            body = sources.of_chunk(chunk_index)
            ids = range(body[0].id, body[-1].id + 1)
            segments.append(
                Segment(value.piece(cursor, start), (range(ids.start), ids) if ids.start else ())
            )
            text = self.texts[node]
            first = start + text.start
            segments.append(Segment(value.piece(start, first), (ids,)))
            segments += [
                replace(segment, text=value.write(segment.text))
                for segment in chunk_segments(
                    text.chunk.text, [(source.start, source.end) for source in body], ids
                )
            ]
            segments.append(Segment(value.piece(first + len(text.chunk.text), end), (ids,)))
            cursor = end
        return [*segments, Segment(value.piece(cursor)), Segment(around[1])]


def lay_out(
    call: ModelCall, texts: Sequence[NodeText], *, shared: bool, chat: bool
) -> Layout | None:
    """Find the nodes' places in the prompt of a model call.

    Args:
        call: The call.
        texts: The texts of all nodes, in order.
        shared: Whether the scoring model is the very model that was called, so that the text it
            completed is scored, markup and double BOS included, and not its messages.
        chat: Whether the scoring model has a chat template.

    Returns:
        The layout, or `None` if the prompt cannot be rendered again.
    """
    names, values = _values(call)
    fed = call.raw if shared and call.raw is not None else call.fed
    if not names or fed is None:
        return None
    stand_ins = {name: _STAND_IN.format(number) for number, name in enumerate(names)}
    messages = _render(call, stand_ins, raw=isinstance(fed, str))
    if messages is None or not _equal(messages, values, fed):
        return None
    shown = {number for message in messages for number in message.values}
    found = [(number, _places(values[number].text, texts)) for number in sorted(shown)]
    number, places = max(found, key=lambda one: len(one[1]), default=(0, ()))
    nodes = tuple(place[0] for place in places if texts[place[0]].chunk.text)
    if not nodes:
        return None
    raw = isinstance(fed, str) and (shared or not chat or uses_own_markup(call.llm))
    if isinstance(fed, str) and not raw:
        messages = [_Message("user", one.literals, one.values) for one in messages]
    return Layout(nodes, tuple(texts), tuple(messages), values, number, places, raw, shared)


def uses_own_markup(llm: object) -> bool:
    """Tell whether a completion model puts a chat's markup around prompts by itself."""
    wrap = getattr(llm, "completion_to_prompt", None)
    return wrap is not None and wrap is not default_completion_to_prompt


def _values(call: ModelCall) -> tuple[list[str], tuple[_Value, ...]]:
    if call.template is None:
        return [], ()
    given = {**call.template.kwargs, **call.arguments}
    values: dict[str, _Value] = {}
    for name, value in given.items():
        if isinstance(value, str):
            values[name] = _Value(value)
        elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
            values[name] = _Value(value[0], listed=True)  # the mode simple_summarize does so
    return list(values), tuple(values.values())


def _render(call: ModelCall, values: Mapping[str, str], *, raw: bool) -> list[_Message] | None:
    """Render a call's template the way LlamaIndex did; its methods for that are private."""
    llm: Any = call.llm
    given = {**call.arguments, **values}
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
    return [
        _Message(role, _STAND_INS.split(text)[::2], [int(n) for n in _STAND_INS.findall(text)])
        for role, text in rendered
    ]


def _equal(messages: Sequence[_Message], values: Sequence[_Value], fed: MessagesOrText) -> bool:
    texts = [(message.role, message.text(values)) for message in messages]
    if isinstance(fed, str):
        return texts == [(None, fed)]
    return texts == [(one["role"], one["content"]) for one in fed]


def _places(context: str, texts: Sequence[NodeText]) -> tuple[_Place, ...]:
    """Read a context as nodes in order with white space between them, and nothing else.

    All nodes are tried first; then, as a prompt that follows others holds the last ones, what is
    left of them from some node on.
    """
    numbered = [(number, text.shown) for number, text in enumerate(texts) if text.shown]
    for first in (0, *range(len(numbered) - 1, 0, -1)):
        places: list[_Place] = []
        cursor = 0
        for number, shown in numbered[first:]:
            start = cursor + len(context[cursor:]) - len(context[cursor:].lstrip())
            if start == len(context) or not context.startswith(shown, start):
                break
            cursor = start + len(shown)
            places.append((number, start, cursor))
        if places and not context[cursor:].strip():
            return tuple(places)
    return ()
