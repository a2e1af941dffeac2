"""Which of the documents that a run came across are its context, and which model answered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from attribot_integrations.context.sources import Chunk

if TYPE_CHECKING:
    from attribot_integrations.langchain.runs import MessagesOrText, Run

__all__ = ["choose_chunks", "choose_model", "gather_chunks"]


def gather_chunks(runs: Sequence[Run]) -> tuple[Chunk, ...]:
    """Join what the runs are known to have retrieved.

    What retrievers found comes first; of documents that were registered, or came with a tool's
    message, only those of another text are added, since they mostly are a retriever's.

    Args:
        runs: The runs that count, in the order of their starts.
    """
    chunks = _merge(run.chunks for run in runs if run.kind == "retriever")
    return _with_others(chunks, (run.chunks for run in runs if run.kind != "retriever"))


def choose_chunks(
    runs: Sequence[Run], answering: Run | None, gathered: tuple[Chunk, ...]
) -> tuple[Chunk, ...]:
    """Choose the context among all documents that a run came across.

    Documents that chains handed on, of which no event tells whether they were retrieved, count
    where they stand in the answering model's prompt and are no part of another; if nothing was
    gathered and none stands there, they count all. Without any document, what tools wrote is the
    context.

    Args:
        runs: The runs that count, in the order of their starts.
        answering: The model run that gave the answer.
        gathered: What `gather_chunks` gave.
    """
    passed = _with_others(gathered, (run.passed for run in runs))[len(gathered) :]
    if passed:
        texts = [_flat(chunk.text) for chunk in (*gathered, *passed)]
        seen = _shown(answering.prompt if answering else None, texts)
        shown = tuple(
            chunk
            for index, chunk in enumerate(passed, len(gathered))
            if index in seen and not _covered(texts[index], (texts[other] for other in seen))
        )
        gathered += shown if shown or gathered else passed
    return gathered or (answering.tool_chunks if answering else ())


def choose_model(
    models: Sequence[Run], chunks: Sequence[Chunk], answer: str | None
) -> tuple[Run | None, bool]:
    """Choose the model run that gave the answer, and tell whether its prompt explains it.

    It is the last that saw a chunk, those first that wrote just this answer. Where the answer is
    another text, and other runs saw chunks that this one did not (a summary for each document,
    joined later), no single prompt explains it.

    Args:
        models: The model runs that count, in the order of their starts.
        chunks: All documents that may have been seen.
        answer: The chain's answer, if it is known.
    """
    models = [run for run in models if run.text is not None or _wrote(run, answer) or _going(run)]
    if not models:
        return None, False
    if len(models) == 1:
        return models[0], True
    texts = [_flat(chunk.text) for chunk in chunks]
    seen = [_shown(run.prompt, texts) for run in models]
    wrote = [_wrote(run, answer) for run in models]
    best = max(range(len(models)), key=lambda i: (bool(seen[i]), wrote[i], i))
    return models[best], wrote[best] or frozenset().union(*seen) <= seen[best]


def _covered(text: str, others: Iterable[str]) -> bool:
    return any(len(other) > len(text) and text in other for other in others)


def _going(run: Run) -> bool:
    return run.state == "open"


def _wrote(run: Run, answer: str | None) -> bool:
    """Whether a model wrote the answer, as its text or as a field of structured output."""
    if not answer or not answer.strip():
        return False
    if run.text is not None and answer.strip() in run.text:
        return True
    return json.dumps(answer, ensure_ascii=False) in run.arguments


def _merge(found: Iterable[tuple[Chunk, ...]]) -> tuple[Chunk, ...]:
    """Join what several retrievers found; a document that was found before is left out."""
    chunks: list[Chunk] = []
    known: set[tuple[str | None, str | None, str]] = set()
    for group in found:
        chunks += [chunk for chunk in group if _key(chunk) not in known]
        known.update(map(_key, group))
    return tuple(chunks)


def _key(chunk: Chunk) -> tuple[str | None, str | None, str]:
    return chunk.id, chunk.title, chunk.text


def _with_others(
    chunks: tuple[Chunk, ...], found: Iterable[tuple[Chunk, ...]]
) -> tuple[Chunk, ...]:
    known = {chunk.text for chunk in chunks}
    merged = _merge(
        tuple(chunk for chunk in group if chunk.text not in known) for group in found if group
    )
    return chunks + merged


def _shown(prompt: MessagesOrText | None, texts: Sequence[str]) -> frozenset[int]:
    """Return which of the texts stand in a prompt, whatever the white space."""
    messages = [{"content": prompt}] if isinstance(prompt, str) else prompt or []
    shown = _flat(" ".join(message["content"] for message in messages))
    return frozenset(index for index, text in enumerate(texts) if text and text in shown)


def _flat(text: str) -> str:
    return " ".join(text.split())
