"""The fit of `LexicalVerifier`: a logistic model of what is measured of a statement and a passage.

Two things are asked of it at once. A marked sentence should score above the others, and the best
sentence of a supported statement above that of one that is not. So the loss is the sum of two
cross-entropies: over pairs of statement and sentence, the marked ones of a statement together as
heavy as half of its others; and over statements, by their best sentence. Every answer of a data set
weighs the same, a data set as the root of its number of answers; in both, all positives together
weigh 1.

Weights keep their sign, so that the score is monotone. Two have a least strength, for data of this
kind has few exchanged numbers, and a reader forgives none.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from attribot_integrations.verifying.agreement import AGREEMENT
from attribot_integrations.verifying.lexical_fit import LEXICAL_WEIGHTS
from benchmarks.verifier_cases import VerifierCase

__all__ = ["LexicalFit", "fit_lexical"]

Floats = npt.NDArray[np.float64]

_LEAST: Final[Mapping[str, float]] = {"numbers": 1.5, "exchanged": 3.0}
_OTHERS: Final = 2.0
"""Weight of a statement's unmarked sentences together; its marked ones weigh 1."""
_RIDGE: Final = 1e-4


@dataclass(frozen=True)
class LexicalFit:
    """Weights of `AGREEMENT` in the log-odds."""

    weights: tuple[float, ...]
    bias: float

    def logits(self, agreement: npt.NDArray[np.float32]) -> Floats:
        """Return the log-odds of `[…, AGREEMENT]`, `[…]`."""
        return np.asarray(agreement @ np.array(self.weights) + self.bias, dtype=np.float64)


@dataclass(frozen=True)
class _Pairs:
    """Statements with all their sentences, one block of rows for each statement."""

    values: Floats
    """`[pairs, AGREEMENT]`."""
    marked: Floats
    """`[pairs]`, 0 or 1."""
    weights: Floats
    starts: npt.NDArray[np.int64]
    """First row of each statement."""
    owner: npt.NDArray[np.int64]
    """`[pairs]`: the statement of each row."""
    supported: Floats
    """`[statements]`, 0 or 1."""
    statement_weights: Floats


def fit_lexical(
    cases: Sequence[VerifierCase], agreements: Sequence[npt.NDArray[np.float32]]
) -> LexicalFit:
    """Fit the weights.

    Args:
        cases: The answers; those without marked sentences or a change are no matter.
        agreements: For each, `[passages, statements, AGREEMENT]`.
    """
    from scipy.optimize import minimize

    pairs = _pairs(cases, agreements)
    signs = np.sign(np.array(LEXICAL_WEIGHTS))
    least = [(_LEAST.get(name, 0.0), None) for name in AGREEMENT]
    start = np.array([0.5] * len(AGREEMENT) + [-3.0])
    found = minimize(
        _loss, start, (pairs, signs), jac=True, method="L-BFGS-B", bounds=[*least, (None, None)]
    )
    weights = found.x[:-1] * signs
    return LexicalFit(tuple(float(each) for each in weights), float(found.x[-1]))


def _loss(values: Floats, pairs: _Pairs, signs: Floats) -> tuple[float, Floats]:
    """Return the loss and its gradient in the weights, without their signs, and the bias."""
    signed = pairs.values * signs
    logits = signed @ values[:-1] + values[-1]
    loss, gradient = _cross_entropy(logits, pairs.marked, pairs.weights)
    highest = np.maximum.reduceat(logits, pairs.starts)
    rows = np.flatnonzero(logits == highest[pairs.owner])
    best = rows[np.unique(pairs.owner[rows], return_index=True)[1]]
    more, slopes = _cross_entropy(logits[best], pairs.supported, pairs.statement_weights)
    gradient[best] += slopes
    ridge = _RIDGE * float((values[:-1] ** 2).sum())
    slope = np.append(signed.T @ gradient + 2 * _RIDGE * values[:-1], gradient.sum())
    return loss + more + ridge, slope


def _cross_entropy(logits: Floats, truth: Floats, weights: Floats) -> tuple[float, Floats]:
    loss = float((weights * (np.logaddexp(0, logits) - truth * logits)).sum())
    return loss, weights * (1 / (1 + np.exp(-logits)) - truth)


def _pairs(cases: Sequence[VerifierCase], agreements: Sequence[npt.NDArray[np.float32]]) -> _Pairs:
    sizes = Counter(case.data for case in cases)
    blocks: list[npt.NDArray[np.float32]] = []
    marked: list[Floats] = []
    weights: list[Floats] = []
    supported: list[float] = []
    statement_weights: list[float] = []
    for case, values in zip(cases, agreements, strict=True):
        gold = _rows_of_gold(case, values)
        weight = 1 / math.sqrt(sizes[case.data]) / len(case.statements)
        for number, known in enumerate(case.supported):
            rows = gold.get(number, [])
            if (case.kind == "answer" and not rows) or known is None:
                continue
            truth = np.zeros(len(case.passages))
            truth[rows] = 1
            share = np.where(truth, 1 / max(1, len(rows)), _OTHERS / max(1, (1 - truth).sum()))
            blocks.append(values[:, number])
            marked.append(truth)
            weights.append(weight * share)
            supported.append(float(bool(rows)))
            statement_weights.append(weight)
    lengths = [len(each) for each in blocks]
    flat, each = np.concatenate(weights), np.array(statement_weights)
    positive, truth = np.concatenate(marked), np.array(supported)
    return _Pairs(
        values=np.concatenate(blocks).astype(np.float64),
        marked=positive,
        weights=flat / flat[positive > 0].sum(),
        starts=np.cumsum([0, *lengths[:-1]]),
        owner=np.repeat(np.arange(len(lengths)), lengths),
        supported=truth,
        statement_weights=each / each[truth > 0].sum(),
    )


def _rows_of_gold(case: VerifierCase, values: npt.NDArray[np.float32]) -> dict[int, list[int]]:
    """Give each marked sentence to the statement that it agrees with most."""
    found: dict[int, list[int]] = {}
    for unit in case.gold:
        columns = list(unit.statements)
        # What it shares and the longest run: the first two of `AGREEMENT`.
        shared = values[:, columns, 0] + values[:, columns, 1]
        for row, place in enumerate(case.places):
            if place in unit.sentences:
                found.setdefault(columns[int(np.argmax(shared[row]))], []).append(row)
    return found
