"""The answer as a page shows it: blocks of text, and behind each statement what is known of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attribot_integrations.render.answer_blocks import answer_blocks, plain_block
from attribot_integrations.render.text import visible
from attribot_integrations.results.citation_marks import find_marks

if TYPE_CHECKING:
    from attribot_integrations.context.retrieved import Span
    from attribot_integrations.render.answer_blocks import Block, BlockKind, Run
    from attribot_integrations.render.html_cards import Card
    from attribot_integrations.results.support import SupportLabel

__all__ = ["BlockView", "RunView", "StatementView", "Unit", "answer_view"]


@dataclass(frozen=True)
class StatementView:
    """What is shown behind a statement."""

    marks: tuple[tuple[Card, ...], ...]
    label: SupportLabel | None
    """Where it is another than `supported`."""
    probability: float | None
    remark: str | None
    """What readers must be told of it."""
    beside_citations: bool = False
    """Whether other statements of the answer are cited."""
    path: str | None = None
    """Which field of the answer it is, where the answer does not show that."""

    @property
    def shown_label(self) -> str | None:
        """The label in words, with the probability of support, unless the remark says it."""
        if self.label is None or (self.label == "parametric" and self.remark is not None):
            return None
        words: str = self.label
        if self.label == "unsupported":
            words = "not supported by " + (
                "what is cited" if self.beside_citations else "the sources"
            )
        return words if self.probability is None else f"{words} · {100 * self.probability:.0f} %"

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.marks or self.shown_label or self.remark or self.path)


@dataclass(frozen=True)
class RunView:
    """A stretch of text that looks the same."""

    text: str
    styles: tuple[str, ...] = ()
    own: bool = False
    """Whether it is a citation mark that the generator wrote."""


@dataclass(frozen=True)
class Unit:
    """A stretch of one block that belongs to one statement, or to none."""

    runs: tuple[RunView, ...]
    place: int | None
    """Which statement it is."""
    statement: StatementView | None = None
    first: bool = False
    """Whether the statement starts with it."""
    last: bool = False
    """Whether the statement ends with it."""


@dataclass(frozen=True)
class BlockView:
    """A block of the answer: one that holds text, or others."""

    kind: BlockKind
    number: int | None
    units: tuple[Unit, ...]
    inside: tuple[BlockView, ...]


def answer_view(
    answer: str, spans: Sequence[Span], statements: Sequence[StatementView]
) -> tuple[BlockView, ...]:
    """Divide an answer into blocks, and these among its statements.

    Where a statement that has something to show stands in no block, the answer is shown as it is.

    Args:
        answer: The answer's text.
        spans: Where the statements are, in order.
        statements: What is shown of them.
    """
    divider = _Divider(spans, [(mark.start, mark.end) for mark in find_marks(answer)])
    views = tuple(map(divider.view, answer_blocks(answer)))
    shown = {index for index, each in enumerate(statements) if not each.is_blank}
    if not shown <= {unit.place for unit in _units(views)}:
        views = (divider.view(plain_block(answer)),)
        missing = shown - {unit.place for unit in _units(views)}
        more = tuple(Unit((), place) for place in sorted(missing))
        views = (replace(views[0], units=(*views[0].units, *more)),)
    units = list(_units(views))
    lasts = {*{unit.place: id(unit) for unit in units}.values()}
    firsts = {*{unit.place: id(unit) for unit in reversed(units)}.values()}
    return tuple(_with_statements(view, statements, firsts, lasts) for view in views)


def _units(views: Sequence[BlockView]) -> Iterator[Unit]:
    for view in views:
        yield from view.units
        yield from _units(view.inside)


def _with_statements(
    view: BlockView, statements: Sequence[StatementView], firsts: set[int], lasts: set[int]
) -> BlockView:
    return replace(
        view,
        units=tuple(
            unit
            if unit.place is None
            else replace(
                unit,
                statement=statements[unit.place],
                first=id(unit) in firsts,
                last=id(unit) in lasts,
            )
            for unit in view.units
        ),
        inside=tuple(_with_statements(each, statements, firsts, lasts) for each in view.inside),
    )


class _Divider:
    """Cuts runs of text where statements and the generator's own marks start and end."""

    def __init__(self, statements: Sequence[Span], marks: Sequence[Span]) -> None:
        self._statements = statements
        self._starts = [start for start, _ in statements]
        self._marks = marks
        self._edges = sorted({edge for span in (*statements, *marks) for edge in span})

    def view(self, block: Block) -> BlockView:
        """Return a block divided into units."""
        pieces = [piece for run in block.runs for piece in self._cut(run)]
        units: list[Unit] = []
        for place, run in pieces:
            if units and units[-1].place == place:
                units[-1] = replace(units[-1], runs=(*units[-1].runs, run))
            else:
                units.append(Unit((run,), place))
        inside = tuple(map(self.view, block.inside))
        return BlockView(block.kind, block.number, tuple(units), inside)

    def _cut(self, run: Run) -> Iterator[tuple[int | None, RunView]]:
        if run.end - run.start != len(run.text):  # something in it is not shown
            yield self._nearest(run), RunView(visible(run.text), run.styles)
            return
        first = bisect_right(self._edges, run.start)
        inner = [edge for edge in self._edges[first:] if edge < run.end]
        for start, end in zip([run.start, *inner], [*inner, run.end], strict=True):
            text = visible(run.text[start - run.start : end - run.start])
            own = any(low <= start and end <= high for low, high in self._marks)
            yield self._at(start), RunView(text, run.styles, own)

    def _at(self, start: int) -> int | None:
        place = bisect_right(self._starts, start) - 1
        inside = place >= 0 and start < self._statements[place][1]
        return place if inside else None

    def _nearest(self, run: Run) -> int | None:
        shared = [
            (min(end, run.end) - max(start, run.start), -place)
            for place, (start, end) in enumerate(self._statements)
        ]
        most, place = max(shared, default=(0, 0))
        return -place if most > 0 else None
