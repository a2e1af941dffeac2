"""Which statements of an answer that is still written will stay as they are.

A sentence that has ended may go on: by an abbreviation, a closing quotation mark, bold type that
ends in a later sentence. So the text is divided again with the most different continuations, and
what is the same with all of them is taken as settled. What comes later all the same, such as a line
that makes a heading of the paragraph above it, is found when the answer is complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import regex

from attribot_integrations.context.sources import SentenceSplitter, Span
from attribot_integrations.results.statements import find_statements
from attribot_integrations.results.wording import wording_of

__all__ = ["Settled", "settled_statements"]

_CONTINUATIONS: Final = (
    *("x", " x", ". X"),
    *(f"x{each} X" for each in ("'", ")", "]", "\u201d", "\u2019", "\u00bb", "\u300d")),
    *(f"x{each} X" for each in ("*", "**", "***", "_", "__", "~~", "`", "</b>")),
    *(" [1] X", "1\u3011 X", "\n\nX", "\n- X", "\n```\nX"),
)
_WORD: Final = regex.compile(r"\S+")
_JSON: Final = regex.compile(r"\s*(?:```(?:json)?\s*)?(?:\{|\[\s*[\[{\"])", regex.IGNORECASE)


@dataclass(frozen=True)
class Settled:
    """What of a text is settled."""

    count: int
    """How many statements, from the first on."""
    end: int
    """Where the text is cut behind them: after the first word of the next one, for a token may go
    across the border. Up to there it has the same statements, of the same words, as all of it."""


def settled_statements(text: str, splitter: SentenceSplitter, known: int = 0) -> Settled | None:
    """Find the first statements of a text that is still written, as far as they are settled.

    Args:
        text: The text so far. Of JSON, whose fields are known when it ends, nothing is settled.
        splitter: Finds the sentences.
        known: How many are known to be settled.

    Returns:
        More than are known; `None` if there are none.

    Raises:
        ConfigurationError: If the splitter returns spans that are blank, out of order or outside
            the text.
    """
    if _JSON.match(text):
        return None
    spans = _spans(text, splitter)
    if len(spans) < known + 2:  # the last is still written
        return None
    continued = [text + each for each in (*_CONTINUATIONS, *_closed(text), *_table_below(text))]
    divided = [_spans(each, splitter) for each in continued]
    words = [wording_of(each).text for each in (text, *continued)]
    for count in range(len(spans) - 1, known, -1):
        settled, begun = spans[:count], spans[count][0]
        if any(each[:count] != settled for each in divided):
            continue
        word = _WORD.search(text, begun)
        end = begun if word is None else word.end()
        said = wording_of(text[:end]).text.rpartition(" ")[0]  # the word itself may go on
        if _spans(text[:end], splitter)[:-1] == settled and all(w.startswith(said) for w in words):
            return Settled(count, end)
    return None


def _spans(text: str, splitter: SentenceSplitter) -> Sequence[Span]:
    return [(each.start, each.end) for each in find_statements(text, (), splitter)]


def _closed(text: str) -> tuple[str, ...]:
    """Return what closes a quotation; opening one looks the same, and is no reason to wait."""
    return ('x" X',) if text.count('"') % 2 else ()


def _table_below(text: str) -> tuple[str, ...]:
    """Return the line that would make the last one a table's first."""
    last = text.rpartition("\n")[2].strip()
    cells = last.strip("|").count("|") + 1
    return (f"\n|{'---|' * cells}\n",) if "|" in last else ()
