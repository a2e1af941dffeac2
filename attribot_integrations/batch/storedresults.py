"""Reading attributions back from the JSON Lines that `attribot attribute` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attribot_integrations.batch.datafiles import load_line
from attribot_integrations.batch.records import records
from attribot_integrations.errors import AttribotError, DataFileError
from attribot_integrations.results import Attribution

__all__ = ["StoredResult", "read_results"]


@dataclass(frozen=True)
class StoredResult:
    """What one line of a file of results holds."""

    number: int
    """Number of the line in the file, from 1."""
    content: Attribution | DataFileError
    """The attribution, or why there is none."""


def read_results(path: str | Path) -> Iterator[StoredResult]:
    """Read results one by one; what cannot be read is that line's problem alone.

    Args:
        path: A JSON Lines file of attributions, see `records`.

    Raises:
        DataFileError: If it is no file of records.
        OSError: If the file cannot be read.
    """
    for number, raw in records(path):
        try:
            yield StoredResult(number, _parsed(raw))
        except DataFileError as error:
            yield StoredResult(number, error)
        except AttribotError as error:
            yield StoredResult(number, DataFileError(str(error)))


def _parsed(raw: bytes | Mapping[str, Any]) -> Attribution:
    data = load_line(raw)
    failed = data.get("error")
    if failed is not None and "scores" not in data:
        told = failed.get("message", failed) if isinstance(failed, dict) else failed
        raise DataFileError(f"the answer was not attributed: {told!s:.500}")
    return Attribution.from_dict(data)
