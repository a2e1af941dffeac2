"""Markdown: tables by row, lists by item, headings with what follows, found by markdown-it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from attribot_integrations.context.pieces import Leaf, Node, Row
from attribot_integrations.context.retrieved import Span
from attribot_integrations.context.segmentation import line_starts

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Heading", "fences", "has_marks", "markdown_blocks", "underlined"]

_MARK = r"[ ]{0,3}(?:#{1,6}[ \t]|[-*+][ \t]|\d{1,9}[.)][ \t]|\|?[ \t]*:?-+:?[ \t]*\|)"
_AT_START, _BELOW = re.compile(_MARK), re.compile(rf"\n{_MARK}")

# Indented text, HTML and link definitions are rarely meant as such; a line of "---" makes the line
# above it a heading only in texts that were written as Markdown.
_IGNORED_RULES = ("code", "html_block", "reference", "lheading")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n`]*)\n", re.MULTILINE)
_UNDERLINED = re.compile(
    r"(?:\A|(?<=\n\n)|(?<=\n\r\n))([^\s|*>#+-][^\n|]{0,118})\n(={3,}|-{3,})[ \t]*\r?$", re.MULTILINE
)
_NEAR = 3
_LAZY = re.compile(r"[^ \t\r\n>]")


@dataclass(frozen=True)
class Heading:
    """The level of a heading, from 1."""

    level: int


def fences(text: str) -> Iterator[tuple[Span, Span, str]]:
    """Yield each block of fenced code: its span, that of its inside, and its language."""
    place = 0
    while found := _FENCE.search(text, place):
        mark = found[1]
        closing = re.compile(rf"^ {{0,3}}{mark[0]}{{{len(mark)},}}[ \t\r]*$", re.MULTILINE)
        close = closing.search(text, found.end())
        if close is None:
            return
        words = found[2].split()
        language = words[0].strip("{}.").lower() if words else ""
        yield (found.start(), close.end()), (found.end(), close.start()), language
        place = close.end()


def has_marks(text: str) -> bool:
    """Tell whether a line begins as a heading, a list item or the rule of a table does."""
    return _AT_START.match(text) is not None or _BELOW.search(text) is not None


def markdown_blocks(text: str) -> list[tuple[Span, Node | Heading]]:
    """Find the headings, tables and lists of a text, in order.

    A list of one item, and lines that follow an item without being indented, are left as text.
    """
    edges = line_starts(text)
    tokens = _parser().parse(text)
    found: list[tuple[Span, Node | Heading]] = []
    for place, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        span = _lines(text, edges, token.map)
        if token.type == "heading_open":
            found.append((span, Heading(int(token.tag[1:]))))
        elif token.type == "table_open":
            table = _table(text, edges, tokens[place:], span)
            found += [(span, table)] if table else []
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            found += _lists(text, edges, tokens[place:])
    return found


def underlined(text: str) -> list[tuple[Span, Heading]]:
    """Find the headings that are underlined: by "=", or by as many "-" as they have characters."""
    return [
        ((found.start(1), found.end(2)), Heading(1 if found[2][0] == "=" else 2))
        for found in _UNDERLINED.finditer(text)
        if found[2][0] == "=" or abs(len(found[2]) - len(found[1].rstrip())) < _NEAR
    ]


def _lines(text: str, edges: Sequence[int], lines: Sequence[int]) -> Span:
    """Return the span of lines, from the first visible character to the last one."""
    start, end = edges[lines[0]], edges[min(lines[1], len(edges) - 1)]
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _table(text: str, edges: Sequence[int], tokens: Sequence[Token], span: Span) -> Node | None:
    rows: list[Span] = []
    body = False
    for token in tokens:
        if token.type == "table_close":
            break
        body = body or token.type == "tbody_open"
        if body and token.type == "tr_open" and token.map is not None:
            rows.append(_lines(text, edges, token.map))
    if not rows:
        return None
    parts = Row(tuple(Leaf(*row) for row in rows))
    return Row((Leaf(span[0], rows[0][0], "frame"), parts))


def _lists(text: str, edges: Sequence[int], tokens: Sequence[Token]) -> Iterator[tuple[Span, Node]]:
    """Yield the runs of items of one list between which no other text stands."""
    run: list[Span] = []
    for token in tokens:
        if token.type == "list_item_open" and token.level == 1 and token.map is not None:
            start, end = token.map
            stop = next(
                (line for line in range(start + 1, end) if _is_lazy(text, edges, line)), end
            )
            run.append(_lines(text, edges, (start, stop)))
            if stop < end:
                yield from _list(run)
                run = []
        if token.level == 0 and token.nesting == -1:
            break
    yield from _list(run)


def _is_lazy(text: str, edges: Sequence[int], line: int) -> bool:
    return bool(_LAZY.match(text, edges[line], edges[line + 1]))


def _list(items: Sequence[Span]) -> Iterator[tuple[Span, Node]]:
    if len(items) > 1:
        yield (items[0][0], items[-1][1]), Row(tuple(Leaf(*item) for item in items))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").disable([*_IGNORED_RULES, "inline"])
