"""Text in which every line says something by itself: fields, triplets, rows between separators."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from attribot_integrations.context.formats.values import literal
from attribot_integrations.context.retrieved import Span

__all__ = ["fields", "items", "line_spans", "may_tell", "paragraphs", "runs", "triplets"]

_BULLETS: Final = "\u2022\u2023\u25e6\u25aa\u25cf\u25cb\u00b7\u2013\u2014"
_DASHES: Final = "\u2013\u2014"
_SPACE_OR_NONE: Final = (" ", "\t", "\u00a0")

_FIELD = re.compile(
    r"(?:\*\*)?(?:[^\W\d_]|\d{1,4}(?=[ \t]?:))[\w.()/\-]*(?: [\w.()/\-]+){0,3}(?:\*\*)?"
    r"(?:[ \t]?:(?:\*\*)?(?=[ \t]|$)|(?<!\w{12})\uff1a)"
    r"|(?:export )?[A-Za-z_][\w.\-]*[ \t]*=(?!=)(?=[ \t]*\S)"
)
_TWO_SENTENCES = re.compile(r"[.!?]['\")\]]?\s+[^\W\d_]|[\u3002\uff01\uff1f]\s*[^\W\d_]")
_ARROW = re.compile(
    r"[^\n]{1,200}?(?:\s(?:->|=>|\u2192)\s|\s?-\[[^\n\]]{1,100}\]->\s?)[^\n]{1,200}"
)
_NESTED = re.compile(r"[^\n\[\]]{1,100} \[(?:(?:'[^'\n]*'|\"[^\"\n]*\")(?:, )?)+\]")
_TUPLE = re.compile(r"[ \t]*\(\s*[^\n,()]{1,100},\s*[^\n,()]{1,100},\s*[^\n,()]{1,100}\)[,;.]?\s*")

_LOOKS = re.compile(rf"[:\uff1a=|\t;{_BULLETS}\u2192]|,\S|->|\A\(|\[['\"]")
_OPENING: Final = ("{", "[", "(", "\u2013", "\u2014")
_MARKS: Final = (
    *":\uff1a=|\t;\u2192\u2022\u2023\u25e6\u25aa\u25cf\u25cb\u00b7",
    *("  ", "--", "->", "['", '["', "\n{", "\n[", "\n(", "\n\u2013", "\n\u2014"),
)  # looked for one by one, as that is far faster than a pattern
_CLOSE_COMMA = re.compile(r",(?:\S| -?\d)")
_FACTS: Final = (_ARROW, _TUPLE, _NESTED)


def may_tell(text: str, start: int, end: int) -> bool:
    """Tell whether a stretch holds any mark of data, records or rows, as most prose does not."""
    piece = text[start:end]
    return (
        any(mark in piece for mark in _MARKS)
        or piece.startswith(_OPENING)
        or _CLOSE_COMMA.search(piece) is not None
    )


def line_spans(text: str, start: int, end: int) -> list[Span]:
    """Return the lines of a stretch that are not blank, without the white space around them."""
    return [span for run in paragraphs(text, start, end) for span in run]


def paragraphs(text: str, start: int, end: int) -> Iterator[list[Span]]:
    """Yield the lines of each paragraph of a stretch, without the white space around them."""
    piece = text[start:end]
    if "\r" in piece:
        piece = piece.replace("\r\n", " \n").replace("\r", "\n")
    run: list[Span] = []
    place = start
    for line in piece.split("\n"):
        visible = line.strip()
        if visible:
            low = place + len(line) - len(line.lstrip())
            run.append((low, low + len(visible)))
        elif run:
            yield run
            run = []
        place += len(line) + 1
    if run:
        yield run


def fields(text: str, spans: Sequence[Span], *, sure: bool = False) -> list[Span]:
    """Return the lines of a record: names with values that are no more than a sentence.

    Args:
        text: The text that holds them.
        spans: The lines of a paragraph. Those that are indented further than the first go on with
            the value above them.
        sure: Whether it is known to be a record; then whatever is no name goes on with a value.

    Returns:
        The span of each name with its value, none if other text is among them.
    """
    found: list[Span] = []
    valued = 0
    first = _indent(text, spans[0][0]) if spans else 0
    for start, end in spans:
        name = _FIELD.match(text, start, end)
        if name is not None and not (found and _indent(text, start) > first):
            found.append((start, end))
            valued += name.end() < end
        elif found and (sure or _indent(text, start) > first):
            found[-1] = (found[-1][0], end)
        else:
            return []
    if valued < 2 or any(_TWO_SENTENCES.search(text, start, end) for start, end in found):
        return []
    return found


def _indent(text: str, place: int) -> int:
    before = text[:place] if place < 200 else text[place - 200 : place]
    return len(before) - len(before.rstrip(" \t"))


def triplets(text: str, spans: Sequence[Span]) -> bool:
    """Tell whether every line is a fact of a knowledge graph, such as `a -> owns -> b`."""
    if len(spans) < 2:
        return False
    pieces = [text[start:end] for start, end in spans]
    for form in _FACTS:
        if all(form.fullmatch(piece) for piece in pieces):
            return True
    return all(literal(piece.rstrip(",;."), 0, len(piece)) for piece in pieces)


def items(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return the items of a list whose bullets Markdown does not know; none if it is no list.

    Args:
        text: The text that holds them.
        spans: The lines of a paragraph, each of which starts an item or goes on with one.
    """
    bullet = text[spans[0][0]] if spans else ""
    if bullet not in _BULLETS or not bullet:
        return []
    found: list[Span] = []
    for start, end in spans:
        if text[start] == bullet and text[start + 1 : start + 2] in _SPACE_OR_NONE:
            found.append((start, end))
        elif found and (bullet not in _DASHES or _indent(text, start) > 0):
            found[-1] = (found[-1][0], end)
        else:
            return []
    return found if len(found) > 1 else []


def runs(text: str, spans: Sequence[Span]) -> Iterator[Sequence[Span]]:
    """Yield the runs of lines in a paragraph that look alike, and may be records or rows.

    Args:
        text: The text that holds them.
        spans: The lines of a paragraph.
    """
    for look, run in groupby(spans, lambda span: _look(text[slice(*span)])):
        alike = list(run)
        if look and len(alike) > (1 if look in "|>" else 2) and len(alike) < len(spans):
            yield alike


def _look(line: str) -> str:
    """Return what a line looks like, "" for prose."""
    if _LOOKS.search(line) is None:  # as most lines of prose, which need not wait for more
        return ""
    if line[0] == "|" and line[-1] == "|" and len(line) > 1:
        return "|"
    if any(form.fullmatch(line) for form in _FACTS):
        return ">"
    if line[0] in _BULLETS:
        return line[0]
    if _FIELD.match(line) and not _TWO_SENTENCES.search(line):
        return ":"
    for mark in "\t;,|":
        if cells := line.count(mark) - line.count(f"{mark} "):
            return f"{mark}{cells}"
    return ""
