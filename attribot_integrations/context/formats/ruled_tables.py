"""Tables that are drawn with bars and rules, as databases and Markdown write them, and their rows.

A splitter of documents cuts long tables, and what follows the cut are rows without a header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from attribot_integrations.context.pieces import Leaf, Node, Row
from attribot_integrations.context.retrieved import Span

__all__ = ["aligned_table", "bar_rows", "ruled_table"]

_RULE = re.compile(r"[ \t]*[|+]?[-=+|: ]*[-=]{2}[-=+|: ]*\s*")
_COLUMNS = re.compile(r"[-=]{2,}(?:[ \t]+[-=]{2,})+")
"""A rule that is broken between columns, and needs no bars."""
_COUNT = re.compile(r"\(\d+ rows?\)")
_BAR = re.compile(r"(?<!\\)\|")
_EMPTY = re.compile(r"[-=+|: ]*")
_GAP = re.compile(r"[ \t]{2,}")
_NAME = re.compile(r"[^\W\d]")
_NUMBER = re.compile(r"[-+]?\d[\d.,:%/-]*")
_LEAST_LINES: Final = 3
_MOST_HEADERS: Final = 3
"""Lines of the highest header between two rules."""


def ruled_table(text: str, spans: Sequence[Span]) -> Node | None:
    """Divide the first table that is drawn with rules, `None` if there is none.

    Args:
        text: The text that holds it.
        spans: The lines of a paragraph, which may hold other lines, too.
    """
    lines = [text[start:end] for start, end in spans]
    rules = [place for place, line in enumerate(lines) if _RULE.fullmatch(line)]
    for rule, following in pairwise([*rules, len(lines)]):
        found = _body(lines, rule, following)
        division = found and _division(lines, spans, *found)
        if division:
            return division
    return None


def bar_rows(text: str, spans: Sequence[Span]) -> Node | None:
    """Divide lines between bars that have no header; the first and the last may be cut.

    Args:
        text: The text that holds them.
        spans: The lines of a paragraph.

    Returns:
        One part for each line, `None` if they are no rows.
    """
    if len(spans) < 2:
        return None
    lines = [text[start:end] for start, end in spans]
    bars = [len(_BAR.findall(line)) for line in lines]
    whole = [
        count if line[0] == line[-1] == "|" and not _EMPTY.fullmatch(line) else 0
        for line, count in zip(lines, bars, strict=True)
    ]
    first_cut = not lines[0].startswith("|") or (len(lines) > 2 and bars[0] < bars[1])
    last_cut = len(lines) > 2 and (not lines[-1].endswith("|") or bars[-1] < bars[1])
    inner = whole[first_cut : len(whole) - last_cut]
    if len({*inner}) != 1 or inner[0] < (3 if len(inner) < 3 else 2):
        return None
    if not lines[0].endswith("|") or not lines[-1].startswith("|"):
        return None
    if _EMPTY.fullmatch(lines[0]) or _EMPTY.fullmatch(lines[-1]):
        return None
    return Row(tuple(Leaf(*span) for span in spans))


def aligned_table(text: str, spans: Sequence[Span]) -> Node | None:
    """Divide columns that spaces alone set apart, as pandas prints them; `None` if they are none.

    Args:
        text: The text that holds them.
        spans: The lines of a paragraph: names of columns, and rows with a number in one column.
    """
    lines = [_GAP.split(text[start:end]) for start, end in spans]
    if len(lines) < _LEAST_LINES:
        return None
    count = len(lines[1])
    if count < 2 or any(len(row) != count for row in lines[1:]):
        return None
    named = all(_NAME.match(name) for name in lines[0]) and len(lines[0]) in (count - 1, count)
    numbers = any(all(_NUMBER.fullmatch(row[place]) for row in lines[1:]) for place in range(count))
    if not (named and numbers):
        return None
    parts = Row(tuple(Leaf(*span) for span in spans[1:]))
    return Row((Leaf(spans[0][0], spans[1][0], "frame"), parts))


def _body(lines: Sequence[str], rule: int, following: int) -> tuple[int, int, bool] | None:
    """Return where a table starts that has a rule, where its rows do, and if they need bars."""
    columns = bool(_COLUMNS.fullmatch(lines[rule].strip()))
    if not columns and not any(mark in lines[rule] for mark in "+|"):
        return None
    if following < len(lines) and 1 < following - rule <= _MOST_HEADERS + 1:
        header = lines[rule + 1 : following]
        if columns or all("|" in line for line in header):
            return rule, following + 1, not columns
    if rule and (columns or "|" in lines[rule - 1]) and not _COUNT.fullmatch(lines[rule - 1]):
        return rule - 1, rule + 1, not columns
    return None if columns or "|" not in lines[rule] else (rule, rule + 1, True)


def _division(
    lines: Sequence[str], spans: Sequence[Span], start: int, body: int, barred: bool
) -> Node | None:
    runs = list(_runs(lines, body, barred))
    if "=" in lines[body - 1] and "+" in lines[body - 1]:  # a row may have several lines
        rows = [(spans[low][0], spans[high - 1][1]) for low, high in runs]
    else:
        rows = [spans[place] for low, high in runs for place in range(low, high)]
    if not rows:
        return None
    end = runs[-1][1]
    if end < len(lines) and (_RULE.fullmatch(lines[end]) or _COUNT.fullmatch(lines[end])):
        end += 1
    last = spans[end - 1][1]
    parts = Row(tuple(Leaf(*row) for row in rows))
    tail = (Leaf(rows[-1][1], last, "frame"),) if last > rows[-1][1] else ()
    return Row((Leaf(spans[start][0], rows[0][0], "frame"), parts, *tail))


def _runs(lines: Sequence[str], body: int, barred: bool) -> Iterator[tuple[int, int]]:
    """Yield the runs of rows between rules, up to a line that is neither."""
    low = body
    for place in range(body, len(lines) + 1):
        line = lines[place] if place < len(lines) else ""
        rule = bool(line) and _RULE.fullmatch(line) is not None
        if line and not rule and ("|" in line or not barred) and not _COUNT.fullmatch(line):
            continue
        if low == place:  # two rules, or the end
            return
        yield low, place
        if not rule:
            return
        low = place + 1
