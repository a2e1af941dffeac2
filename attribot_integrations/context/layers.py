"""Text written anew, character by character traceable to the text that it was made of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import regex

from attribot_integrations.context.sources import Span

__all__ = ["Layer"]


@dataclass(frozen=True)
class _Pieces:
    """How a text was made of another one: a piece that was kept, one that was written, and so on.

    Only the pieces are stored, so that a long text with few changes costs little.
    """

    base: Layer
    starts: list[int]
    """Where each piece starts in the new text."""
    origins: list[Span]
    """The span of the base that each piece stands for."""


@dataclass(frozen=True)
class Layer:
    """A text, and where each of its characters stands in the original."""

    text: str
    _made: _Pieces | None = None
    """`None` for the original itself."""

    def rewritten(
        self, pattern: regex.Pattern[str], write: Callable[[regex.Match[str]], str]
    ) -> Layer:
        """Replace every match by what `write` makes of it, "" to drop it."""
        pieces: list[str] = []
        origins: list[Span] = []
        done = 0
        for match in pattern.finditer(self.text):
            written = write(match)
            if written == match[0]:
                continue
            low, high = match.span()
            pieces += (self.text[done:low], written)
            origins += ((done, low), (low, high))
            done = high
        if not pieces:
            return self
        pieces.append(self.text[done:])
        origins.append((done, len(self.text)))
        starts = [0]
        for piece in pieces[:-1]:
            starts.append(starts[-1] + len(piece))
        return Layer("".join(pieces), _Pieces(self, starts, origins))

    def translated(self, table: Mapping[int, str]) -> Layer:
        """Replace characters by others, each by one."""
        return replace(self, text=self.text.translate(table))

    def start_of(self, place: int) -> int:
        """Return where the text of a character starts in the original."""
        if self._made is None:
            return place
        number = bisect_right(self._made.starts, place) - 1
        kept = 0 if number % 2 else place - self._made.starts[number]
        return self._made.base.start_of(self._made.origins[number][0] + kept)

    def end_of(self, place: int) -> int:
        """Return where the text of a character ends in the original."""
        if self._made is None:
            return place + 1
        number = bisect_right(self._made.starts, place) - 1
        low, high = self._made.origins[number]
        if number % 2:
            return self._made.base.end_of(high - 1)
        return self._made.base.end_of(low + place - self._made.starts[number])

    def origin(self, start: int, end: int) -> Span:
        """Return where `text[start:end]`, which must not be empty, stands in the original."""
        return self.start_of(start), self.end_of(end - 1)

    def within(self, start: int, end: int) -> Span:
        """Return the range of characters whose own text touches a span of the original."""
        return self.ended_by(start), bisect_left(range(len(self.text)), end, key=self.start_of)

    def ended_by(self, original: int) -> int:
        """Return how many characters end at a place of the original or before it."""
        return bisect_right(range(len(self.text)), original, key=self.end_of)

    def started_by(self, original: int) -> int:
        """Return how many characters start at a place of the original or before it."""
        return bisect_right(range(len(self.text)), original, key=self.start_of)
