"""Rows of CSV files, with commas, semicolons or tabs between the cells.

`chunks` is one text, or a list as JSON; or each chunk has a column of its own: `chunk_1`, `chunk_2`
and so on. `prompt`, and what audits read, may be JSON as well. Empty cells are fields that are not
there.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from attribot_integrations.batch.fieldnames import FieldNames
from attribot_integrations.errors import DataFileError

__all__ = ["is_table", "table_rows"]

_DELIMITERS: Final = (",", ";", "\t")
_JSON_CELLS: Final = ("chunks", "prompt", "numbers", "citations", "message")
_JSON_LIST: Final = re.compile(r"\s*(?:\[\s*[\[{\"']|\[\s*\]|\{\s*[\"'])")
"""What begins like JSON; "[Abstract] …" is a text."""
_CHUNK_COLUMN: Final = re.compile(r"chunk[ _.]?(\d+)", re.IGNORECASE)


def is_table(head: bytes, fields: FieldNames) -> bool:
    """Return whether a line can be the head of a table with questions and answers."""
    with suppress(UnicodeDecodeError, csv.Error):
        columns = set(_split(head.decode("utf-8-sig")))
        return {fields.places.get(name, name) for name in ("question", "answer")} <= columns
    return False


def table_rows(lines: Iterable[bytes], fields: FieldNames) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield rows with the number of the line that each begins on.

    Args:
        lines: The lines of the table, in UTF-8; the first is its head.
        fields: What it calls its columns.

    Raises:
        DataFileError: If the table cannot be read.
    """
    texts = _decoded(lines)
    head = next(texts, None)
    if head is None:
        return
    rows = csv.reader([head], delimiter=_delimiter(head), strict=True)
    names = [name.strip() for name in _next(rows, 1) or ()]
    rows = csv.reader(texts, delimiter=_delimiter(head), strict=True)
    number = 2
    while (cells := _next(rows, number)) is not None:
        if any(cell.strip() for cell in cells):
            yield number, _row(names, cells, number, fields)
        number = rows.line_num + 2


def _row(
    names: Sequence[str], cells: Sequence[str], number: int, fields: FieldNames
) -> dict[str, Any]:
    if len(cells) > len(names):
        raise DataFileError(
            f"line {number} has {len(cells)} cells, and the table {len(names)} columns"
        )
    row: dict[str, Any] = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
    for ours in _JSON_CELLS:
        name = fields.places.get(ours, ours)
        if name in row:
            row[name] = _value(row[name], is_list=ours == "chunks")
    chunks = fields.places.get("chunks", "chunks")
    if chunks not in row:
        numbered = ((_CHUNK_COLUMN.fullmatch(name), cell) for name, cell in row.items())
        found = sorted((int(match[1]), cell) for match, cell in numbered if match)
        if found:
            row[chunks] = [cell for _, cell in found]
    return row


def _value(cell: str, *, is_list: bool) -> Any:
    if _JSON_LIST.match(cell):
        # What cannot be read stays a text, which is then refused for what it is.
        with suppress(ValueError, RecursionError):
            return json.loads(cell)
        return cell
    return [cell] if is_list else cell


def _split(head: str) -> list[str]:
    return [name.strip() for row in csv.reader([head], delimiter=_delimiter(head)) for name in row]


def _delimiter(head: str) -> str:
    return max(_DELIMITERS, key=head.count)


def _next(rows: Iterator[list[str]], number: int) -> list[str] | None:
    """Return the next row: contexts are longer than what the csv module takes by itself."""
    usual = csv.field_size_limit(sys.maxsize)
    try:
        return next(rows, None)
    except csv.Error as error:
        raise DataFileError(f"the table cannot be read at line {number}: {error}") from error
    finally:
        csv.field_size_limit(usual)


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataFileError(
                f"the table is no UTF-8 at line {number}: save it in UTF-8"
            ) from error
