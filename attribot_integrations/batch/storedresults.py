"""Reading attributions back from the JSON Lines that `attribot attribute` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from attribot_integrations.batch.datafiles import raw_lines
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
        path: A JSON Lines file of attributions.

    Raises:
        OSError: If the file cannot be read.
    """
    for number, raw in raw_lines(path):
        try:
            yield StoredResult(number, _parsed(raw))
        except DataFileError as error:
            yield StoredResult(number, error)
        except AttribotError as error:
            yield StoredResult(number, DataFileError(str(error)))


def _parsed(raw: bytes) -> Attribution:
    try:
        data = json.loads(raw.decode("utf-8"))
    except (RecursionError, ValueError) as error:
        raise DataFileError(f"the line is no JSON in UTF-8: {error}") from error
    if not isinstance(data, dict):
        raise DataFileError("the line must be a JSON object, as `attribot attribute` writes it")
    failed = data.get("error")
    if failed is not None and "scores" not in data:
        told = failed.get("message", failed) if isinstance(failed, dict) else failed
        raise DataFileError(f"the answer was not attributed: {told!s:.500}")
    return Attribution.from_dict(data)
