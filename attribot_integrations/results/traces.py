"""The way from a statement to the passages that it rests on, as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError
from attribot_integrations.results.hops import Hop, Step, own_hops
from attribot_integrations.results.parts import Statement
from attribot_integrations.results.showing import is_shown
from attribot_integrations.results.support import Support, SupportLabel

if TYPE_CHECKING:
    from attribot_integrations.render.html import Theme
    from attribot_integrations.results.attribution import Attribution

__all__ = ["Trace", "TracePath", "trace_statement"]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A statement, or a text behind it, with what that rests on in turn."""

    kind: Literal["statement", "step", "thoughts", "passage"]
    """A statement of the answer, a part of a text that a model wrote on the way to it or of its
    thoughts, or a passage of a chunk."""
    text: str
    start: int
    """Offset of the text in the answer, the step or the chunk."""
    end: int
    """Offset behind the text."""
    share: float = 1.0
    """Share of what stands above it in the tree that rests on it, 0 to 1. Of the statement itself,
    these are shares of its positive scores; the shares behind a part of a step add up to 1, if none
    is left out."""
    product: float = 1.0
    """Product of the shares from the statement down to here: an approximation of the share of the
    statement that rests on it, where there is more than one hop."""
    score: float | None = None
    """Fall of the log-likelihood of what stands above when this is removed, in nats; `None` for the
    statement."""
    exact: bool = False
    """Whether the score is exact leave-one-out on the target."""
    basis: Literal["depends", "states", "both", "copied"] | None = None
    """Why this is what it rests on; `None` for the statement."""
    chunk: Chunk | None = None
    """The chunk of a passage."""
    chunk_index: int | None = None
    """Its place among the attribution's chunks."""
    number: int | None = None
    """The number of the chunk's citations, where it has any."""
    step_index: int | None = None
    """The place of a step in `Attribution.steps`."""
    label: SupportLabel | None = None
    """How well the statement, or the part of a step, is supported by what its own call saw."""
    reason: str | None = None
    """Why that could not be judged."""
    left_out: int = 0
    """How many texts below this are left out, as each carries too little of the statement."""
    path: str | None = None
    """Which field of a structured answer the statement is, see `Statement.path`."""
    below: tuple[Trace, ...] = ()
    """What it rests on, the largest share first. A part of a step with nothing below it is where
    the way ends: no source was found to support it."""

    @property
    def paths(self) -> tuple[TracePath, ...]:
        """Every way down to a passage, or to where it ends, the largest product first."""
        found = [TracePath(texts) for texts in _ways(self.below)]
        return tuple(sorted(found, key=lambda path: -path.product))

    @property
    def hops(self) -> int:
        """The most hops from here to an end of the tree."""
        return 1 + max(each.hops for each in self.below) if self.below else 0

    def to_text(self) -> str:
        """Return the tree as lines of text, for terminals and logs."""
        from attribot_integrations.render.trees import tree_text

        return tree_text(self)

    def to_html(self, *, theme: Theme = "auto") -> str:
        """Return the tree as an HTML fragment that opens and closes without a script."""
        from attribot_integrations.render.html import html_tree

        return html_tree(self, theme=theme)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        return self.to_text()


@dataclass(frozen=True)
class TracePath:
    """One way from a statement to a passage."""

    texts: tuple[Trace, ...]
    """What stands on the way, without the statement: parts of steps, and the passage at last."""

    @property
    def passage(self) -> Trace | None:
        """The passage; `None` if the way ends before, at a step without support."""
        return self.texts[-1] if self.texts[-1].kind == "passage" else None

    @property
    def product(self) -> float:
        """Product of the shares, 0 to 1; an approximation for more than one hop."""
        return self.texts[-1].product

    @property
    def weakest(self) -> Trace:
        """The text with the smallest share of what it is above it: the way's weakest link."""
        return min(self.texts, key=lambda text: text.share)

    @property
    def exact(self) -> bool:
        """Whether it is one hop, whose score is exact leave-one-out on the target."""
        return len(self.texts) == 1 and self.texts[0].exact


def _ways(below: Sequence[Trace]) -> Iterable[tuple[Trace, ...]]:
    for each in below:
        if not each.below:
            yield (each,)
        for way in _ways(each.below):
            yield (each, *way)


def trace_statement(attribution: Attribution, statement: Statement | int, least: float) -> Trace:
    """Return the trace of a statement, see `Attribution.trace`.

    Raises:
        InputError: If there is no such statement, or `least` is no share above 0.
    """
    index = statement if isinstance(statement, int) else statement.index
    if not 0 <= index < len(attribution.statements):
        raise InputError(
            f"there is no statement {index}, the answer has {len(attribution.statements)}"
        )
    if not 0 < least <= 1:
        raise InputError(f"least must be above 0 and at most 1, got {least!r}")
    own = attribution.statements[index]
    label = next((each for each in attribution.support if each.statement_index == index), None)
    top = Trace(
        kind="statement",
        text=own.text,
        start=own.start,
        end=own.end,
        path=own.path,
        label=label.label if label else None,
        reason=label.reason if label else None,
    )
    hops = [
        hop
        for hop in own_hops(attribution)
        if hop.statement_index == index
        and is_shown(top.label, "depends" if hop.basis == "copied" else hop.basis)
    ]
    return _Tracer(attribution, least).below(top, [(hop, hop.share) for hop in hops])


class _Tracer:
    """Builds the tree, from the statement down."""

    def __init__(self, attribution: Attribution, least: float) -> None:
        self._chunks = attribution.chunks
        self._steps = attribution.steps
        self._least = least
        self._numbers = {each.chunk_index: each.number for each in attribution.citations}

    def below(self, above: Trace, hops: Sequence[tuple[Hop, float]]) -> Trace:
        """Return a text with what it rests on below it.

        Args:
            above: The text.
            hops: Its hops, each with its share.
        """
        made = [
            self._made(hop, share, above.product * share)
            for hop, share in sorted(hops, key=lambda each: -each[1])
            if above.product * share >= self._least or hop.basis == "states"
        ]
        return replace(above, below=tuple(made), left_out=len(hops) - len(made))

    def _made(self, hop: Hop, share: float, product: float) -> Trace:
        made = Trace(
            kind="passage" if hop.step_index is None else "step",
            text=hop.text,
            start=hop.start,
            end=hop.end,
            share=share,
            product=product,
            score=hop.score,
            exact=hop.exact,
            basis=hop.basis,
            step_index=hop.step_index,
        )
        if hop.step_index is None:
            index = hop.chunk_index or 0
            number = self._numbers.get(index)
            return replace(made, chunk=self._chunks[index], chunk_index=index, number=number)
        step = self._steps[hop.step_index]
        if step.kind == "thoughts":
            made = replace(made, kind="thoughts")
        support = _main_support(step, hop.start, hop.end)
        if support is not None:
            made = replace(made, label=support.label, reason=support.reason)
        return self.below(made, _rests_on(step, hop.start, hop.end))


def _main_support(step: Step, start: int, end: int) -> Support | None:
    """Return the label of the statement that a stretch of a step has most of."""
    shared = {each.index: min(end, each.end) - max(start, each.start) for each in step.statements}
    near = [each for each in step.support if shared.get(each.statement_index, 0) > 0]
    return max(near, key=lambda each: shared[each.statement_index], default=None)


def _rests_on(step: Step, start: int, end: int) -> list[tuple[Hop, float]]:
    """Return what a stretch of a step rests on, each text once, with shares that add up to 1."""
    parametric = {each.statement_index for each in step.support if each.label == "parametric"}
    near = {
        each.index
        for each in step.statements
        if each.start < end and start < each.end and each.index not in parametric
    }
    found: dict[tuple[int | None, int | None, int, int], Hop] = {}
    for hop in step.hops:
        if hop.statement_index not in near or hop.basis == "states":
            continue
        key = hop.chunk_index, hop.step_index, hop.start, hop.end
        if (before := found.get(key)) is not None:
            hop = replace(
                before,
                share=before.share + hop.share,
                score=before.score + hop.score,
                exact=before.exact and hop.exact,
            )
        found[key] = hop
    shares = {key: max(hop.share, 0.0) for key, hop in found.items()}
    total = sum(shares.values())
    return [
        (hop, shares[key] / total if total > 0 else 1 / len(found)) for key, hop in found.items()
    ]
