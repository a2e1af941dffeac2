"""Tables and lists in HTML: one part for each row and item, found by the standard library."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from attribot_integrations.context.pieces import Leaf, Node, Row
from attribot_integrations.context.retrieved import Span

__all__ = ["HTML_STARTS", "html_blocks"]

HTML_STARTS = re.compile(r"<(?:table|ul|ol|dl)\b", re.IGNORECASE)
"""Where a table or a list may start."""

_ROWS = {"table": ("tr",), "ul": ("li",), "ol": ("li",), "dl": ("dt",)}
_NEWLINE = re.compile("\n")
_DIGITS = re.compile(r"\s*([0-9]{1,5})\s*")
_MOST_ROWS: Final = 65_534
"""Rows that a cell may go over, by HTML's standard."""


@dataclass
class _Block:
    tag: str
    start: int
    rows: list[list[int]] = field(default_factory=list)
    """Start and end of each row; the end is 0 until it is known."""
    headers: int = 0
    """How many rows at the top have header cells alone."""
    held: dict[int, int] = field(default_factory=dict)
    """The last row that a cell of a row reaches into, by the row's place."""
    end: int = 0


class _Reader(HTMLParser):
    """Finds the outer tables and lists of a text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self._text = text
        self._lines = [0, *(found.end() for found in _NEWLINE.finditer(text))]
        self._open: list[_Block] = []
        self._plain_cell = False
        self.found: list[_Block] = []
        self.feed(text)
        self.close()

    @property
    def _place(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _ROWS:
            self._open.append(_Block(tag, self._place))
        elif len(self._open) == 1 and tag in _ROWS[self._open[0].tag]:
            self._end_row(self._place)
            self._open[0].rows.append([self._place, 0])
            self._plain_cell = False
        elif len(self._open) == 1 and tag in ("th", "td") and self._open[0].rows:
            self._plain_cell = self._plain_cell or tag == "td"
            block, row = self._open[0], len(self._open[0].rows) - 1
            reaches = row + _rowspan(dict(attrs).get("rowspan")) - 1
            block.held[row] = max(block.held.get(row, row), reaches)

    def handle_endtag(self, tag: str) -> None:
        if not self._open:
            return
        end = self._text.find(">", self._place) + 1
        if not end:
            return
        block = self._open[0]
        if tag == self._open[-1].tag:
            self._open.pop()
            if not self._open:
                self._end_row(self._place, block)
                block.end = end
                self.found.append(block)
        elif len(self._open) == 1 and tag in _ROWS[block.tag] and tag != "dt":
            self._end_row(end)
        elif len(self._open) == 1 and tag == "thead":
            self._end_row(self._place)
            block.headers = len(block.rows)

    def _end_row(self, end: int, block: _Block | None = None) -> None:
        block = block or self._open[0]
        if not block.rows or block.rows[-1][1]:
            return
        block.rows[-1][1] = end
        whole_header = block.tag == "table" and not self._plain_cell
        row = self._text[block.rows[-1][0] : end].lower()
        if whole_header and "<th" in row and block.headers == len(block.rows) - 1:
            block.headers += 1


def html_blocks(text: str) -> list[tuple[Span, Node]]:
    """Find the tables and lists of a text that stand in no other one.

    Returns:
        Where each one stands and how it divides: headers stay, rows and items are parts. One that
        is not closed, or has no rows, is left out.
    """
    try:
        blocks = _Reader(text).found
    except (AssertionError, ValueError, IndexError):  # how it meets broken declarations
        return []
    made = ((block, _division(text, block)) for block in blocks)
    return [((block.start, block.end), node) for block, node in made if node is not None]


def _rowspan(value: str | None) -> int:
    """Return over how many rows a cell goes; "0" is all that follow."""
    found = _DIGITS.fullmatch(value or "1")
    return (int(found[1]) or _MOST_ROWS) if found else 1


def _held_together(block: _Block, rows: list[Span]) -> list[Span]:
    """Join rows that share a cell: without the first of them, the others would lose it."""
    joined: list[Span] = []
    last = -1
    for place, (start, end) in enumerate(rows):
        if block.headers < place <= last:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
        last = max(last, block.held.get(place, place))
    return joined


def _division(text: str, block: _Block) -> Node | None:
    rows = [(start, start + len(text[start:end].rstrip())) for start, end in block.rows]
    body = _held_together(block, rows)[block.headers :]
    if not body or any(start >= end for start, end in rows):
        return None
    members: list[Node] = [Leaf(block.start, body[0][0], "frame")]
    run: list[Leaf] = []
    for start, end in body:
        between = text[run[-1].end : start] if run else ""
        if between.strip():  # tags that hold rows together, which must stay
            members += [Row(tuple(run)), Leaf(run[-1].end, start, "frame")]
            run = []
        run.append(Leaf(start, end))
    return Row((*members, Row(tuple(run)), Leaf(body[-1][1], block.end, "frame")))
