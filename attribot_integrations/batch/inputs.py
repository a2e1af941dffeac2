"""Rows of large files, read one after the other: Parquet, or what `records` reads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from attribot_integrations.batch import parquet
from attribot_integrations.batch.datafiles import RequestLine, count_requests, parse_line
from attribot_integrations.batch.fieldnames import FieldNames
from attribot_integrations.batch.records import records

__all__ = ["RowFile", "file_identity", "is_parquet", "open_rows"]

_ENDS = 1 << 20


class RowFile(Protocol):
    """A file of attribution requests."""

    def count(self) -> int | None:
        """Return how many rows there are; `None` for what can be read only once."""

    def rows(
        self, wanted: Callable[[int], bool], stop: int | None = None
    ) -> Iterator[tuple[int, RequestLine]]:
        """Yield some rows with their places, from 0.

        Args:
            wanted: Whether to read a row, by its place; the others are not parsed.
            stop: Place to stop before.
        """


def open_rows(path: Path, fields: FieldNames | None = None) -> RowFile:
    """Open a file: Parquet by its name's ending, and the rest by what it holds.

    Args:
        path: The file, or "-" for standard input.
        fields: What it calls its fields.

    Raises:
        MissingExtraError: If it is a Parquet file and pyarrow is not installed.
        DataFileError: If it is called a Parquet file and is none.
        OSError: If it cannot be read.
    """
    names = fields or FieldNames()
    if is_parquet(path):
        return _ParquetRows(parquet.open_file(path), names)
    return _Records(path, names)


def is_parquet(path: Path) -> bool:
    """Return whether a file's name says that it is Parquet."""
    return path.suffix.lower() in (".parquet", ".pq")


def file_identity(path: Path) -> dict[str, Any]:
    """Return what tells a file from others, and from itself once it has grown: size and ends."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        for start in (0, max(0, size - _ENDS)):
            file.seek(start)
            digest.update(file.read(_ENDS))
    return {"bytes": size, "sha256_of_ends": digest.hexdigest()[:16]}


@dataclass(frozen=True)
class _Records:
    path: Path
    fields: FieldNames

    def count(self) -> int | None:
        return count_requests(self.path, self.fields)

    def rows(
        self, wanted: Callable[[int], bool], stop: int | None = None
    ) -> Iterator[tuple[int, RequestLine]]:
        for place, (number, raw) in enumerate(records(self.path, self.fields)):
            if wanted(place):
                yield place, parse_line(number, raw, self.fields)
            if stop is not None and place + 1 >= stop:
                return


@dataclass(frozen=True)
class _ParquetRows:
    file: parquet.OpenFile
    fields: FieldNames

    def count(self) -> int | None:
        return self.file.rows

    def rows(
        self, wanted: Callable[[int], bool], stop: int | None = None
    ) -> Iterator[tuple[int, RequestLine]]:
        for place, row in self.file.read(wanted, stop, columns=self.fields.columns):
            yield place, parse_line(place + 1, row, self.fields)
