"""What a GPU should reach, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["BARS", "Bar", "judged"]

Report = Mapping[str, Any]
"""The content of a day's file."""


@dataclass(frozen=True)
class Bar:
    """One thing to reach."""

    name: str
    wanted: float
    figure: Callable[[Report], float | None]
    """Reads the figure off a day's file; `None` where it was not measured."""
    unit: str
    """`share`, `times` or `GiB`."""
    at_most: bool = False
    """Whether less is better."""

    def met(self, found: float) -> bool:
        """Tell whether a figure reaches the bar."""
        return found <= self.wanted if self.at_most else found >= self.wanted


def judged(report: Report) -> list[dict[str, Any]]:
    """Compare what was measured with every bar.

    Args:
        report: The content of a day's file.

    Returns:
        For each bar its name, unit, `wanted`, `at_most`, `found` and `state`, which is `met`,
        `missed` or `unmeasured`.
    """
    results: list[dict[str, Any]] = []
    for bar in BARS:
        found = bar.figure(report)
        state = "unmeasured" if found is None else "met" if bar.met(found) else "missed"
        results.append(
            {
                "name": bar.name,
                "unit": bar.unit,
                "wanted": bar.wanted,
                "at_most": bar.at_most,
                "found": found,
                "state": state,
            }
        )
    return results


def _row(report: Report, table: str, way: str) -> Report | None:
    """Return the first row of a table that has figures and whose way matches a pattern."""
    rows = report.get("tables", {}).get(table, ())
    fitting = (row for row in rows if fnmatchcase(row["way"], way) and row["seconds"] is not None)
    return next(fitting, None)


def _share(table: str, way: str) -> Callable[[Report], float | None]:
    """Return operations in a second over those of a large matrix product."""

    def figure(report: Report) -> float | None:
        row, ceilings = _row(report, table, way), report.get("ceilings")
        if row is None or ceilings is None:
            return None
        return float(row["operations"] / row["seconds"] / ceilings["operations_per_second"])

    return figure


def _times(table: str, slow: str, fast: str) -> Callable[[Report], float | None]:
    """Return how many times as long one way takes as another."""

    def figure(report: Report) -> float | None:
        longer, shorter = _row(report, table, slow), _row(report, table, fast)
        if longer is None or shorter is None:
            return None
        return float(longer["seconds"] / shorter["seconds"])

    return figure


def _gibibytes(table: str, way: str) -> Callable[[Report], float | None]:
    """Return the most memory above the weights."""

    def figure(report: Report) -> float | None:
        row = _row(report, table, way)
        peak = None if row is None else row["peak_bytes_above_weights"]
        return None if peak is None else float(peak / 2**30)

    return figure


BARS: tuple[Bar, ...] = (
    Bar("`exact` of the bf16 ceiling, 8B", 0.5, _share("8B", "preset exact"), "share"),
    Bar("`exact` of the bf16 ceiling, 1B", 0.3, _share("1B", "preset exact"), "share"),
    Bar("`exact` of the bf16 ceiling, 0.5B", 0.3, _share("0.5B", "preset exact"), "share"),
    Bar(
        "`exact` against the cached loop, 1B",
        3,
        _times("1B", "cached loop", "preset exact"),
        "times",
    ),
    Bar(
        "`fast` against the naive loop, 32B",
        500,
        _times("32B", "naive loop", "preset fast"),
        "times",
    ),
    Bar(
        "`fast` in a stream against the naive loop, 32B",
        1000,
        _times("32B", "naive loop", "preset fast, stream of *"),
        "times",
    ),
    Bar(
        "`fast` against generating 100 tokens, 8B",
        100,
        _times("8B", "generate 100 tokens", "preset fast"),
        "times",
    ),
    Bar(
        "memory above the weights, 8B, 6,000 tokens",
        8,
        _gibibytes("8B, long", "exact, packed"),
        "GiB",
        at_most=True,
    ),
)
