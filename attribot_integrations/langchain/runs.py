"""What is kept of a run and of the runs below it, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from attribot_integrations.context.sources import Chunk
from attribot_integrations.langchain.content import Keys, answer_text, question_text
from attribot_integrations.langchain.selection import choose_chunks, choose_model, gather_chunks

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
    generator: str | None
    """Name of the model that wrote the answer, where LangChain reports it."""
    searched: bool = field(default=False, kw_only=True)
    """Whether a retriever ran, be it without success."""


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
    generator: str | None = None
    """A model's name."""
    tool_chunks: tuple[Chunk, ...] = ()
    """What tools wrote that a model saw."""
    chunks: tuple[Chunk, ...] = ()
    """What a retriever found, a tool handed over, a message in a prompt carried, or the caller
    registered."""
    passed: tuple[Chunk, ...] = ()
    """Documents in a chain's output."""
    text: str | None = None
    """What a model wrote; `None` before its end, and where it called tools instead."""
    arguments: str = ""
    """What a model called tools with, as JSON; structured output is often written so."""
    state: Literal["open", "ended", "failed"] = "open"


@dataclass
class RootRun:
    """A run without a parent, and all runs below it."""

    run_id: UUID
    inputs: object
    """The root's input as far as it was known at the start."""
    keys: Keys = field(default_factory=Keys)
    """Where input and output hold question and answer."""
    runs: dict[UUID, Run] = field(default_factory=dict)
    """The root and all runs below it, in the order of their starts."""

    def live(self) -> Iterator[Run]:
        """Yield the runs that count: not those of retrievers, nor those of failed attempts."""
        for run in self.runs.values():
            if not run.below_retriever and not self._failed(run):
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
        runs = list(self.live())
        chunks = gather_chunks(runs)
        if not chunks and not any(run.kind in ("retriever", "model") for run in self.runs.values()):
            return None  # a chain of plain functions, or one whose parts report as roots themselves
        answer = answer_text(outputs, self.keys.answer)
        models = [run for run in runs if run.kind == "model"]
        passed = tuple(chunk for run in runs for chunk in run.passed)
        model, explains = choose_model(models, chunks or passed, answer)
        if answer is None and model is not None and self.keys.answer is None:
            answer = model.text
        if answer is None:
            return None
        return CapturedRun(
            run_id=self.run_id,
            question=self._question(outputs, inputs, runs),
            chunks=choose_chunks(runs, model, chunks),
            prompt=model.prompt if model is not None and explains else None,
            answer=answer,
            generator=None if model is None else model.generator,
            searched=any(run.kind == "retriever" for run in self.runs.values()),
        )

    def _question(self, outputs: object, inputs: object, runs: list[Run]) -> str:
        # A graph that goes on from an interrupt has the question in its messages only.
        messages = outputs.get("messages") if isinstance(outputs, Mapping) else None
        questions = (
            question_text(inputs, self.keys.question),
            question_text(self.inputs, self.keys.question),
            question_text(messages),
            *(run.query for run in runs if run.kind == "retriever"),
        )
        return next((question for question in questions if question), "")
