"""The records of a file that a tracing tool has exported: JSON, JSON Lines or Parquet.

Nothing of a file is run: JSON is data, and so is Parquet. What cannot be read is said in the place
of its record, and the others go on.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attribot_integrations.batch import parquet
from attribot_integrations.errors import DataFileError

__all__ = ["Record", "read_records"]

_BOM = b"\xef\xbb\xbf"
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Record:
    """One object of a file."""

    number: int
    """Number of its line, row or item, from 1."""
    content: dict[str, Any] | DataFileError
    """The object, or what is wrong with it."""


def read_records(path: Path) -> Iterator[Record]:
    """Read the objects of a file one by one.

    Args:
        path: Parquet by its name's ending; otherwise JSON: an object on each line, a list of
            objects, one object, or an object with such a list under `data`, as interfaces on the
            web give it. Any of the latter may be compressed (`.gz`).

    Raises:
        MissingExtraError: If it is a Parquet file and pyarrow is not installed.
        DataFileError: If a Parquet file is damaged.
        OSError: If it cannot be read.
    """
    if path.suffix.lower() in _PARQUET:
        rows = parquet.open_file(path).records(without=("events",))
        yield from (Record(number, row) for number, row in enumerate(rows, 1))
        return
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as file:
        whole = file.read().removeprefix(_BOM)
    yield from _json_records(whole)


def _json_records(whole: bytes) -> Iterator[Record]:
    # Bytes, not text: a line that is no UTF-8 is that line's problem alone.
    lines = [(number, line) for number, line in enumerate(whole.split(b"\n"), 1) if line.strip()]
    if len(lines) > 1 and isinstance(_loaded(lines[0][1]), DataFileError):
        found = _loaded(whole)
        if not isinstance(found, DataFileError):
            lines = [(1, whole)]
    if len(lines) == 1:
        for number, item in enumerate(_items(_loaded(lines[0][1])), 1):
            yield _record(number, item)
        return
    for number, line in lines:
        for item in _items(_loaded(line)):
            yield _record(number, item)


def _loaded(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=lambda name: None)
    except UnicodeDecodeError as error:
        return DataFileError(f"this is no UTF-8: at byte {error.start + 1}")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        return DataFileError(f"this is no JSON: {error.msg}, {place}")
    except RecursionError:
        return DataFileError("this JSON is nested too deep")
    except ValueError as error:
        return DataFileError(f"this JSON cannot be read: {error}")


def _items(value: Any) -> list[Any]:
    """Return the objects in what a line or a file holds."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        return list(value["data"])
    return value if isinstance(value, list) else [value]


def _record(number: int, item: Any) -> Record:
    if not isinstance(item, dict | DataFileError):
        item = DataFileError(f"this is no object: it is {type(item).__name__}")
    return Record(number, item)
