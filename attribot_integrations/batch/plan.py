"""Which rows of a file belong to a job, and to which of its parts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from attribot_integrations.errors import ConfigurationError

__all__ = ["Plan", "Share"]

_PART_ROWS = 64
_PARTS = 64


@dataclass(frozen=True)
class Share:
    """Every `count`-th row of a file, for jobs that run apart from each other."""

    index: int = 0
    """Which rows, from 0."""
    count: int = 1
    """How many shares there are."""

    @classmethod
    def parse(cls, text: str) -> Share:
        """Read `i/n`, with i from 1 to n.

        Raises:
            ConfigurationError: If it is none.
        """
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise ConfigurationError(
                f"a shard is i/n with i from 1 to n, such as 2/8; got {text!r}"
            )
        return cls(int(found[1]) - 1, int(found[2]))

    def takes(self, place: int) -> bool:
        """Return whether a row, by its place in the file from 0, belongs to this share."""
        return place % self.count == self.index

    def __str__(self) -> str:
        return f"{self.index + 1}/{self.count}"


@dataclass(frozen=True)
class Plan:
    """The rows of a job, cut into parts of consecutive ones.

    Parts do not depend on how many processes fill them, so that a stopped job may go on with more
    or fewer.
    """

    stop: int
    """Place of the first row that is not done any more: the file's rows, or the limit."""
    share: Share = Share()
    """Which of the rows."""
    part_rows: int = _PART_ROWS
    """Most rows in a part: many enough to keep files rare, few enough to deal them evenly."""

    @classmethod
    def of(cls, stop: int, share: Share) -> Plan:
        """Plan a job with smaller parts where it has few rows, so that all processes get some."""
        rows = cls(stop, share).rows
        return cls(stop, share, max(1, min(_PART_ROWS, rows // _PARTS)))

    @property
    def rows(self) -> int:
        """How many rows the job has."""
        return len(range(self.share.index, self.stop, self.share.count))

    @property
    def parts(self) -> int:
        """How many parts they make."""
        return -(-self.rows // self.part_rows)

    def part_of(self, place: int) -> int | None:
        """Return the part of a row, by its place in the file from 0; `None` if it has none."""
        if place >= self.stop or not self.share.takes(place):
            return None
        return place // self.share.count // self.part_rows

    def size(self, part: int) -> int:
        """Return how many rows a part has."""
        return min(self.part_rows, self.rows - part * self.part_rows)

    def of_process(self, index: int, count: int) -> range:
        """Return the parts that one of several processes fills."""
        return range(index, self.parts, count)
