"""What every way of attributing an answer has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from attribot_integrations import LanguageModel
from benchmarks.clock import free_memory, timed
from benchmarks.contexts import Case

__all__ = ["Job", "Outcome", "Setting", "UnavailableError", "Way", "best_batch", "spread"]

Group = Literal["baseline", "rival", "generation", "ours"]
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
_WORSE = 1.1
"""Slow-down at which larger batches are not tried any more."""


class UnavailableError(Exception):
    """A way cannot be run here; the message says why."""


@dataclass(frozen=True)
class Setting:
    """The models and the device that all ways of one table share."""

    target: LanguageModel
    proxy: LanguageModel | None
    device: torch.device
    token_budget: int | None = None
    """Most tokens in one pass of our own ways; by default the engine's."""
    tuning_seconds: float = 4.0
    """About how long the search for a batch size may take."""


@dataclass(frozen=True)
class Job:
    """What a way is asked to do once."""

    setting: Setting
    cases: Sequence[Case]
    """One example, or several for a stream."""
    ablations: int
    """How many of the ablations to run, spread evenly over all."""
    prepared: Any = None
    """What the way's `prepare` returned."""


@dataclass(frozen=True)
class Outcome:
    """What came out, for checks."""

    scores: Mapping[int, float] = field(default_factory=dict)
    """Exact leave-one-out of the whole answer by sentence id, in nats; empty for other ways."""
    exact_sources: int | None = None
    """How many sources have an exact score."""


@dataclass(frozen=True)
class Way:
    """One way of attributing an answer, or of making one."""

    name: str
    group: Group
    run: Callable[[Job], Outcome]
    ablations: Callable[[Case], int] | None = None
    """How many ablations it runs. Where it is given, a few of them are enough to measure slow
    cases; otherwise the way is run as a whole."""
    overhead: int = 0
    """Work beside the ablations, as a number of ablations: prefix, reference."""
    prepare: Callable[[Setting, Case], Any] | None = None
    """Done once, before time counts, such as the choice of a batch size."""
    on_proxy: bool = False
    """Whether it needs the proxy."""
    estimate: Callable[[int, int, int], float] | None = None
    """Rough tokens of the largest model it runs, given sources, prompt tokens and answer tokens."""
    examples: int = 1
    """Examples in one run; time is given for each."""
    in_sweep: bool = False
    """Whether it is plotted against size."""


def spread(count: int, wanted: int) -> list[int]:
    """Choose so many of `count` places, evenly spread."""
    wanted = max(1, min(wanted, count))
    return [(2 * place + 1) * count // (2 * wanted) for place in range(wanted)]


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error is a lack of memory."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        phrase in str(error).lower() for phrase in _OUT_OF_MEMORY
    )


def best_batch(
    run: Callable[[int], object], device: torch.device, sizes: Sequence[int], seconds: float
) -> int:
    """Choose the batch size with the least time for each item.

    Args:
        run: Runs one batch of a size.
        device: Where it runs.
        sizes: What to try, in rising order.
        seconds: After so long no further size is tried.

    Raises:
        UnavailableError: If not even the first size fits in memory.
    """
    best, least, spent = 0, float("inf"), 0.0
    for size in sizes:
        try:
            took = timed(lambda size=size: run(size), device)[0].seconds  # type: ignore[misc]
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            free_memory()
            break
        spent += took
        if took / size < least:
            best, least = size, took / size
        if took / size > _WORSE * least or spent > seconds:
            break
    if not best:
        raise UnavailableError("out of memory at the smallest batch size")
    return best
