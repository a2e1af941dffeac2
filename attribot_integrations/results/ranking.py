"""An order of scores that rounding does not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["TIE", "by_evidence", "evidence_order", "ranked"]

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


def by_evidence(
    scores: npt.NDArray[np.floating[Any]], stated: npt.NDArray[np.floating[Any]] | None
) -> list[int]:
    """Return the rows by both kinds of evidence for one statement, the strongest first.

    The order is that of share + stated, where share is a source's part in the sum of all positive
    scores. The sum is an order and no measure, and no result holds it.

    Args:
        scores: `[rows]`, in nats.
        stated: `[rows]`, how clearly each states the statement, 0 to 1; without it the order is
            that of the scores.
    """
    return ranked(scores if stated is None else evidence_order(scores, stated))


def evidence_order(
    scores: npt.NDArray[np.floating[Any]], stated: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float32]:
    """Return `[rows]` what `by_evidence` orders by."""
    positive = np.where(scores > 0, scores, 0)
    total = positive.sum()
    shares = positive / total if total > 0 else positive
    return np.asarray(shares + stated, dtype=np.float32)
