"""An order of scores that rounding does not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["TIE", "ranked"]

TIE = 1e-3
"""Most by which scores differ that are taken for the same, in nats: far more than rounding in full
precision, and less than anything that is decided by a score."""


def ranked(scores: npt.NDArray[np.floating[Any]]) -> list[int]:
    """Return the rows of scores `[rows]`, in nats, the highest first.

    Scores that differ by a `TIE` or less from the next are in the order of their rows. The same
    request, run beside others, gives scores that differ by rounding; which of two sources that do
    not matter is looked at more closely must not depend on that.
    """
    order = np.argsort(-scores, kind="stable")
    falling = scores[order].astype(np.float64)
    apart = falling[1:] < falling[:-1] - TIE
    tied = np.concatenate([[0], np.cumsum(apart)])[: len(order)]
    return [int(row) for row in order[np.lexsort((order, tied))]]
