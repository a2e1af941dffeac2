"""Parquet files in and out; the only module that imports pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations.context.sources import clean_text
from attribot_integrations.errors import DataFileError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

__all__ = ["OpenFile", "ResultFile", "check_installed", "create", "open_file", "plain_rows"]

_BATCH = 64
_GROUP_CHARACTERS = 1 << 23


def check_installed() -> None:
    """Make sure that Parquet files can be read and written.

    Raises:
        MissingExtraError: If pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Parquet", "parquet") from error


@dataclass(frozen=True)
class OpenFile:
    """A Parquet file of attribution requests."""

    path: Path
    file: pyarrow.parquet.ParquetFile

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self.file.metadata.num_rows)

    def read(
        self,
        wanted: Callable[[int], bool],
        stop: int | None = None,
        *,
        columns: Collection[str],
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the rows that are wanted, by their place from 0, as plain data.

        Row groups without such a row are not read, and no columns but those that are named.

        Raises:
            DataFileError: If the file is damaged.
        """
        end = self.rows if stop is None else min(stop, self.rows)
        start = 0
        for group in range(self.file.metadata.num_row_groups):
            behind = start + self.file.metadata.row_group(group).num_rows
            if any(wanted(place) for place in range(start, min(behind, end))):
                yield from self._group(group, start, end, wanted, columns)
            start = behind

    def records(self, without: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """Yield all rows with all columns, as plain data; dates are numbers.

        Args:
            without: Columns that are not read.

        Raises:
            DataFileError: If the file is damaged.
        """
        columns = [name for name in self.file.schema_arrow.names if name not in without]
        batches = self.file.iter_batches(_BATCH, columns=columns)
        while True:
            with _damage_reported(self.path):
                batch = next(batches, None)
            if batch is None:
                return
            yield from plain_rows(_times_as_numbers(batch))

    def _group(
        self,
        group: int,
        start: int,
        end: int,
        wanted: Callable[[int], bool],
        columns: Collection[str],
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        there = [name for name in self.file.schema_arrow.names if name in columns]
        batches = self.file.iter_batches(_BATCH, row_groups=[group], columns=there)
        while True:
            with _damage_reported(self.path):
                batch = next(batches, None)
            if batch is None or start >= end:
                return
            for offset in range(batch.num_rows):
                place = start + offset
                if place < end and wanted(place):
                    (row,) = plain_rows(batch.slice(offset, 1))
                    yield place, row
            start += batch.num_rows


def open_file(path: Path) -> OpenFile:
    """Open a Parquet file.

    Raises:
        MissingExtraError: If pyarrow is not installed.
        DataFileError: If it is no Parquet file.
        OSError: If it cannot be read.
    """
    check_installed()
    import pyarrow.parquet

    with _damage_reported(path):
        # Without a buffer ahead, memory does not grow with the size of row groups.
        return OpenFile(path, pyarrow.parquet.ParquetFile(path, pre_buffer=False))


def plain_rows(table: pyarrow.Table | pyarrow.RecordBatch) -> list[dict[str, Any]]:
    """Return rows as JSON would hold them: maps as objects, and no field that is empty."""
    return [_plain(row) for row in table.to_pylist(maps_as_pydicts="lossy")]


def _times_as_numbers(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """Return a batch with its dates as numbers, for nanoseconds fit into no `datetime`."""
    import pyarrow

    for index, field in enumerate(batch.schema):
        if pyarrow.types.is_timestamp(field.type):
            whole = batch.column(index).cast(pyarrow.int64())
            batch = batch.set_column(index, field.name, whole)
    return batch


class ResultFile:
    """Writes results to a Parquet file, a row group for every few megabytes."""

    def __init__(self, writer: pyarrow.parquet.ParquetWriter) -> None:
        self._writer = writer
        self._waiting: list[dict[str, Any]] = []
        self._characters = 0

    def write(self, records: Sequence[tuple[Mapping[str, Any], str]]) -> None:
        """Write some results, each as plain data and as the JSON it was read from."""
        names = _result_schema().names[:-1]
        for record, text in records:
            row = {name: _storable(record[name]) for name in names}
            self._waiting.append({**row, "result": text})
            self._characters += len(text)
        if self._characters >= _GROUP_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Write what has been kept back."""
        import pyarrow

        if self._waiting:
            table = pyarrow.Table.from_pylist(self._waiting, schema=_result_schema())
            self._writer.write_table(table)
        self._waiting, self._characters = [], 0


@contextmanager
def create(path: Path) -> Iterator[ResultFile]:
    """Create a Parquet file of results.

    Its columns are line, id, question, answer, method, citations, and result, which holds the whole
    result as JSON for `Attribution.from_json`.

    Raises:
        MissingExtraError: If pyarrow is not installed.
    """
    check_installed()
    import pyarrow.parquet

    with pyarrow.parquet.ParquetWriter(path, _result_schema(), compression="zstd") as writer:
        file = ResultFile(writer)
        yield file
        file.flush()


def _result_schema() -> pyarrow.Schema:
    import pyarrow

    text, number, whole = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    citation = {
        "statement_index": whole,
        "source_id": whole,
        "chunk_index": whole,
        "chunk_id": text,
        "text": text,
        "score": number,
        "basis": text,
        "states": number,
    }
    columns = {"line": whole, "id": text, "question": text, "answer": text, "method": text}
    cited = pyarrow.list_(pyarrow.struct(list(citation.items())))
    return pyarrow.schema([*columns.items(), ("citations", cited), ("result", text)])


@contextmanager
def _damage_reported(path: Path) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's own: no such file, no permission
        raise DataFileError(f"{path} cannot be read as Parquet: {error}") from error


def _storable(value: Any) -> Any:
    """Return a value with its lone surrogates replaced, which UTF-8 cannot hold."""
    if isinstance(value, dict):
        return {name: _storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return clean_text(value) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else value
