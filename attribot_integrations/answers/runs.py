"""What is kept of a run and of the runs below it, and what they add up to."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from attribot_integrations.answers.captured import UNSEEN, CapturedAnswer, ModelCall
from attribot_integrations.answers.choosing import choose_call, choose_chunks, merge_chunks
from attribot_integrations.context.sources import Chunk

__all__ = ["Run", "RunKind", "RunTree"]

RunKind = Literal["chain", "retriever", "model", "tool"]
"""What a run is of."""


@dataclass
class Run:
    """One run that has started."""

    kind: RunKind
    parent: Hashable | None
    below_retriever: bool
    """Whether a retriever made it, so that it serves the search and not the answer."""
    query: str = ""
    """What a retriever was asked."""
    call: ModelCall = field(default_factory=ModelCall)
    """What a model was asked and wrote."""
    chunks: tuple[Chunk, ...] = ()
    """What a retriever found, a tool handed over, a message in a prompt carried, or the caller
    registered."""
    passed: tuple[Chunk, ...] = ()
    """Documents in a chain's input or output."""
    state: Literal["open", "ended", "failed"] = "open"


@dataclass
class RunTree:
    """A run without a parent, and all runs below it."""

    id: Hashable
    """The root's id."""
    runs: dict[Hashable, Run] = field(default_factory=dict)
    """The root and all runs below it, in the order of their starts."""
    inputs: object = None
    """The root's input as far as it was known at the start."""

    @property
    def root(self) -> Run:
        """The run that all others are below."""
        return self.runs[self.id]

    def live(self) -> Iterator[Run]:
        """Yield the runs that count: not those of retrievers, nor those of failed attempts."""
        for run in self.runs.values():
            if not run.below_retriever and not self._failed(run):
                yield run

    def gathered(self) -> tuple[Chunk, ...]:
        """Join what the runs are known to have retrieved.

        What retrievers found comes first; of chunks that were registered, or came with a tool's
        message, only those of another text are added, since they mostly are a retriever's.
        """
        runs = list(self.live())
        found = merge_chunks(run.chunks for run in runs if run.kind == "retriever")
        return merge_chunks((run.chunks for run in runs if run.kind != "retriever"), found)

    def sum_up(
        self, question: str | None, answer: str | None, *, any_text: bool, kind: str, untold: str
    ) -> CapturedAnswer | None:
        """Add up what the runs asked, retrieved and answered.

        Args:
            question: The question, if it is known; else it is the first retriever's query.
            answer: The answer, if it is known.
            any_text: Whether what the answering model wrote is the answer if none is known.
            kind: What the framework calls chunks, in the plural.
            untold: What to do where no retriever ran and nothing was found.

        Returns:
            The sum; `None` if there is no answer, or if nothing was retrieved and no model asked.
        """
        runs, gathered = list(self.live()), self.gathered()
        kinds = {run.kind for run in self.runs.values()}
        if not gathered and kinds <= {"chain", "tool"}:
            return None  # a chain of plain functions, or one whose parts report as roots themselves
        passed = [run.passed for run in runs]
        calls = [run.call for run in runs if run.kind == "model"]
        seen = gathered or [chunk for group in passed for chunk in group]
        choice = choose_call(calls, [chunk.text for chunk in seen], answer)
        call = choice.call or ModelCall()
        if answer is None and any_text:
            answer = call.text
        if answer is None:
            return None
        chunks = choose_chunks(gathered, passed, call.prompt) or call.tool_chunks
        if "retriever" in kinds:
            untold = f"the retriever found no {kind}"
        queries = (run.query for run in runs if run.kind == "retriever" and run.query)
        return CapturedAnswer(
            id=str(self.id),
            question=question or next(queries, ""),
            chunks=chunks,
            answer=answer,
            prompt=call.prompt if choice.unseen is None else None,
            unseen=choice.unseen or UNSEEN,
            generator=call.generator,
            calls=tuple(calls),
            notes=choice.notes,
            problem=choice.problem if chunks else untold,
            kind=kind,
        )

    def _failed(self, run: Run) -> bool:
        ancestor: Run | None = run
        while ancestor is not None:
            if ancestor.state == "failed":
                return True
            ancestor = self.runs.get(ancestor.parent) if ancestor.parent else None
        return False
