"""What models wrote on the way to an answer, and which of its statements rest on which of that.

An attribution of several hops cites documents only, with scores that were led on to them. What was
led on is kept here, hop by hop, so that `Attribution.trace` can show the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from attribot_integrations.errors import InputError
from attribot_integrations.results.parts import Citation, Statement
from attribot_integrations.results.support import Support

if TYPE_CHECKING:
    from attribot_integrations.results.attribution import Attribution

__all__ = [
    "Hop",
    "Step",
    "StepList",
    "check_hops",
    "copied_hop",
    "hop_of",
    "hops_between",
    "own_hops",
]


@dataclass(frozen=True)
class Hop:
    """From one statement to a text that it rests on: a passage, or a part of a step."""

    statement_index: int
    share: float
    """Share of the statement's positive scores, 0 to 1, before anything is multiplied."""
    score: float
    """Fall of the statement's log-likelihood when the text is removed, in nats."""
    exact: bool
    """Whether the score is exact leave-one-out on the target."""
    start: int
    """Offset in the chunk or the step where the text starts."""
    end: int
    """Offset in the chunk or the step behind the text."""
    text: str
    chunk_index: int | None = None
    """The chunk that the text stands in; `None` if it stands in a step."""
    step_index: int | None = None
    """The place in `Attribution.steps` of the step that it stands in; `None` for a chunk."""
    basis: Literal["depends", "states", "both", "copied"] = "depends"
    """As a citation's basis; `copied`, if the statement is word for word one of the step, and
    depends on nothing that its own call saw."""


@dataclass(frozen=True)
class Step:
    """A text that a model wrote on the way to the answer, and was shown for it."""

    text: str
    statements: tuple[Statement, ...]
    """Its statements, with offsets in `text`."""
    support: tuple[Support, ...]
    """How well what its own call saw supports each."""
    hops: tuple[Hop, ...]
    """What its statements rest on: passages, and steps before it in `Attribution.steps`."""
    kind: Literal["answer", "thoughts"] = "answer"
    """What it is: an intermediate answer, or what the model thought before it answered."""


@dataclass
class StepList:
    """Steps of several attributions, each step once."""

    found: list[Step] = field(default_factory=list)

    def take(self, attribution: Attribution) -> tuple[Hop, ...]:
        """Take over an attribution's steps, and return its own hops, which lead to them here."""
        places: dict[int, int] = {}
        for index, step in enumerate(attribution.steps):
            places[index] = self.add(replace(step, hops=_moved(step.hops, places)))
        return _moved(own_hops(attribution), places)

    def add(self, step: Step) -> int:
        """Add a step, all of whose hops lead to steps here, and return its place."""
        if step not in self.found:
            self.found.append(step)
        return self.found.index(step)


def _moved(hops: Sequence[Hop], places: Mapping[int, int]) -> tuple[Hop, ...]:
    return tuple(
        hop if hop.step_index is None else replace(hop, step_index=places[hop.step_index])
        for hop in hops
    )


def own_hops(attribution: Attribution) -> tuple[Hop, ...]:
    """Return the hops of an attribution's statements: without steps, those are its citations."""
    if attribution.steps:
        return attribution.hops
    return tuple(hop_of(each, chunk_index=each.chunk_index) for each in attribution.citations)


def hop_of(
    citation: Citation, *, chunk_index: int | None = None, step_index: int | None = None
) -> Hop:
    """Return a citation as a hop to a chunk or to a step."""
    return Hop(
        statement_index=citation.statement_index,
        share=citation.share,
        score=citation.score,
        exact=citation.exact,
        start=citation.chunk_start,
        end=citation.chunk_end,
        text=citation.text,
        chunk_index=chunk_index,
        step_index=step_index,
        basis=citation.basis,
    )


def copied_hop(statement_index: int, original: Statement, step_index: int) -> Hop:
    """Return the hop of a statement that is word for word one of a step."""
    return Hop(
        statement_index=statement_index,
        share=1.0,
        score=0.0,
        exact=False,
        start=original.start,
        end=original.end,
        text=original.text,
        step_index=step_index,
        basis="copied",
    )


def hops_between(
    last: Attribution,
    places: Sequence[int | None],
    behind: Mapping[int, Attribution],
    copied: Mapping[int, tuple[Attribution, Statement]],
) -> tuple[tuple[Step, ...], tuple[Hop, ...]]:
    """Return the steps behind an answer, and the hops that lead to them and to chunks.

    Args:
        last: The last call's attribution; some of its chunks are intermediate answers.
        places: For each chunk of `last`, which of the retrieved it is; `None` for an intermediate
            answer.
        behind: By the place of an intermediate chunk in `last`, its own attribution.
        copied: By the statement of `last`, the intermediate attribution whose sources it has since
            it was copied from there, and the statement there.
    """
    steps, indexes = StepList(), dict[int, int]()
    for chunk_index, place in enumerate(places):
        inner = behind.get(chunk_index)
        if place is None and inner is not None:
            own = steps.take(inner)
            step = Step(inner.answer, inner.statements, inner.support, own)
            indexes[chunk_index] = steps.add(step)
    hops = []
    for citation in last.citations:
        place = places[citation.chunk_index]
        if place is not None:
            hops.append(hop_of(citation, chunk_index=place))
        elif citation.chunk_index in indexes and citation.basis != "states":
            hops.append(hop_of(citation, step_index=indexes[citation.chunk_index]))
    for statement_index, (inner, original) in copied.items():
        step_index = next(indexes[place] for place, each in behind.items() if each is inner)
        hops.append(copied_hop(statement_index, original, step_index))
    return (tuple(steps.found), tuple(hops)) if steps.found else ((), ())


def check_hops(steps: Sequence[Step], hops: Sequence[Hop], chunks: int) -> None:
    """Check that every hop leads to a chunk, or to a step that was written before.

    Raises:
        InputError: If one leads nowhere, or in a circle.
    """
    for before, step in enumerate(steps):
        _check(step.hops, before, chunks)
    _check(hops, len(steps), chunks)


def _check(hops: Sequence[Hop], steps: int, chunks: int) -> None:
    for hop in hops:
        if (hop.chunk_index is None) == (hop.step_index is None):
            raise InputError(
                "a hop must lead to a chunk or to a step, got "
                f"chunk_index={hop.chunk_index}, step_index={hop.step_index}"
            )
        if hop.chunk_index is not None and not 0 <= hop.chunk_index < chunks:
            raise InputError(f"a hop leads to chunk {hop.chunk_index}, but there are {chunks}")
        if hop.step_index is not None and not 0 <= hop.step_index < steps:
            raise InputError(
                f"a hop leads to step {hop.step_index}, but {steps} were written before"
            )
