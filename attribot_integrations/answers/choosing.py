"""Which chunks are an answer's context, among all that came by, and which model call gave it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from attribot_integrations.answers.captured import UNSEEN, MessagesOrText, ModelCall
from attribot_integrations.answers.lineage import Lineage, flat, prompt_texts, wrote
from attribot_integrations.context.sources import Chunk

__all__ = ["Choice", "choose_call", "choose_chunks", "choose_from", "merge_chunks"]

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
    index: int | None = None
    """Which call of the lineage it is."""
    parts: tuple[tuple[int, int], ...] = ()
    """Where the answer was put together from what several calls wrote: where each part starts in
    it, and which call wrote it."""


def choose_call(calls: Sequence[Call], texts: Iterable[str], answer: str | None) -> Choice[Call]:
    """Choose the model call that gave an answer, and tell whether its prompt explains it.

    Args:
        calls: The calls that may have, in order.
        texts: What they may have seen of each chunk.
        answer: The answer, if it is known.
    """
    answers = [] if answer is None else [answer]
    return choose_from(Lineage(may_answer(calls, answers), list(texts)), answer)


def may_answer(calls: Iterable[Call], answers: Collection[str]) -> list[Call]:
    """Return the calls that may have written an answer, a field of it, or what it was made of."""
    return [
        call
        for call in calls
        if call.text is not None or not call.ended or any(wrote(call, text) for text in answers)
    ]


def choose_from(
    lineage: Lineage[Call], answer: str | None, handed_on: Collection[int] = ()
) -> Choice[Call]:
    """Do what `choose_call` does, for calls whose lineage is known.

    It is the call that first wrote the whole answer, among those whose prompt leads to a chunk and
    does not hold the answer already: graders and checkers see it, and may repeat it. If none wrote
    it, it is the last that leads to a chunk and wrote more than a grade.

    Args:
        lineage: The calls.
        answer: The answer, if it is known.
        handed_on: Calls whose text the step of the pipeline around them handed on as the answer.
    """
    calls = lineage.calls
    if not calls:
        return Choice(unseen=UNSEEN)
    written = [wrote(call, answer) for call in calls]

    def rank(index: int) -> tuple[int, ...]:
        if not written[index]:
            return (bool(lineage.reached[index]), 0, 0, not lineage.verdicts[index], index)
        fresh = answer is None or not lineage.holds(index, answer)
        return (bool(lineage.reached[index]), 1, index in handed_on, fresh, -index)

    best = max(range(len(calls)), key=rank)
    call = calls[best]
    if answer is None or call.text is None or written[best]:
        return Choice(call, index=best)
    parts = _parts(lineage, answer)
    if parts:
        made = f"the answer was put together from {len(parts)} texts of the model"
        return Choice(call, made, index=best, parts=parts)
    if not frozenset().union(*lineage.reached) <= lineage.reached[best]:
        together = (
            f"the answer was put together from {len(calls)} calls of the model and holds the words "
            "of none: name the output that a model wrote with answer_key"
        )
        return Choice(call, together, index=best)
    if answer.strip() and not call.text.strip():
        return Choice(call, problem="the model wrote nothing", index=best)
    note = "the answer is not word for word what the model wrote"
    return Choice(call, notes=(note,), index=best)


def _parts(lineage: Lineage[Call], answer: str) -> tuple[tuple[int, int], ...]:
    """Return where whole texts of calls stand in an answer, and which calls wrote them."""
    found: list[tuple[int, int, int]] = []
    order = sorted(range(len(lineage.calls)), key=lambda i: (-len(lineage.calls[i].text or ""), i))
    for index in order:
        text = (lineage.calls[index].text or "").strip()
        if not text or lineage.verdicts[index] or not lineage.reached[index]:
            continue
        start = answer.find(text)
        while start >= 0:  # another call may have written the same
            end = start + len(text)
            if not any(start < other and end > low for low, other, _ in found):
                found.append((start, end, index))
                break
            start = answer.find(text, start + 1)
    return tuple((start, index) for start, _, index in sorted(found))


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
    texts = [flat(chunk.text) for chunk in (*gathered, *others)]
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


def _shown(prompt: MessagesOrText | None, texts: Sequence[str]) -> frozenset[int]:
    """Return which of the texts stand in a prompt, whatever the white space."""
    shown = flat(" ".join(prompt_texts(prompt)))
    return frozenset(index for index, text in enumerate(texts) if text and text in shown)
