"""What is kept of a run and of the runs below it, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from attribot_integrations.langchain.content import answer_text, question_text
from attribot_integrations.sources import Chunk

__all__ = ["CapturedRun", "MessagesOrText", "RootRun", "Run", "RunKind"]

RunKind = Literal["chain", "retriever", "model", "tool"]
"""What a run is of; chat models and text models are both models."""

MessagesOrText = list[dict[str, str]] | str
"""Chat messages of the form `{"role": …, "content": …}`, or the text of a raw prompt."""


@dataclass(frozen=True)
class CapturedRun:
    """What a root run asked, retrieved and answered."""

    run_id: UUID
    """LangChain's id of the root run."""
    question: str
    """The user's question, from the root's input, else the retriever's query; "" if unknown."""
    chunks: tuple[Chunk, ...]
    """The retrieved documents, in the order in which their retrievers started."""
    prompt: MessagesOrText | None
    """What the answering model saw; `None` if no model was seen to answer from the documents."""
    answer: str
    """The answer as the user received it."""


@dataclass
class Run:
    """One run that has started."""

    kind: RunKind
    parent: UUID | None
    below_retriever: bool
    """Whether a retriever made it, so that it serves the search and not the answer."""
    query: str = ""
    """What a retriever was asked."""
    prompt: MessagesOrText | None = None
    """What a model saw."""
    chunks: tuple[Chunk, ...] = ()
    """What a retriever found."""
    text: str | None = None
    """What a model wrote; `None` before its end, and where it called tools instead."""
    state: Literal["open", "ended", "failed"] = "open"


@dataclass
class RootRun:
    """A run without a parent, and all runs below it."""

    run_id: UUID
    inputs: object
    """The root's input as far as it was known at the start."""
    runs: dict[UUID, Run] = field(default_factory=dict)
    """The root and all runs below it, in the order of their starts."""

    def live(self, kind: RunKind) -> Iterator[Run]:
        """Yield the runs of one kind, but for those of retrievers and of failed attempts."""
        for run in self.runs.values():
            if run.kind == kind and not run.below_retriever and not self._failed(run):
                yield run

    def _failed(self, run: Run) -> bool:
        ancestor: Run | None = run
        while ancestor is not None:
            if ancestor.state == "failed":
                return True
            ancestor = self.runs.get(ancestor.parent) if ancestor.parent else None
        return False

    def sum_up(self, outputs: object, inputs: object = None) -> CapturedRun | None:
        """Add up what the runs asked, retrieved and answered.

        Args:
            outputs: The root's output.
            inputs: The root's input, where it is known only at the end, as for a stream.

        Returns:
            The sum; `None` if there is no answer, or if nothing was retrieved and no model asked.
        """
        if not any(run.kind in ("retriever", "model") for run in self.runs.values()):
            return None  # a chain of plain functions, or one whose parts report as roots themselves
        retrievers = list(self.live("retriever"))
        chunks = _merge(run.chunks for run in retrievers)
        models = [run for run in self.live("model") if run.text is not None or run.state == "open"]
        answer = answer_text(outputs)
        run, explains = _answering(models, chunks, answer)
        if answer is None and run is not None:
            answer = run.text
        if answer is None:
            return None
        questions = (
            question_text(inputs),
            question_text(self.inputs),
            *(retriever.query for retriever in retrievers),
        )
        return CapturedRun(
            run_id=self.run_id,
            question=next((question for question in questions if question), ""),
            chunks=chunks,
            prompt=run.prompt if run is not None and explains else None,
            answer=answer,
        )


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


def _answering(
    models: list[Run], chunks: tuple[Chunk, ...], answer: str | None
) -> tuple[Run | None, bool]:
    """Choose the model run that gave the answer, and tell whether its prompt explains it.

    It is the last that saw a chunk, those first that wrote just this answer. Where the answer is
    another text, and other runs saw chunks that this one did not (a summary for each document,
    joined later), no single prompt explains it.
    """
    if not models:
        return None, False
    if len(models) == 1:
        return models[0], True
    texts = [_flat(chunk.text) for chunk in chunks]
    seen = [_shown(run.prompt, texts) for run in models]
    wrote = [bool(answer and run.text and answer.strip() in run.text) for run in models]
    best = max(range(len(models)), key=lambda i: (bool(seen[i]), wrote[i], i))
    return models[best], wrote[best] or frozenset().union(*seen) <= seen[best]


def _shown(prompt: MessagesOrText | None, texts: list[str]) -> frozenset[int]:
    """Return which of the texts stand in a prompt, whatever the white space."""
    messages = [{"content": prompt}] if isinstance(prompt, str) else prompt or []
    shown = _flat(" ".join(message["content"] for message in messages))
    return frozenset(index for index, text in enumerate(texts) if text and text in shown)


def _flat(text: str) -> str:
    return " ".join(text.split())
