"""What is shown of a trace, and the trace as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.frames import below_frame, frame_above
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution
    from attribot_integrations.results.traces import Trace

__all__ = ["NOTHING_BELOW", "TreeView", "led_through", "tree_text"]

_LONG = 280
NOTHING_BELOW = "no source was found for it"
"""What is said of a part of a step where the way ends."""


@dataclass(frozen=True)
class Branch:
    """One text of a tree; nothing in it is escaped yet."""

    share: str
    """Such as "62 %"."""
    name: str
    """Where the text stands, with the number of its citations."""
    text: str
    notes: tuple[str, ...]
    below: tuple[Branch, ...]
    left_out: str | None
    """How many texts below are left out."""


class TreeView:
    """What is shown of a trace.

    Args:
        trace: The trace of a statement.
    """

    def __init__(self, trace: Trace) -> None:
        self.statement = _short(f"{trace.path}: {trace.text}" if trace.path else trace.text)
        self.label = None if trace.label in (None, "supported") else trace.label
        self.below = tuple(_branch(each, 1) for each in trace.below)
        self.left_out = _left_out(trace)
        self.notes = tuple(_notes_of_paths(trace))


def _branch(trace: Trace, depth: int) -> Branch:
    return Branch(
        share=_percent(trace.share),
        name=_name(trace),
        text=_short(_quote(trace)),
        notes=tuple(_notes(trace, depth)),
        below=tuple(_branch(each, depth + 1) for each in trace.below),
        left_out=_left_out(trace),
    )


def _quote(trace: Trace) -> str:
    if trace.chunk is None:
        return trace.text
    return below_frame(frame_above(trace.chunk, trace.start, trace.end), trace.text)


def _name(trace: Trace) -> str:
    if trace.chunk is not None and trace.chunk_index is not None:
        part = trace.chunk.part_of(trace.start, trace.end)
        name = chunk_name(trace.chunk, trace.chunk_index, part)
        return name if trace.number is None else f"[{trace.number}] {name}"
    copied = "copied from " if trace.basis == "copied" else ""
    if trace.kind == "thoughts":
        return f"{copied}thoughts"
    return f"{copied}intermediate answer {(trace.step_index or 0) + 1}"


def _notes(trace: Trace, depth: int) -> Iterator[str]:
    if trace.basis == "states":
        yield "states it"
    if trace.kind == "passage" and depth > 1:
        yield f"≈ {_percent(trace.product)} of the statement"
    if trace.kind != "passage" and trace.label not in (None, "supported"):
        yield f"{trace.label}: {one_line(trace.reason)}" if trace.reason else f"{trace.label}"
    if trace.kind != "passage" and not trace.below and not trace.left_out:
        yield NOTHING_BELOW


def _notes_of_paths(trace: Trace) -> Iterator[str]:
    """Yield what is to be said of the whole: its strongest way, and that products are estimates."""
    if not trace.below:
        yield "No source is cited." if not trace.left_out else "No source carries enough of it."
    if trace.hops < 2:
        return
    strongest = next((path for path in trace.paths if path.passage is not None), None)
    if strongest is not None:
        weakest = strongest.weakest
        about = "≈ " if len(strongest.texts) > 1 else ""
        yield (
            f"The strongest way to a passage carries {about}{_percent(strongest.product)} of the "
            f"statement; its weakest link, {_percent(weakest.share)}, is {_name(weakest)}."
        )
    yield f"≈: shares of up to {trace.hops} hops multiplied, which is an approximation."


def _left_out(trace: Trace) -> str | None:
    return f"{trace.left_out} more, of small shares" if trace.left_out else None


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONG else f"{line[:_LONG].rstrip()}…"


def led_through(attribution: Attribution) -> list[Trace]:
    """Return the traces of the statements that rest on what models wrote before."""
    if not attribution.steps:
        return []
    traces = map(attribution.trace, attribution.statements)
    return [trace for trace in traces if any(each.kind != "passage" for each in trace.below)]


def tree_text(trace: Trace) -> str:
    """Return a trace as lines of text.

    Control characters of retrieved text are shown as spaces, so that it cannot steer a terminal.
    """
    view = TreeView(trace)
    first = view.statement + (f" ({view.label})" if view.label else "")
    return "\n".join([first, *_lines(view.below, view.left_out), *view.notes])


def _lines(below: Sequence[Branch], left_out: str | None) -> Iterator[str]:
    more = [] if left_out is None else [left_out]
    for place, branch in enumerate(below):
        last = place == len(below) - 1 and not more
        notes = f" ({'; '.join(branch.notes)})" if branch.notes else ""
        yield f"{'└─' if last else '├─'} {branch.share} {branch.name}: {branch.text}{notes}"
        for line in _lines(branch.below, branch.left_out):
            yield f"{'   ' if last else '│  '}{line}"
    yield from (f"└─ {each}" for each in more)
