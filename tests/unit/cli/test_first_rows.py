"""A file's first rows are looked at before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attribot_integrations.cli.first_rows import looked_at
from attribot_integrations.errors import DataFileError

BAD = DataFileError("it is bad")
MISSING = DataFileError('the field "answer" is missing')


def test_rows_are_read_as_they_are_wanted() -> None:
    read: list[int] = []

    def rows() -> Iterator[tuple[int, object]]:
        for number in range(9):
            read.append(number)
            yield number, "good"

    found = looked_at(rows())
    assert read == [0]
    assert list(found) == list(range(9))


@pytest.mark.parametrize("good", [1, 19])
def test_some_rows_may_be_bad(good: int) -> None:
    rows = [(number, BAD if number != good else "good") for number in range(30)]
    assert list(looked_at(rows)) == list(range(30))
    assert list(looked_at([])) == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1, BAD)], "^the only row cannot be read: it is bad$"),
        ([(1, BAD), (2, MISSING)], "^none of the first 2 rows can be read: it is bad$"),
        ([(1, MISSING)] * 30, r"first 20 rows can .* is missing; --field OURS=THEIRS tells what"),
    ],
)
def test_not_all(rows: list[tuple[int, object]], message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        looked_at(rows)
