"""Sentences in scripts without spaces or full stops, where the general splitter finds too few.

Chinese and Japanese sentences end at their full stops and marks, whatever follows; a quotation
stays whole with what says that it is one, in Korean, too. Khmer and Tibetan have full stops of
their own, and Greek asks with a semicolon. Thai and Lao mark no
end: a space stands between clauses, and clauses of some length are divided there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import regex

from attribot_integrations.context.retrieved import Span

__all__ = ["SCRIPTS", "refine_sentences", "script_of"]

_SPECIAL = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Tibetan}]"
    r"|[\"'\u201d\u2019\u300d\u300f\u300b\u3009]\p{Hangul}|\p{Greek};"
)
_CLOSERS = r"[\u300d\u300f\uff09\u3011\u3009\u300b\u201d\u2019\"')\]]"
_EAST = r"\p{Han}\p{Hiragana}\p{Katakana}"
_STOP = regex.compile(
    r"[\u3002\uff01\uff1f\uff61\u17d4\u17d5]+"
    rf"{_CLOSERS}*\s*(?=[^\s\u3002\uff01\uff1f\uff61\u17d4\u17d5])"
    rf"|(?<=[{_EAST}])[?!]+{_CLOSERS}*(?=[{_EAST}\p{{N}}])"
    r"|(?<![\u0f0d\u0f0e])[\u0f0d\u0f0e]++\s++(?=\p{Tibetan})"
    r"|(?<=\p{Greek});\s+(?=[\p{Lu}\u00ab\u201c])"
)
"""The end of a sentence, up to the start of the next one."""
_BRACKETS = regex.compile(
    r"([\u300c\u300e\uff08\u3010\u3008\u300a\u201c(\[])"
    r"|[\u300d\u300f\uff09\u3011\u3009\u300b\u201d)\]]"
)
"""Quotations and asides, which are not divided; those that open are the group."""
_SHORTENED = r"[\u0e01-\u0e2e\u0e81-\u0eae]{1,4}\."
"""An abbreviation in Thai or Lao: consonants without a vowel, as in the eras of years."""
_ENDS_SHORTENED = regex.compile(rf"(?<![\p{{Thai}}\p{{Lao}}]){_SHORTENED}\Z")
_SAYS = regex.compile(r"\u3068|\u3063\u3066|[\u3001\uff0c]")
"""What follows a quotation in the sentence that it is part of."""
_QUOTED = regex.compile(r"[\"'\u201d\u2019\u300d\u300f\u300b\u3009]\p{Hangul}")
"""A quotation in Korean, and what says that it is one, without a space between them."""
_CLAUSE = regex.compile(
    r"(?<=[\p{Thai}\p{Lao}][\p{M}\u0e2f\u0e46\u0eaf\u0ec6]*)\s+"
    rf"(?=[\p{{Thai}}\p{{Lao}}])(?!{_SHORTENED})"
)
_SHORT: Final = 24
"""Characters below which a clause is not divided from its neighbours."""
_LETTER = regex.compile(r"\p{L}")
_LOOKED_AT: Final = 400
"""Letters and other characters of a text by which its script is told."""
SCRIPTS: Final = (
    "Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Han", "Hiragana", "Katakana", "Hangul",
    "Thai", "Lao", "Khmer", "Myanmar", "Tibetan", "Devanagari", "Bengali", "Tamil", "Telugu",
    "Gujarati", "Kannada", "Malayalam", "Gurmukhi", "Sinhala", "Ethiopic", "Armenian", "Georgian",
)  # fmt: skip
"""Names of the scripts that are told apart."""
_SCRIPT = regex.compile("|".join(rf"(?P<{name}>\p{{Script={name}}})" for name in SCRIPTS))


def refine_sentences(text: str, spans: Sequence[Span]) -> Sequence[Span]:
    """Correct the sentences that a general splitter has found; other scripts stay as they are.

    Args:
        text: The text.
        spans: Its sentences.
    """
    if text.isascii() or _SPECIAL.search(text) is None:
        return spans
    refined: list[Span] = []
    for start, end in _without_shortened(text, spans):
        if refined and _goes_on(text, refined[-1], start):
            start = refined.pop()[0]
        refined += _divided(text, start, end)
    return refined


def _goes_on(text: str, before: Span, start: int) -> bool:
    if before[1] != start:
        return False
    if text[before[1] - 1] in "\u300d\u300f" and _SAYS.match(text, start) is not None:
        return True
    return _QUOTED.match(text, start - 1) is not None


def _divided(text: str, start: int, end: int) -> Iterator[Span]:
    done, low, depth = start, start, 0
    for found in _STOP.finditer(text, start, end):
        for mark in _BRACKETS.finditer(text, low, found.end()):
            depth = depth + 1 if mark[1] else max(0, depth - 1)
        low = found.end()
        if depth == 0 and not _goes_on(text, (done, found.end()), low):
            yield from _clauses(text, done, low)
            done = low
    yield from _clauses(text, done, end)


def _clauses(text: str, start: int, end: int) -> Iterator[Span]:
    """Divide a sentence in Thai or Lao at its spaces; others have none between such letters."""
    end = start + len(text[start:end].rstrip())
    for found in _CLAUSE.finditer(text, start, end):
        if found.start() - start >= _SHORT and end - found.end() >= _SHORT:
            yield start, found.start()
            start = found.end()
    yield start, end


def _without_shortened(text: str, spans: Sequence[Span]) -> Sequence[Span]:
    """Join sentences of which one ends with an abbreviation in Thai or Lao with the next."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and _is_shortened(text, joined[-1], start):
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def _is_shortened(text: str, before: Span, start: int) -> bool:
    """Tell whether a sentence ends with an abbreviation in the line in which the next starts."""
    end = before[1]
    if text[end - 1] != "." or text[start].isupper() or not {*text[end:start]}.isdisjoint("\r\n"):
        return False
    return _ENDS_SHORTENED.search(text, max(before[0], end - 5), end) is not None


def script_of(text: str) -> str | None:
    """Return the script of most letters of a text, as Unicode names it; `None` if it has no letter.

    Only the start of a long text is looked at. Chinese and Japanese text is "Han" or "Hiragana".
    """
    counts: dict[str, int] = {}
    for letter in _LETTER.findall(text[:_LOOKED_AT]):
        name = _script(letter)
        counts[name] = counts.get(name, 0) + 1
    return max(counts, key=lambda name: counts[name]) if counts else None


def _script(letter: str) -> str:
    found = _SCRIPT.match(letter)
    return (found.lastgroup if found else None) or "Common"
