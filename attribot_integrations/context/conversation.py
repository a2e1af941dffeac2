"""The messages of a captured prompt, and what of them can be removed beside what was retrieved.

Messages are told apart by the list that they came in, and never by their text, so what is said in
one cannot pass for another. The turn that is answered, which holds the question, is no source; nor
is what frames the documents in a tool's output that is made of them.

What a removal takes away is a message's content. The message itself stays, empty: roles alternate
as before, each tool's output still follows its call, and no template puts a system prompt of its
own in the place of one that is gone. A message that went with its markers would leave a chat that
many templates refuse, and a pair that went as a whole could not tell call from output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from attribot_integrations.context.kinds import ConversationPart, SourceKind
from attribot_integrations.context.prompts import BEGUN
from attribot_integrations.context.retrieved import Chunk, Span, clean_text
from attribot_integrations.errors import InputError

__all__ = ["MORE_KEYS", "Message", "Stretch", "read_messages", "stretches_said", "turns_of"]

MORE_KEYS: Final = ("name", "calls", "memory", "kind")
"""What a captured message may have beside role and content, as text."""
_WORD: Final = re.compile(r"\w")
_LETTERS: Final = re.compile(r"[^\W\d_]{2}")
"""What the text beside a chunk must hold: a number before it, "[2]", is no source of its own."""
_KINDS: Final[Mapping[str, SourceKind]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "tool": "tool",
    "function": "tool",
}
"""Kinds by roles; whoever else speaks is an assistant."""
_OWN_KINDS: Final[Mapping[str, SourceKind]] = {"summary": "summary", "memory": "memory"}
_MOSTLY: Final = 0.5
"""Share of a tool's output from which the documents in it are what it holds."""


class Message(NamedTuple):
    """One message of a captured chat."""

    role: str
    text: str
    """What is shown: the content and, where they are wanted, the calls of tools behind it."""
    kind: SourceKind
    name: str | None
    """Name of its tools."""
    memory: int
    """Where what a memory has put before the content ends; 0 if there is nothing."""
    content: int
    """Where the content ends, and the calls begin."""


@dataclass(frozen=True)
class Stretch:
    """What was said in a stretch of a prompt that is no chunk's."""

    message: int
    """Number of the message, from 0."""
    start: int
    end: int
    chunk: Chunk
    """The stretch as a source."""


def read_messages(captured: Iterable[Mapping[str, str]], *, said: bool) -> list[Message]:
    """Read the messages of a captured prompt.

    Args:
        captured: Mappings with `role` and `content`. They may have, as text, the `name` of the
            message's tools, the `calls` that it makes, the `memory` that stands at the start of its
            content, and a `kind`, "summary" or "memory", where the role does not tell.
        said: Whether more than role and content is read. Calls are then shown, as text behind the
            content; a chat template of the model's own might show them in another form.

    Raises:
        InputError: If there is no message, or something else.
    """
    given: object = captured
    if isinstance(given, bytes | Mapping) or not isinstance(given, Iterable):
        raise InputError(
            "the captured prompt must be a str, a RawPrompt or a list of messages "
            f'{{"role": …, "content": …}}, not {type(given).__name__}'
        )
    messages = [_message(number, one, said) for number, one in enumerate(captured)]
    if not messages:
        raise InputError("the captured prompt holds no message, at least one is needed")
    return messages


def _message(number: int, message: Mapping[str, str], said: bool) -> Message:
    try:
        role, content = message["role"], message["content"]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"message {number} of the captured prompt must be a mapping with "
            f'"role" and "content", got {message!r:.80}'
        ) from error
    if not isinstance(role, str) or not isinstance(content, str):
        raise InputError(
            f"message {number} of the captured prompt must hold text, got role "
            f"{type(role).__name__} and content {type(content).__name__}"
        )
    name, calls, memory, kind = (message.get(key) if said else None for key in MORE_KEYS)
    for key, value in (("name", name), ("calls", calls), ("memory", memory)):
        if value is not None and not isinstance(value, str):
            raise InputError(
                f"the {key} of message {number} of the captured prompt must be text, not "
                f"{type(value).__name__}"
            )
    if kind is not None and (not isinstance(kind, str) or kind not in _OWN_KINDS):
        raise InputError(
            f"the kind of message {number} of the captured prompt must be one of "
            f"{list(_OWN_KINDS)}, all others go by the role; got {kind!r:.60}"
        )
    if memory and not content.startswith(memory):
        raise InputError(
            f"the memory of message {number} of the captured prompt must stand at the start of "
            f"its content, got {memory!r:.60}"
        )
    shown = [content, calls] if calls else [content]
    return Message(
        role=role,
        text=clean_text("\n".join(each for each in shown if each)),
        kind=_OWN_KINDS[kind] if kind else _KINDS.get(role.lower(), "assistant"),
        name=name or None,
        memory=len(memory or ""),
        content=len(content),
    )


def stretches_said(
    messages: Sequence[Message],
    taken: Mapping[int, Sequence[Span]],
    kinds: frozenset[SourceKind],
) -> list[Stretch]:
    """Return what messages say beside what was retrieved, as sources, in order.

    Args:
        messages: The messages.
        taken: Where chunks stand in each, in order.
        kinds: The kinds that are sources.
    """
    found: list[Stretch] = []
    for number, kind, turn, start, end in _parts(messages):
        if kind not in kinds:
            continue
        inside = ((max(low, start), min(high, end)) for low, high in taken.get(number, ()))
        spans = [(low, high) for low, high in inside if low < high]
        covered = sum(high - low for low, high in spans)
        if kind == "tool" and spans and covered >= _MOSTLY * (end - start):
            continue
        message = messages[number]
        said = ConversationPart(kind, turn, message.role, message.name)
        for low, high in _visible_between(message.text, start, end, spans):
            chunk = Chunk(message.text[low:high], id=f"message-{number}", said=said)
            found.append(Stretch(number, low, high, chunk))
    return found


def _parts(messages: Sequence[Message]) -> Iterator[tuple[int, SourceKind, int, int, int]]:
    """Yield the parts of messages but the question's: message, kind, turn, start and end."""
    turns = turns_of(messages)
    last = max(turns, default=0)
    asked = len(messages) - (2 if messages and messages[-1].role == BEGUN else 1)
    for number, (message, turn) in enumerate(zip(messages, turns, strict=True)):
        if message.role == BEGUN:  # of the very answer
            continue
        if message.memory:
            yield number, "memory", turn, 0, message.memory
        asks = message.kind == "user" and turn == last if last else number == asked
        if not asks:
            yield number, message.kind, turn, message.memory, message.content
        if message.content < len(message.text):
            yield number, "tool_call", turn, message.content, len(message.text)


def turns_of(messages: Sequence[Message]) -> list[int]:
    """Return the turn of each message: what the user says at once is one question."""
    turns: list[int] = []
    turn = 0
    for is_user, group in groupby(messages, key=lambda each: each.kind == "user"):
        turn += is_user
        turns += [turn for _ in group]
    return turns


def _visible_between(text: str, start: int, end: int, taken: Sequence[Span]) -> Iterator[Span]:
    """Yield the stretches that hold words and are not taken, without white space at their ends."""
    telling = _LETTERS if taken else _WORD
    edges = [start, *(edge for span in taken for edge in span), end]
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        piece = text[low:high] if low < high else ""
        if telling.search(piece):
            yield low + len(piece) - len(piece.lstrip()), low + len(piece.rstrip())
