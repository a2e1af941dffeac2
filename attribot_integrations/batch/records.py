"""The records of a file of text: JSON Lines, a list of JSON objects, or CSV."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NoReturn

from attribot_integrations.batch.fieldnames import FieldNames
from attribot_integrations.batch.tablerows import is_table, table_rows
from attribot_integrations.batch.textfiles import plain_name, text_lines
from attribot_integrations.errors import DataFileError

__all__ = ["records"]

_BOM: Final = b"\xef\xbb\xbf"
_TABLES: Final = (".csv", ".tsv")
_LOOKED_AT: Final = 20
"""Lines in which a file of JSON Lines must have an object, if its first line is none."""

_Numbered = Iterator[tuple[int, bytes]]


def records(
    path: str | Path, fields: FieldNames | None = None
) -> Iterator[tuple[int, bytes | Mapping[str, Any]]]:
    """Yield the records of a file one by one, each with its number, from 1.

    JSON Lines are yielded as bytes, with the number of the line, so that one that cannot be read is
    no problem of the others. Members of a JSON list, and rows of a table, are yielded as objects;
    tables are told by their ending or by their head. Whole lists are held in memory, the rest is
    not.

    Args:
        path: A file, or "-" for standard input; see `textfiles.text_lines`.
        fields: What a table calls its columns.

    Raises:
        DataFileError: If it is no file of records.
        OSError: If it cannot be read.
    """
    names = fields or FieldNames()
    with text_lines(path) as lines:
        numbered = _not_blank(lines)
        first = next(numbered, None)
        if first is None:
            return
        start = first[1].lstrip()
        if plain_name(path).suffix.lower() in _TABLES or is_table(start, names):
            yield from _table(chain([start], lines), names, path)
            return
        several, numbered = _on_several_lines(start, numbered)
        if several:
            yield from _values(chain([start], (line for _, line in numbered)), path)
        else:
            yield from _json_lines(chain([first], numbered), path)


def _on_several_lines(start: bytes, rest: _Numbered) -> tuple[bool, _Numbered]:
    """Return whether JSON begins that goes on in the next lines, and these lines as they were."""
    if start.startswith(b"["):
        return True, rest
    if not (start.startswith(b"{") and start.rstrip().endswith((b"{", b"[", b",", b":"))):
        return False, rest
    following = list(islice(rest, 1))
    begun = any(not line.lstrip().startswith(b"{") for _, line in following)
    return begun, chain(following, rest)


def _not_blank(lines: Iterable[bytes]) -> _Numbered:
    # Bytes, not text: a line that is no UTF-8 is then that line's problem alone, and characters
    # such as U+2028 inside a JSON string do not end the line.
    for number, raw in enumerate(lines, start=1):
        content = raw.removeprefix(_BOM) if number == 1 else raw
        if content.strip():
            yield number, content


def _json_lines(numbered: _Numbered, path: str | Path) -> _Numbered:
    first = next(numbered)
    if first[1].lstrip().startswith(b"{"):
        yield from chain([first], numbered)
        return
    looked_at = [first, *islice(numbered, _LOOKED_AT)]
    if not any(line.lstrip().startswith(b"{") for _, line in looked_at):
        begin = first[1].decode("utf-8", "backslashreplace").strip()
        raise DataFileError(
            f"{path} begins with {begin!r:.60}: it is neither JSON Lines, nor a list of JSON "
            "objects, nor CSV with the columns question and answer"
        )
    yield from chain(looked_at, numbered)


def _table(
    lines: Iterable[bytes], fields: FieldNames, path: str | Path
) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        yield from table_rows(lines, fields)
    except DataFileError as error:
        raise DataFileError(f"{path}: {error}") from error


def _values(lines: Iterable[bytes], path: str | Path) -> Iterator[tuple[int, Any]]:
    """Yield the values of JSON one after the other, and of lists the members."""
    try:
        text = b"".join(lines).decode("utf-8").strip()
        decoder = json.JSONDecoder(parse_constant=_reject_constant)
        place = number = 0
        while place < len(text):
            value, end = decoder.raw_decode(text, place)
            for each in value if isinstance(value, list) else [value]:
                number += 1
                yield number, each
            place = end + len(text[end:]) - len(text[end:].lstrip())
    except (RecursionError, ValueError) as error:  # which bad UTF-8 and bad JSON are, too
        raise DataFileError(f"{path} is no JSON: {error}") from error


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
