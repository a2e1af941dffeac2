"""Text in which every line says something by itself: fields, triplets, rows between separators."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Final

from attribot_integrations.context.formats.values import literal
from attribot_integrations.context.pieces import Leaf, Node, Row
from attribot_integrations.context.retrieved import Span

__all__ = ["fields", "line_spans", "paragraphs", "ruled_table", "separated", "triplets"]

_FIELD = re.compile(
    r"[ \t]*(?:\*\*)?[^\W\d_][\w.()/\-]*(?: [\w.()/\-]+){0,3}(?:\*\*)?[ \t]?:(?:\*\*)?[ \t]+\S"
)
_TWO_SENTENCES = re.compile(r"[.!?]['\")\]]?\s+[^\W\d_]")
_LINE_END = re.compile(r"\r\n|\r|\n")
_ARROW = re.compile(r"[^\n]{1,200}?\s(?:->|=>|\u2192|-\[[^\n\]]{1,100}\]->)\s[^\n]{1,200}")
_TUPLE = re.compile(r"[ \t]*\(\s*[^\n,()]{1,100},\s*[^\n,()]{1,100},\s*[^\n,()]{1,100}\)[,;.]?\s*")
_RULE = re.compile(r"[ \t]*[|+]?[-=+| ]*[-=]{2}[-=+| ]*\s*")
_SEPARATORS: Final = "\t;,"
_LONG_CELL: Final = 80
_CELLS = {"\t": 2, ";": 2, ",": 3}
"""Cells of a row from which lines are taken for rows, by what separates them."""
_LEAST_ROWS: Final = 3


def line_spans(text: str, start: int, end: int) -> list[Span]:
    """Return the lines of a stretch that are not blank, without the white space around them."""
    return [span for run in paragraphs(text, start, end) for span in run]


def paragraphs(text: str, start: int, end: int) -> Iterator[list[Span]]:
    """Yield the lines of each paragraph of a stretch, without the white space around them."""
    run: list[Span] = []
    place = start
    while place < end:
        found = _LINE_END.search(text, place, end)
        stop, following = found.span() if found else (end, end)
        line = text[place:stop]
        if line.strip():
            run.append((place + len(line) - len(line.lstrip()), place + len(line.rstrip())))
        elif run:
            yield run
            run = []
        place = following
    if run:
        yield run


def fields(text: str, spans: Sequence[Span]) -> bool:
    """Tell whether every line is a name, a colon and a value that is no more than a sentence."""
    return len(spans) > 1 and all(
        _FIELD.match(text, start, end) and not _TWO_SENTENCES.search(text, start, end)
        for start, end in spans
    )


def triplets(text: str, spans: Sequence[Span]) -> bool:
    """Tell whether every line is a fact of a knowledge graph, such as `a -> owns -> b`."""
    if len(spans) < 2:
        return False
    pieces = [text[start:end] for start, end in spans]
    return (
        all(_ARROW.fullmatch(piece) for piece in pieces)
        or all(_TUPLE.fullmatch(piece) for piece in pieces)
        or all(literal(piece.rstrip(",;."), 0, len(piece)) for piece in pieces)
    )


def ruled_table(text: str, spans: Sequence[Span]) -> Node | None:
    """Divide a table that is drawn with rules, as databases print it; `None` if it is none."""
    lines = [text[start:end] for start, end in spans]
    rules = [place for place, line in enumerate(lines[:4]) if _RULE.fullmatch(line)]
    if not rules or len(lines) < 3:
        return None
    head = rules[1] if rules[0] == 0 and len(rules) > 1 else rules[0]
    if not any(mark in lines[head] for mark in "+|") or head == 0:
        return None
    rows: list[Span] = []
    for line, span in zip(lines[head + 1 :], spans[head + 1 :], strict=True):
        if _RULE.fullmatch(line) or "|" not in line:
            break
        rows.append(span)
    if not rows:
        return None
    end = spans[len(rows) + head + 1][1] if len(spans) > len(rows) + head + 1 else rows[-1][1]
    found: list[Node] = [
        Leaf(spans[0][0], rows[0][0], "frame"),
        Row(tuple(Leaf(*row) for row in rows)),
    ]
    return Row((*found, Leaf(rows[-1][1], end, "frame"))) if end > rows[-1][1] else Row((*found,))


def separated(
    text: str, start: int, end: int, separator: str | None = None, *, sure: bool = False
) -> Node | None:
    """Divide rows of separated values; the first one stays if it seems to be a header.

    Args:
        text: The text that holds them.
        start: Where they start.
        end: Where they end.
        separator: What separates the cells; by default the first that fits of tab, ";" and ",".
        sure: Whether it is known that the text is such rows; else they must look like nothing else.

    Returns:
        The division, `None` if it is no table.
    """
    piece = text[start:end]
    edge = _LINE_END.search(piece)
    header = piece[: edge.start()] if edge else piece
    for each in separator or _SEPARATORS:
        if header.count(each) >= (1 if sure else _CELLS[each] - 1):
            rows = _records(piece, each)
            if rows and (sure or _is_table([cells for _, cells in rows], each)):
                spans = [(start + low, start + high) for (low, high), _ in rows]
                return _with_header(spans, [cells for _, cells in rows])
    return None


def _with_header(spans: Sequence[Span], rows: Sequence[Sequence[str]]) -> Node | None:
    if len(spans) < 2:
        return None
    if not _is_header(rows[0]):
        return Row(tuple(Leaf(*span) for span in spans))
    body = Row(tuple(Leaf(*span) for span in spans[1:]))
    return Row((Leaf(spans[0][0], spans[1][0], "frame"), body))


def _records(piece: str, separator: str) -> list[tuple[Span, list[str]]]:
    """Return the span and the cells of every row that is not blank; none if one is broken."""
    lines = list(_lines(piece))
    reader = csv.reader((piece[low:high] for low, high in lines), delimiter=separator, strict=True)
    found: list[tuple[Span, list[str]]] = []
    done = 0
    try:
        for cells in reader:
            low, high = lines[done][0], lines[reader.line_num - 1][1]
            done = reader.line_num
            row = piece[low:high]
            if row.strip():
                visible = row.rstrip("\r\n")
                found.append(((low, low + len(visible)), cells))
    except csv.Error:
        return []
    return found


def _lines(piece: str) -> Iterator[Span]:
    start = 0
    for found in _LINE_END.finditer(piece):
        yield start, found.end()
        start = found.end()
    if start < len(piece):
        yield start, len(piece)


def _is_table(rows: Sequence[Sequence[str]], separator: str) -> bool:
    """Tell whether rows are sure to be a table: a header, and cells as many and as short."""
    if len(rows) < _LEAST_ROWS or len(rows[0]) < _CELLS[separator] or not _is_header(rows[0]):
        return False
    return all(
        len(cells) == len(rows[0])
        and all(len(cell) <= _LONG_CELL for cell in cells)
        and (separator != "," or not any(cell.startswith(" ") for cell in cells))
        for cells in rows
    )


def _is_header(cells: Sequence[str]) -> bool:
    """Tell whether cells are names: each its own, and none a number."""
    names = [cell.strip() for cell in cells]
    return len({*names}) == len(names) and all(re.match(r"[^\W\d]", name) for name in names)
