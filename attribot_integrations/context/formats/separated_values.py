"""Rows of separated values: by tab, semicolon, comma or bar."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Final

from attribot_integrations.context.pieces import Leaf, Node, Row
from attribot_integrations.context.retrieved import Span

__all__ = ["separated"]

_LINE_END = re.compile(r"\r\n|\r|\n")
_SEPARATORS: Final = "\t;,|"
_LONG_CELL: Final = 80
_CELLS: Final = {"\t": 2, ";": 2, ",": 3, "|": 3}
"""Cells of a row from which lines are taken for rows, by what separates them; two, if one of them
is a number in every row."""
_LEAST_ROWS: Final = 3
_NUMBER = re.compile(r"\s*[-+]?[$\u00a3\u20ac]?\d[\d.,:/\u00a0 -]*%?\s*")


def separated(
    text: str,
    start: int,
    end: int,
    separator: str | None = None,
    *,
    sure: bool = False,
    header: bool = True,
) -> Node | None:
    """Divide rows of separated values; the first one stays if it seems to be a header.

    Args:
        text: The text that holds them.
        start: Where they start.
        end: Where they end.
        separator: What separates the cells; by default the first that fits of tab, ";", "," and
            "|".
        sure: Whether it is known that the text is such rows; else they must look like nothing else.
        header: Whether the first row may be a header.

    Returns:
        The division, `None` if it is no table.
    """
    piece = text[start:end]
    edge = _LINE_END.search(piece)
    first = piece[: edge.start()] if edge else piece
    for each in separator or _SEPARATORS:
        if each not in first or not (sure or _may_be_table(piece, each)):
            continue
        rows = _records(piece, each)
        cells = [found for _, found in rows]
        if len(rows) < 2 or not (sure or _is_table(cells, each)):
            continue
        spans = [(start + low, start + high) for (low, high), _ in rows]
        if not header or not _has_header(cells, sure):
            return Row(tuple(Leaf(*span) for span in spans))
        body = Row(tuple(Leaf(*span) for span in spans[1:]))
        return Row((Leaf(spans[0][0], spans[1][0], "frame"), body))
    return None


def _may_be_table(piece: str, separator: str) -> bool:
    """Tell whether lines have as many separators, as far as none of them is quoted."""
    if '"' in piece:
        return True
    lines = iter(piece.splitlines())
    count = next(lines).count(separator)
    return all(line.count(separator) == count for line in lines if line)


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
    """Tell whether rows are sure to be a table: cells as many and as short, and what tells it.

    Tabs do, and a column of numbers; else a header, and cells that no space follows.
    """
    count = len(rows[0])
    if any(len(cells) != count or max(map(len, cells)) > _LONG_CELL for cells in rows):
        return False
    if separator == "\t":
        return count >= _CELLS[separator]
    if len(rows) < _LEAST_ROWS or count < 2:
        return False
    if any(all(_NUMBER.fullmatch(cells[place]) for cells in rows[1:]) for place in range(count)):
        return True
    spaced = any(cell[:1] == " " for cells in rows for cell in cells)
    return count >= _CELLS[separator] and not spaced and _is_header(rows[0])


def _has_header(rows: Sequence[Sequence[str]], sure: bool) -> bool:
    """Tell whether the first row names the columns: no column holds its own name."""
    if not _is_header(rows[0]) or not (sure or len(rows) >= _LEAST_ROWS):
        return False
    return not any(
        name and name == cell
        for cells in rows[1:]
        for name, cell in zip(rows[0], cells, strict=False)
    )


def _is_header(cells: Sequence[str]) -> bool:
    """Tell whether cells are names: each its own, none a number, and one of them may be missing."""
    names = [cell.strip() for cell in cells]
    named = [name for name in names if name]
    return (
        len({*names}) == len(names) > 1
        and len(named) >= len(names) - 1
        and all(re.match(r"[^\W\d]", name) for name in named)
    )
