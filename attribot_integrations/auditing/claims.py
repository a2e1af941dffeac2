"""What a mark in an answer is for: the clause before it, up to the mark before."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

import regex

from attribot_integrations.context.segmentation import split_answer
from attribot_integrations.context.sources import Span, split_sentences
from attribot_integrations.results.citation_marks import joins_marks
from attribot_integrations.results.wording import wording_of

__all__ = ["answer_statements", "claims_of", "statement_at", "states_nothing"]

_LEAST_WORDS: Final = 3
_JOINS: Final = ",;.:!?)]"
_WORD: Final = regex.compile(r"[\p{L}\d]+")
_OPENING: Final = regex.compile(
    r"\s*(?:according to|as (?:reported|shown|stated|noted) (?:by|in))\b", regex.I
)


def answer_statements(answer: str) -> list[Span]:
    """Return the sentences, list items and rows of an answer as an attribution divides it."""
    wording = wording_of(answer)
    return list(wording.fields or split_answer(wording.bare, split_sentences))


def statement_at(statements: Sequence[Span], place: int) -> int | None:
    """Return the index of the statement that a place is in or behind; else of the first one."""
    if not statements:
        return None
    return max(0, bisect_right([start for start, _ in statements], place) - 1)


def states_nothing(answer: str, statement: Span) -> bool:
    """Tell whether a statement needs no citation: headings, what leads to a list, questions, code.

    Args:
        answer: The answer's text.
        statement: Where the statement stands in it.
    """
    start, end = statement
    text = answer[start:end].rstrip(" \t*_")
    before = answer[:start].rpartition("\n")[2]
    return (
        text.endswith((":", "：", "?", "？"))
        or text.startswith(("```", "~~~"))
        or before.lstrip().startswith("#")
    )


def claims_of(answer: str, markers: Sequence[Span], statements: Sequence[Span]) -> list[Span]:
    """Return what each mark is for.

    A mark at the end of a sentence, before its full stop or behind, is for the sentence. One inside
    is for what stands between the mark before and itself; where that says next to nothing
    ("According to [1], …"), for what follows, up to the next mark. Marks side by side are for the
    same. In an answer that begins with a mark and does not end with one, marks are for the
    statement behind them.

    Args:
        answer: The answer's text.
        markers: Spans of the marks, in order.
        statements: Spans of the statements, in order.
    """
    leading = _leads(answer, markers, statements)
    groups = _groups(answer, markers)
    found: list[Span] = []
    for position, group in enumerate(groups):
        start, end = markers[group[0]][0], markers[group[-1]][1]
        owner = _owner(answer, statements, (start, end), leading=leading)
        if owner is None:
            claim = (start, start)
        else:
            before = markers[groups[position - 1][-1]][1] if position else 0
            after = markers[groups[position + 1][0]][0] if position + 1 < len(groups) else None
            claim = _clause(answer, statements[owner], (start, end), before, after)
        found += [claim] * len(group)
    return found


def _groups(answer: str, markers: Sequence[Span]) -> list[list[int]]:
    """Put marks together that stand side by side."""
    groups: list[list[int]] = []
    for index, (start, _) in enumerate(markers):
        if groups and joins_marks(answer[markers[groups[-1][-1]][1] : start]):
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def _leads(answer: str, markers: Sequence[Span], statements: Sequence[Span]) -> bool:
    if not markers or not statements:
        return False
    words_before = _WORD.search(answer[: markers[0][0]])
    return words_before is None and _WORD.search(answer[markers[-1][1] :]) is not None


def _owner(answer: str, statements: Sequence[Span], mark: Span, *, leading: bool) -> int | None:
    """Return which statement a mark belongs to."""
    start, end = mark
    owner = statement_at(statements, start)
    if owner is None:
        return None
    low, high = statements[owner]
    inside = low <= start and end <= high and _WORD.search(answer[end:high]) is not None
    opens_line = not answer[:start].rpartition("\n")[2].strip(" \t-*+•>#|")
    at_line_with_words = _WORD.search(answer[end:].partition("\n")[0]) is not None
    follows = owner + 1 < len(statements) and start >= high
    if not inside and follows and (leading or (opens_line and at_line_with_words)):
        return owner + 1
    return owner


def _clause(answer: str, statement: Span, mark: Span, before: int, after: int | None) -> Span:
    low, high = statement
    start, end = mark
    if not low < start < high:  # in front of it, or behind
        begin = before if start >= high and low < before < high else low
        return _trimmed(answer, begin, high)
    if not _WORD.search(answer[end:high]):  # only a full stop follows
        high = start
    begin = max(low, before)
    words = _WORD.findall(answer[begin:start])
    if high > start and (len(words) < _LEAST_WORDS or _OPENING.match(answer[begin:start])):
        return _trimmed(answer, begin, min(high, after) if after is not None else high)
    return _trimmed(answer, begin, start)


def _trimmed(answer: str, start: int, end: int) -> Span:
    """Leave white space and punctuation that joins clauses out of a claim's ends."""
    while start < end and (answer[start].isspace() or answer[start] in _JOINS):
        start += 1
    while end > start and answer[end - 1].isspace():
        end -= 1
    return start, end
