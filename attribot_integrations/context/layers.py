"""Text written anew, character by character traceable to the text that it was made of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex

from attribot_integrations.context.sources import Span

__all__ = ["Layer", "as_layer"]


@dataclass(frozen=True)
class Layer:
    """A text, and where each of its characters stands in the original."""

    text: str
    starts: Sequence[int]
    """Offset in the original at which each character's own text starts; never falls."""
    ends: Sequence[int]
    """Offset in the original at which each character's own text ends; never falls."""

    def rewritten(
        self, pattern: regex.Pattern[str], write: Callable[[regex.Match[str]], str]
    ) -> Layer:
        """Replace every match by what `write` makes of it, "" to drop it."""
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for match in pattern.finditer(self.text):
            written = write(match)
            if written == match[0]:
                continue
            low, high = match.span()
            pieces += (self.text[done:low], written)
            starts += self.starts[done:low]
            ends += self.ends[done:low]
            starts += [self.starts[low]] * len(written)
            ends += [self.ends[high - 1]] * len(written)
            done = high
        if not pieces:
            return self
        return Layer(
            "".join(pieces) + self.text[done:],
            [*starts, *self.starts[done:]],
            [*ends, *self.ends[done:]],
        )

    def origin(self, start: int, end: int) -> Span:
        """Return where `text[start:end]`, which must not be empty, stands in the original."""
        return self.starts[start], self.ends[end - 1]

    def within(self, start: int, end: int) -> Span:
        """Return the range of characters whose own text touches a span of the original."""
        return bisect_right(self.ends, start), bisect_left(self.starts, end)


def as_layer(text: str) -> Layer:
    """Return a text as a layer of its own."""
    return Layer(text, range(len(text)), range(1, len(text) + 1))
