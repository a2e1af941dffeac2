"""Exact search for runs of words in a text, with any white space standing for any other.

The text is written as a row of tokens (words, single characters, runs of white space), each behind
a mark. What is searched for is written in the same way, so a plain `str.find` can only match whole
tokens: "art" is not found in "start". The time is linear in the text, whatever it holds.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate

from attribot_integrations.context.sources import Span

__all__ = ["WordSearch"]

_MARK = "\ud800"  # a lone surrogate, which cleaned text cannot hold
_COMBINING = "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f\u20d0-\u20f0\ufe20-\ufe2f"
_INDIC = "\u0900-\u0963\u0966-\u0dff"
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
    "\u2e80-\u31ff\u3400-\ua4cf\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese, Japanese
)
# Scripts without spaces between words may be cut at any character. Vowel signs and accents, which
# are no letters to `re`, belong to the word they stand in; "_" may be Markdown and does not.
_TOKEN = re.compile(rf"(?:[^\W_{_UNSPACED}]|[{_COMBINING}{_INDIC}])+|\s+|[^\s]")


class WordSearch:
    """A text in which runs of words are looked for; a place can be taken once.

    Args:
        text: Any text without lone surrogates.
    """

    def __init__(self, text: str) -> None:
        matches = list(_TOKEN.finditer(text))
        self._spans = [match.span() for match in matches]
        pieces = [_written(match.group()) for match in matches]
        self._row = "".join(pieces) + _MARK
        self._starts = list(accumulate(map(len, pieces), initial=0))
        self._taken = bytearray(len(pieces))

    def take(self, needle: str) -> list[Span] | None:
        """Find and take every place of a row that is still free.

        Search for longer rows first: the time is linear only then.

        Args:
            needle: What `prepare` wrote.

        Returns:
            Spans in the text, in order; `None` if it stands nowhere, free or taken.
        """
        place = self._row.find(needle)
        if place < 0:
            return None
        spans: list[Span] = []
        while place >= 0:
            first = bisect_left(self._starts, place)
            end = bisect_left(self._starts, place + len(needle) - 1)
            blocked = self._taken.rfind(1, first, end)
            if blocked < 0:
                self._taken[first:end] = b"\x01" * (end - first)
                spans.append((self._spans[first][0], self._spans[end - 1][1]))
            # Every place that begins before the end of the blocking one is blocked too.
            place = self._row.find(needle, self._starts[end if blocked < 0 else blocked + 1])
        return spans


def prepare(text: str) -> str:
    """Write what is searched for as a row of tokens; blank text gives "".

    Args:
        text: Any text without lone surrogates.
    """
    pieces = [_written(token) for token in _TOKEN.findall(text.strip())]
    return "".join(pieces) + _MARK if pieces else ""


def _written(token: str) -> str:
    return _MARK + (" " if token.isspace() else token)
