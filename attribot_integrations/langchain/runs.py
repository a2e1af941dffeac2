"""What is kept of a run and of the runs below it, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from attribot_integrations.answers.captured import UNSEEN, CapturedAnswer, ModelCall
from attribot_integrations.answers.choosing import choose_call, choose_chunks, merge_chunks
from attribot_integrations.context.sources import Chunk
from attribot_integrations.langchain.content import Keys, answer_text, question_text
from attribot_integrations.langchain.records import UNTOLD

__all__ = ["ChainCall", "RootRun", "Run", "RunKind"]

RunKind = Literal["chain", "retriever", "model", "tool"]
"""What a run is of; chat models and text models are both models."""


@dataclass
class ChainCall(ModelCall):
    """A model call of a chain."""

    tool_chunks: tuple[Chunk, ...] = ()
    """What tools wrote that the model saw."""


@dataclass
class Run:
    """One run that has started."""

    kind: RunKind
    parent: UUID | None
    below_retriever: bool
    """Whether a retriever made it, so that it serves the search and not the answer."""
    query: str = ""
    """What a retriever was asked."""
    call: ChainCall = field(default_factory=ChainCall)
    """What a model was asked and wrote."""
    chunks: tuple[Chunk, ...] = ()
    """What a retriever found, a tool handed over, a message in a prompt carried, or the caller
    registered."""
    passed: tuple[Chunk, ...] = ()
    """Documents in a chain's output."""
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

    def gathered(self) -> tuple[Chunk, ...]:
        """Join what the runs are known to have retrieved.

        What retrievers found comes first; of documents that were registered, or came with a tool's
        message, only those of another text are added, since they mostly are a retriever's.
        """
        runs = list(self.live())
        found = merge_chunks(run.chunks for run in runs if run.kind == "retriever")
        return merge_chunks((run.chunks for run in runs if run.kind != "retriever"), found)

    def _failed(self, run: Run) -> bool:
        ancestor: Run | None = run
        while ancestor is not None:
            if ancestor.state == "failed":
                return True
            ancestor = self.runs.get(ancestor.parent) if ancestor.parent else None
        return False

    def sum_up(self, outputs: object, inputs: object = None) -> CapturedAnswer | None:
        """Add up what the runs asked, retrieved and answered.

        Args:
            outputs: The root's output.
            inputs: The root's input, where it is known only at the end, as for a stream.

        Returns:
            The sum; `None` if there is no answer, or if nothing was retrieved and no model asked.
        """
        runs = list(self.live())
        gathered = self.gathered()
        kinds = {run.kind for run in self.runs.values()}
        if not gathered and kinds <= {"chain", "tool"}:
            return None  # a chain of plain functions, or one whose parts report as roots themselves
        answer = answer_text(outputs, self.keys.answer)
        passed = [run.passed for run in runs]
        calls = [run.call for run in runs if run.kind == "model"]
        seen = gathered or [chunk for group in passed for chunk in group]
        choice = choose_call(calls, [chunk.text for chunk in seen], answer)
        call = choice.call or ChainCall()
        if answer is None and self.keys.answer is None:
            answer = call.text
        if answer is None:
            return None
        chunks = choose_chunks(gathered, passed, call.prompt) or call.tool_chunks
        searched = "retriever" in kinds
        untold = "the retriever found no documents" if searched else UNTOLD
        return CapturedAnswer(
            id=str(self.run_id),
            question=self._question(outputs, inputs, runs),
            chunks=chunks,
            answer=answer,
            prompt=call.prompt if choice.unseen is None else None,
            unseen=choice.unseen or UNSEEN,
            generator=call.generator,
            calls=tuple(calls),
            notes=choice.notes,
            problem=choice.problem if chunks else untold,
            kind="documents",
        )

    def _question(self, outputs: object, inputs: object, runs: Sequence[Run]) -> str:
        # A graph that goes on from an interrupt has the question in its messages only.
        messages = outputs.get("messages") if isinstance(outputs, Mapping) else None
        questions = (
            question_text(inputs, self.keys.question),
            question_text(self.inputs, self.keys.question),
            question_text(messages),
            *(run.query for run in runs if run.kind == "retriever"),
        )
        return next((question for question in questions if question), "")
