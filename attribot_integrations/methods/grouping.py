"""Group testing: neighbours hidden together first, and apart only where that matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attribot_integrations.methods.base import MethodInput, Removal

if TYPE_CHECKING:
    from attribot_integrations.results import FloatArray

__all__ = ["remove_groups"]

_Remove = Callable[[Sequence[frozenset[int]]], Removal]
_DIVIDE = 4
"""Into how many a group that matters is divided."""


def remove_groups(
    inputs: MethodInput, remove: _Remove, *, groups: int, floor: float
) -> tuple[Removal, npt.NDArray[np.bool_]]:
    """Remove sources, and runs of neighbouring ones as one where there are many.

    A run is divided as long as some statement loses `floor` nats or more without it, so that few of
    many sources are removed one by one, those that matter among them.

    Args:
        inputs: The prompt and answer.
        remove: Removes sets of sentences from the context.
        groups: Most runs to begin with, for each level of sources; if there are no more sources
            than that, each is removed by itself.
        floor: Least score of a run that is divided, in nats.

    Returns:
        The drops of all sources, 0 for those never removed by themselves, and `[sources]`, which
        ones were. Scored are those too whose run was removed and does not matter.
    """
    found: dict[int, FloatArray] = {}
    scored = np.ones(len(inputs.sources), dtype=np.bool_)
    runs = list(_initial_runs(inputs, groups))
    while True:
        removal = remove([_sentences(inputs, run) for run in runs])
        best = inputs.best(removal.drops)
        for run, drop, done in zip(runs, removal.drops, removal.scored, strict=True):
            if not done:
                scored[run.start : run.stop] = False
            elif len(run) == 1:
                found[run[0]] = drop
        runs = [
            part
            for run, score in zip(runs, best, strict=True)
            if len(run) > 1 and score >= floor
            for part in _slices(run, _DIVIDE)
        ]
        if not runs:
            break
    drops = np.zeros((len(inputs.sources), removal.drops.shape[1]), dtype=np.float32)
    alone = np.zeros(len(inputs.sources), dtype=np.bool_)
    for row, drop in found.items():
        drops[row], alone[row] = drop, True
    return replace(removal, drops=drops, scored=scored), alone


def _initial_runs(inputs: MethodInput, groups: int) -> Iterator[range]:
    """Divide the rows of each level; sources of a level stand together, in document order."""
    rows = range(len(inputs.sources))
    for _, same in groupby(rows, key=lambda row: inputs.sources[row].level):
        level = list(same)
        yield from _slices(range(level[0], level[-1] + 1), groups)


def _slices(rows: range, count: int) -> Iterator[range]:
    """Cut rows into at most `count` runs of about the same length."""
    count = min(count, len(rows))
    edges = [len(rows) * place // count for place in range(count + 1)]
    return (rows[low:high] for low, high in pairwise(edges))


def _sentences(inputs: MethodInput, run: range) -> frozenset[int]:
    return frozenset(id_ for row in run for id_ in inputs.sources[row].sentence_ids)
