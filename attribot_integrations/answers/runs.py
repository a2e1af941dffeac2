"""What is kept of a run and of the runs below it, and what they add up to."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from attribot_integrations.answers.captured import UNSEEN, CapturedAnswer, ModelCall
from attribot_integrations.answers.choosing import (
    Choice,
    choose_chunks,
    choose_from,
    may_answer,
    merge_chunks,
)
from attribot_integrations.answers.lineage import Lineage, prompt_texts
from attribot_integrations.answers.output import Output
from attribot_integrations.context.sources import Chunk
from attribot_integrations.results.wording import thoughts_before

__all__ = ["Run", "RunKind", "RunTree", "explained"]

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
    """What a retriever was asked, or a chain, if that is known."""
    call: ModelCall = field(default_factory=ModelCall)
    """What a model was asked and wrote."""
    chunks: tuple[Chunk, ...] = ()
    """What a retriever found, a tool handed over, a message in a prompt carried, or the caller
    registered."""
    passed: tuple[Chunk, ...] = ()
    """Documents in a chain's input or output."""
    texts: tuple[str, ...] = ()
    """Texts in a chain's output."""
    unread: str = ""
    """What a retriever found that is no chunk, in words."""
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

    def lineage(self, output: Output) -> Lineage[ModelCall]:
        """Return how the model calls hang together that may have written an output."""
        runs = list(self.live())
        answers = [*(() if output.answer is None else (output.answer,)), *output.texts]
        calls = may_answer((run.call for run in runs if run.kind == "model"), answers)
        known = merge_chunks((run.passed for run in runs), self.gathered())
        return Lineage(calls, [chunk.text for chunk in known])

    def path(self, id: Hashable) -> list[Hashable]:
        """Return the ids of a run and of those above it, up to the root."""
        found: list[Hashable] = []
        above: Hashable | None = id
        while above is not None and above in self.runs:
            found.append(above)
            above = self.runs[above].parent
        return found

    def choose(self, lineage: Lineage[ModelCall], answer: str | None) -> Choice[ModelCall]:
        """Choose the call that gave an answer, see `choose_from`."""
        if answer is None or len(lineage.calls) < 2:
            return choose_from(lineage, answer)
        handed_on = {
            index for index, call in enumerate(lineage.calls) if self._handed_on(call, answer)
        }
        return choose_from(lineage, answer, handed_on)

    def sum_up(
        self,
        question: str | None,
        output: Output,
        *,
        kind: str,
        untold: str,
        notes: tuple[str, ...] = (),
        call: ModelCall | None = None,
    ) -> CapturedAnswer | None:
        """Add up what the runs asked, retrieved and answered.

        Args:
            question: The question, if it is known; else it is the first retriever's query.
            output: What was handed back. If it holds no answer, and the caller has not named its
                key, what the answering model wrote is the answer.
            kind: What the framework calls chunks, in the plural.
            untold: What to do where no retriever ran and nothing was found.
            notes: What had to be guessed.
            call: The call that gave the answer, if it is known.

        Returns:
            The sum; `None` if there is no answer, or if nothing was retrieved and no model asked.
        """
        answer = output.answer
        runs, gathered = list(self.live()), self.gathered()
        passed = [run.passed for run in runs]
        if not gathered and not output.with_documents and not self._worked():
            return None  # a chain of plain functions, or one whose parts report as roots themselves
        lineage = self.lineage(output)
        choice = self.choose(lineage, answer) if call is None else _known(lineage, call)
        call = choice.call or ModelCall()
        if answer is None and not output.named:
            answer = call.text
            notes = (*notes, *_untold_key(output, lineage))
        if answer is None:
            return None
        shown = [text for index in _involved(lineage, choice) for text in _prompt(lineage, index)]
        chunks = choose_chunks(gathered, passed, "\n".join(shown)) or call.tool_chunks
        lineage = Lineage(lineage.calls, [chunk.text for chunk in chunks])
        queries = (run.query for run in runs if run.kind == "retriever" and run.query)
        base = CapturedAnswer(
            id=str(self.id),
            question=question or next(queries, ""),
            chunks=chunks,
            answer=answer,
            unseen=choice.unseen or UNSEEN,
            generator=call.generator,
            calls=tuple(run.call for run in runs if run.kind == "model"),
            notes=(*notes, *choice.notes),
            problem=choice.problem if chunks else self._nothing_found(kind, untold),
            kind=kind,
            statements=output.statements,
            paths=output.paths,
        )
        if output.written_by is not None and (choice.notes or choice.call is None):
            by = f"{output.written_by} wrote the answer, no model did"
            return replace(base, unseen=by, notes=notes, problem=None if chunks else untold)
        return explained(base, lineage, choice)

    def _worked(self) -> bool:
        return any(run.kind in ("model", "retriever") for run in self.runs.values())

    def _nothing_found(self, kind: str, untold: str) -> str:
        searches = [run for run in self.runs.values() if run.kind == "retriever"]
        if not searches:
            return untold
        unread = next((run.unread for run in searches if run.unread), None)
        if unread is not None:
            return f"the retriever found {unread}, which are no {kind}: have it return {kind}"
        if all(run.state == "failed" for run in searches):
            return f"the retriever failed, and no other {kind} were seen"
        return f"the retriever found no {kind}"

    def _handed_on(self, call: ModelCall, answer: str) -> bool:
        """Whether the part of the pipeline, right below its root, handed an answer on."""
        id = next((id for id, run in self.runs.items() if run.call is call), None)
        path = self.path(id) if id is not None else []
        if len(path) < 3:  # the root's own call
            return True
        return any(text.strip() == answer.strip() for text in self.runs[path[-2]].texts)

    def _failed(self, run: Run) -> bool:
        ancestor: Run | None = run
        while ancestor is not None:
            if ancestor.state == "failed":
                return True
            ancestor = self.runs.get(ancestor.parent) if ancestor.parent else None
        return False


def _known(lineage: Lineage[ModelCall], call: ModelCall) -> Choice[ModelCall]:
    places = (index for index, each in enumerate(lineage.calls) if each is call)
    return Choice(call, index=next(places))


def _untold_key(output: Output, lineage: Lineage[ModelCall]) -> tuple[str, ...]:
    """Tell that an answer was guessed, where the output holds texts, but none of a model."""
    if len(lineage.calls) < 2 or not output.texts:
        return ()
    return ("no text of the output is what a model wrote: name the answer's with answer_key",)


def _involved(lineage: Lineage[ModelCall], choice: Choice[ModelCall]) -> list[int]:
    """Return the calls whose prompts explain an answer."""
    last = [index for _, index in choice.parts]
    last = last or ([] if choice.index is None else [choice.index])
    return sorted(set(last).union(*(lineage.behind(index) for index in last)))


def _prompt(lineage: Lineage[ModelCall], index: int) -> list[str]:
    return prompt_texts(lineage.calls[index].prompt)


def explained(base: CapturedAnswer, lineage: Lineage[Any], choice: Choice[Any]) -> CapturedAnswer:
    """Return an answer with the prompts that explain it, as far as they do.

    Args:
        base: The answer, with the chunks of the lineage.
        lineage: The calls that may have written it.
        choice: Which of them did.
    """
    if choice.parts:
        parts = ((start, _part(base, lineage, index)) for start, index in choice.parts)
        return replace(base, parts=tuple(parts))
    if choice.unseen is not None or choice.index is None:
        return base
    return _explained(base, lineage, choice.index)


def _explained(
    base: CapturedAnswer,
    lineage: Lineage[ModelCall],
    index: int,
    made: dict[int, CapturedAnswer] | None = None,
) -> CapturedAnswer:
    """Return an answer with the prompt that a call saw, and what stands in that."""
    made = {} if made is None else made  # many prompts may hold the same text
    steps = []
    for step in lineage.steps[index]:
        if step not in made:
            made[step] = _part(base, lineage, step, made)
        steps.append(made[step])
    seen = frozenset[int]().union(*lineage.shown)
    call = lineage.calls[index]
    thought = thoughts_before(call.text or "")
    return replace(
        base,
        prompt=call.prompt,
        thoughts=call.thoughts or (call.text or "")[slice(*(thought or (0, 0)))],
        left_out=frozenset(seen - lineage.shown[index]),
        steps=tuple(steps),
    )


def _part(
    base: CapturedAnswer,
    lineage: Lineage[ModelCall],
    index: int,
    made: dict[int, CapturedAnswer] | None = None,
) -> CapturedAnswer:
    """Return what a call wrote as an answer of its own."""
    call = lineage.calls[index]
    text = (call.text or "").strip()
    own = replace(base, answer=text, generator=call.generator, notes=(), statements=None, paths=())
    return _explained(own, lineage, index, made)
