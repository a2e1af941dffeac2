"""One line of a result: a way, a model and a context, with what it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["Row", "compared"]


@dataclass(frozen=True)
class Row:
    """One way of attributing one size of context on one pair of models.

    Times are medians over rounds in which all ways of the table took turns.
    """

    shape: str
    parameters: int
    proxy: str | None
    context: str
    sources: int
    prompt_tokens: int
    answer_tokens: int
    way: str
    group: str
    reason: str | None = None
    """Why there are no figures."""
    runs: int = 0
    clock: str | None = None
    """`wall`, or `cpu` for the process's own time."""
    seconds: float | None = None
    """Time of one example by that clock."""
    fastest_seconds: float | None = None
    slowest_seconds: float | None = None
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    """Processor time of the process, all threads together."""
    extrapolated_from: str | None = None
    """Which part was run, where the figures stand for more than that."""
    speedup_naive: float | None = None
    """Time of the naive loop over this time."""
    speedup_cached: float | None = None
    """Time of the cached loop over this time."""
    speedup_generate: float | None = None
    """Time to generate 100 tokens over this time."""
    tokens_run: int | None = None
    """Tokens through any model, without padding."""
    passes: int | None = None
    operations: float | None = None
    """Floating-point operations needed."""
    floor_seconds: float | None = None
    """Least time that the measured ceilings allow."""
    ceiling_share: float | None = None
    """Least time over time taken."""
    peak_bytes_above_weights: int | None = None
    """On a GPU, of tensors; on a CPU, by how much the process grew."""
    largest_difference: float | None = None
    """Largest difference from the naive loop of a source's score, in nats; of exact ways."""
    exact_sources: int | None = None
    """How many sources got an exact score."""
    batch_size: int | None = None
    """Batch size found best, of ways that have one."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def compared(rows: Sequence[Row]) -> list[Row]:
    """Give rows their speed-ups over the loops and over generating, of the same model and context.

    Args:
        rows: Rows of any models and contexts.
    """
    seconds: dict[tuple[str, str, str], float | None] = {}
    for row in rows:
        seconds[row.shape, row.context, row.way] = row.seconds
        if row.group == "generation":
            seconds[row.shape, row.context, row.group] = row.seconds

    def ratio(row: Row, other: str) -> float | None:
        slow = seconds.get((row.shape, row.context, other))
        return slow / row.seconds if slow is not None and row.seconds else None

    return [
        replace(
            row,
            speedup_naive=ratio(row, "naive loop"),
            speedup_cached=ratio(row, "cached loop"),
            speedup_generate=ratio(row, "generation"),
        )
        for row in rows
    ]
