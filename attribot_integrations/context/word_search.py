"""Search for a text in another one, from border to border.

"art" is not found in "start". Units hold no white space, so only the words at the ends of what is
found are divided into units. Where too many places fail, both texts are written as rows of units,
each behind a mark, in which a plain `str.find` can only match whole units: the time is linear,
whatever the texts hold.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import cached_property

import regex

from attribot_integrations.context.borders import is_part_of_name, units
from attribot_integrations.context.layers import Layer
from attribot_integrations.context.sources import Span

__all__ = ["WordSearch", "last_taken", "telling_words"]

_MARK = "\ud800"  # a lone surrogate, which cleaned text cannot hold
_LONGER = regex.compile(r"[\p{L}\p{M}]{4,}|\p{L}*\p{N}[\p{L}\p{N}]*")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]{2}", regex.V1)
_PATIENCE = 1_000_000
"""Characters that may be compared in vain before rows are written."""


class WordSearch:
    """A text in which others are looked for.

    Args:
        layer: A text without lone surrogates, every run of white space in it one space.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self._borders: dict[int, list[int]] = {}

    def find(self, needle: str, taken: bytearray) -> tuple[list[Span], list[Span]]:
        """Find the places of a text, copies that overlap one another aside.

        Args:
            needle: A text like the layer's, without white space at its ends, not empty.
            taken: A byte for each character of the original text, other than 0 where it is taken.

        Returns:
            Spans in the layer's text, in order: of the places that are free, and of some of those
            that are not.
        """
        free: list[Span] = []
        blocked: list[Span] = []
        written = ""
        patience = _PATIENCE
        place = self.layer.text.find(needle)
        while place >= 0:
            end = place + len(needle)
            following = place + 1
            if self._fits(place, end):
                last = last_taken(taken, *self.layer.origin(place, end))
                (free if last < 0 else blocked).append((place, end))
                # Every place that begins before the end of the taken one is blocked too.
                following = end if last < 0 else self.layer.started_by(last)
            else:
                patience -= len(needle)
            if patience > 0:
                place = self.layer.text.find(needle, following)
            else:
                written = written or _row(needle, units(needle))
                place = self._find_row(written, following)
        return free, blocked

    def is_border(self, place: int) -> bool:
        """Tell whether a place in the layer's text is between two units."""
        text = self.layer.text
        if place in (0, len(text)) or text[place] == " " or text[place - 1] == " ":
            return True
        start = text.rfind(" ", 0, place) + 1
        if start not in self._borders:
            end = text.find(" ", place)
            word = text[start : end if end >= 0 else len(text)]
            self._borders[start] = [start + low for low, _ in units(word)]
        borders = self._borders[start]
        near = bisect_left(borders, place)
        return near < len(borders) and borders[near] == place

    def _fits(self, start: int, end: int) -> bool:
        if not self.is_border(start) or not self.is_border(end):
            return False
        return not is_part_of_name(self.layer.text, start, end)

    def _find_row(self, row: str, start: int) -> int:
        starts, places, text = self._units
        number = bisect_left(starts, start)
        place = text.find(row, places[number]) if number < len(places) else -1
        return starts[bisect_left(places, place)] if place >= 0 else -1

    @cached_property
    def _units(self) -> tuple[list[int], list[int], str]:
        """Where each unit starts, in the text and in its row, and the row."""
        spans = units(self.layer.text)
        starts = [start for start, _ in spans]
        places = [start + number for number, start in enumerate(starts)]
        return starts, places, _row(self.layer.text, spans)


def last_taken(taken: bytearray, start: int, end: int) -> int:
    """Return the last place in a range that is taken, -1 if all is free."""
    free = len(taken[start:end].rstrip(b"\x00")) - 1
    return start + free if free >= 0 else -1


def _row(text: str, spans: list[Span]) -> str:
    return _MARK + _MARK.join([*(text[low:high] for low, high in spans), ""])


def telling_words(texts: Iterable[str]) -> frozenset[str]:
    """Return what texts are known by: longer words, numbers, and pairs of Chinese and the like."""
    return frozenset(
        word
        for text in map(str.casefold, texts)
        for pattern in (_LONGER, _UNSPACED)
        for word in pattern.findall(text, overlapped=pattern is _UNSPACED)
    )
