"""The steps of one trace as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.tracespans import TraceSpan

__all__ = ["SpanTree"]

_DEEPEST = 500


@dataclass(frozen=True)
class SpanTree:
    """The steps of one trace, by when they began; exports may hold a part of them only."""

    spans: tuple[TraceSpan, ...]
    above: dict[str, tuple[str, ...]]
    """For each step, by its id, the ids of those around it, from the innermost one on."""

    @classmethod
    def of(cls, spans: Sequence[TraceSpan]) -> SpanTree:
        """Put steps in order; of those with the same id, the last one counts.

        Raises:
            DataFileError: If steps are around each other, or too many are.
        """
        by_id = {span.id: span for span in spans}
        above: dict[str, tuple[str, ...]] = {}
        for span in by_id.values():
            around: list[str] = []
            parent = span.parent
            while parent is not None and parent in by_id:
                if parent == span.id or len(around) == _DEEPEST:
                    raise DataFileError(_what_is_wrong(span, by_id))
                around.append(parent)
                parent = by_id[parent].parent
            above[span.id] = tuple(around)
        return cls(tuple(sorted(by_id.values(), key=lambda span: span.start)), above)

    @cached_property
    def by_id(self) -> dict[str, TraceSpan]:
        """The steps by their ids."""
        return {span.id: span for span in self.spans}

    @cached_property
    def first_found(self) -> dict[str | None, str]:
        """When documents were first found inside each step, by its id; `None` is the whole trace.

        Blank where that is unknown.
        """
        first: dict[str | None, str] = {}
        for span in self.finders:
            for scope in (*self.above[span.id], None):
                first[scope] = min(first.get(scope, span.start), span.start)
        return first

    @cached_property
    def finders(self) -> tuple[TraceSpan, ...]:
        """The steps that found documents."""
        return tuple(span for span in self.spans if span.finds)

    @property
    def roots(self) -> tuple[TraceSpan, ...]:
        """The steps that nothing is around; those whose parent is missing, too."""
        return tuple(span for span in self.spans if not self.above[span.id])

    def inside(self, span: TraceSpan, scope: str | None) -> bool:
        """Return whether a step is within another, given by its id; `None` is the whole trace."""
        return scope is None or scope in self.above[span.id]

    def outermost(self, spans: Sequence[TraceSpan]) -> Iterator[TraceSpan]:
        """Yield those that are not within another of them."""
        ids = {span.id for span in spans}
        return (span for span in spans if ids.isdisjoint(self.above[span.id]))

    def innermost(self, spans: Sequence[TraceSpan]) -> Iterator[TraceSpan]:
        """Yield those that no other of them is within."""
        around = {id_ for span in spans for id_ in self.above[span.id]}
        return (span for span in spans if span.id not in around)


def _what_is_wrong(span: TraceSpan, by_id: dict[str, TraceSpan]) -> str:
    seen: set[str] = set()
    at: TraceSpan | None = span
    while at is not None and at.id not in seen:
        seen.add(at.id)
        at = by_id.get(at.parent) if at.parent is not None else None
    if at is None:
        return f"its steps are nested too deep: more than {_DEEPEST} levels"
    return "its steps are within each other: their parents form a circle"
