"""The first rows of a file, looked at before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, TypeVar

from attribot_integrations.errors import DataFileError

__all__ = ["looked_at"]

_FIRST: Final = 20
"""So many rows that cannot be read, and none that can, are the file's fault and not theirs."""

_Row = TypeVar("_Row")


def looked_at(rows: Iterable[tuple[_Row, object]]) -> Iterator[_Row]:
    """Read the first rows now, and return what gives all of them.

    Args:
        rows: Rows with what each holds, a `DataFileError` where it cannot be read.

    Raises:
        DataFileError: If the file cannot be read, or not one of its first rows.
    """
    rest = iter(rows)
    first = list(islice(rest, 1))
    if first and isinstance(first[0][1], DataFileError):  # else a pipe need not wait for more
        first += islice(rest, _FIRST - 1)
        _refuse(first)
    return (row for row, _ in chain(first, rest))


def _refuse(rows: Sequence[tuple[object, object]]) -> None:
    problems = [held for _, held in rows if isinstance(held, DataFileError)]
    if len(problems) < len(rows):
        return
    which = "the only row cannot" if len(rows) == 1 else f"none of the first {len(rows)} rows can"
    hint = ""
    if all(" is missing" in str(each) for each in problems):
        hint = "; --field OURS=THEIRS tells what the file calls its fields"
    raise DataFileError(f"{which} be read: {problems[0]}{hint}")
