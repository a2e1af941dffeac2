"""Which chunks are an answer's context, among all that came by, and which model call gave it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from attribot_integrations.answers.captured import UNSEEN, MessagesOrText, ModelCall
from attribot_integrations.context.sources import Chunk

__all__ = ["Choice", "choose_call", "choose_chunks", "merge_chunks"]

Call = TypeVar("Call", bound=ModelCall)


@dataclass(frozen=True)
class Choice(Generic[Call]):
    """The call that gave an answer."""

    call: Call | None = None
    """The call, `None` if none was seen."""
    unseen: str | None = None
    """Why the call's prompt does not explain the answer, `None` if it does."""
    notes: tuple[str, ...] = ()
    """What makes the choice less than sure."""
    problem: str | None = None
    """Why no call gave the answer, `None` if one did."""


def choose_call(calls: Sequence[Call], texts: Iterable[str], answer: str | None) -> Choice[Call]:
    """Choose the model call that gave an answer, and tell whether its prompt explains it.

    It is the last that saw a chunk, those first that wrote just this answer. Where the answer is
    another text, and other calls saw chunks that this one did not (a summary for each document,
    joined later), no single prompt explains it.

    Args:
        calls: The calls that may have, in order.
        texts: What they may have seen of each chunk.
        answer: The answer, if it is known.
    """
    may = [
        call for call in calls if call.text is not None or not call.ended or _wrote(call, answer)
    ]
    if not may:
        return Choice(unseen=UNSEEN)
    wrote = [_wrote(call, answer) for call in may]
    best = 0
    if len(may) > 1:
        flat = [_flat(text) for text in texts]
        seen = [_shown(call.prompt, flat) for call in may]
        best = max(range(len(may)), key=lambda i: (bool(seen[i]), wrote[i], i))
        if not wrote[best] and not frozenset().union(*seen) <= seen[best]:
            together = f"the answer was put together from {len(may)} calls of the model"
            return Choice(may[best], together)
    call = may[best]
    if answer is None or call.text is None or wrote[best]:
        return Choice(call)
    if answer.strip() and not call.text.strip():
        return Choice(call, problem="the model wrote nothing")
    return Choice(call, notes=("the answer is not word for word what the model wrote",))


def choose_chunks(
    gathered: tuple[Chunk, ...], passed: Iterable[tuple[Chunk, ...]], prompt: MessagesOrText | None
) -> tuple[Chunk, ...]:
    """Choose the context among all chunks that an answer's making came across.

    Chunks that were handed on, of which nothing tells whether they were retrieved, count where they
    stand in the answering call's prompt and are no part of another; if nothing was gathered and
    none stands there, they count all.

    Args:
        gathered: What is known to have been retrieved.
        passed: What was handed on.
        prompt: What the answering call was asked.
    """
    others = merge_chunks(passed, gathered)[len(gathered) :]
    if not others:
        return gathered
    texts = [_flat(chunk.text) for chunk in (*gathered, *others)]
    seen = _shown(prompt, texts)
    shown = tuple(
        chunk
        for index, chunk in enumerate(others, len(gathered))
        if index in seen and not _covered(texts[index], (texts[other] for other in seen))
    )
    return gathered + (shown if shown or gathered else others)


def merge_chunks(
    found: Iterable[tuple[Chunk, ...]], known: tuple[Chunk, ...] = ()
) -> tuple[Chunk, ...]:
    """Join what several searches found, each chunk once.

    Args:
        found: What each found.
        known: What comes first; of the rest, only chunks of another text are added.
    """
    texts = {chunk.text for chunk in known}
    chunks = list(known)
    keys: set[tuple[str | None, str | None, str]] = set()
    for group in found:
        new = [chunk for chunk in group if chunk.text not in texts and _key(chunk) not in keys]
        chunks += new
        keys.update(map(_key, group))
    return tuple(chunks)


def _key(chunk: Chunk) -> tuple[str | None, str | None, str]:
    return chunk.id, chunk.title, chunk.text


def _covered(text: str, others: Iterable[str]) -> bool:
    return any(len(other) > len(text) and text in other for other in others)


def _wrote(call: ModelCall, answer: str | None) -> bool:
    """Whether a model wrote the answer, as its text or as a field of structured output."""
    if not answer or not answer.strip():
        return False
    if call.text is not None and answer.strip() in call.text:
        return True
    return json.dumps(answer, ensure_ascii=False) in call.arguments


def _shown(prompt: MessagesOrText | None, texts: Sequence[str]) -> frozenset[int]:
    """Return which of the texts stand in a prompt, whatever the white space."""
    messages = [{"content": prompt}] if isinstance(prompt, str) else prompt or []
    shown = _flat(" ".join(message["content"] for message in messages))
    return frozenset(index for index, text in enumerate(texts) if text and text in shown)


def _flat(text: str) -> str:
    return " ".join(text.split())
