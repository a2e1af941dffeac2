"""Parts joined to the output, in the order of the input, with the failed rows in a file apart."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from attribot_integrations.batch import parquet
from attribot_integrations.batch.folder import Finished, JobFolder
from attribot_integrations.batch.inputs import is_parquet
from attribot_integrations.batch.plan import Plan
from attribot_integrations.errors import DataFileError

__all__ = ["failures_file", "merge_parts"]

_Part = list[tuple[dict[str, Any], bytes]]
"""The records of a part, and the lines they were read from."""


def failures_file(output: Path) -> Path:
    """Return where the rows that failed are written: `out.errors.jsonl` for `out.jsonl`."""
    return output.with_name(f"{output.stem}.errors.jsonl")


def merge_parts(folder: JobFolder, plan: Plan, output: Path) -> Finished:
    """Write the output, and beside it the rows that failed, if any did.

    Both appear whole or not at all. One part at a time is held in memory.

    Raises:
        DataFileError: If a part cannot be read, or has too few rows.
        MissingExtraError: If the output is Parquet and pyarrow is not installed.
        OSError: If a file cannot be written.
    """
    new, new_failures = folder.path / "output.new", folder.path / "errors.new"
    create = _parquet if is_parquet(output) else _json_lines
    rows = failed = 0
    with new_failures.open("wb") as failures, create(new) as write:
        for part in range(plan.parts):
            records = _read(folder.part(part), plan.size(part))
            bad = [line for record, line in records if "error" in record]
            failures.writelines(bad)
            write([each for each in records if "error" not in each[0]])
            rows += len(records)
            failed += len(bad)
        _to_disk(failures)
    outputs = {failures_file(output): new_failures} if failed else {}
    folder.announce({output: new, **outputs})
    if failed:
        new_failures.replace(failures_file(output))
    else:
        new_failures.unlink()
        failures_file(output).unlink(missing_ok=True)  # of a job that was begun anew
    new.replace(output)
    return Finished(rows, failed)


def _read(path: Path, rows: int) -> _Part:
    try:
        with path.open("rb") as file:
            records = [(json.loads(line), line) for line in file]
    except ValueError as error:
        raise DataFileError(f"{path} cannot be read: {error}") from error
    if len(records) != rows:
        raise DataFileError(f"{path} must have {rows} lines, and has {len(records)}")
    return records


@contextmanager
def _json_lines(path: Path) -> Iterator[Callable[[_Part], None]]:
    with path.open("wb") as file:
        yield lambda records: file.writelines(line for _, line in records)
        _to_disk(file)


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[_Part], None]]:
    with parquet.create(path) as file:
        yield lambda records: file.write(
            [(record, line.decode().rstrip("\n")) for record, line in records]
        )
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
