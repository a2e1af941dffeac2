"""Fitting an attention screen: which heads' attention goes where exact scores are high."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.evaluation.measuring import MeasureOptions
from attribot_integrations.evaluation.metrics import average_precision, pearson, top_agreement
from attribot_integrations.methods.screens import AttentionScreen

if TYPE_CHECKING:
    from attribot_integrations.evaluation.screen_rows import ScreenRow
    from attribot_integrations.results import FloatArray
    from attribot_integrations.scoring.protocols import ModelSignature

__all__ = ["ScreenFit", "agreement", "fit_screen", "fit_weights"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScreenFit:
    """How a screen is fitted."""

    steps: tuple[int, ...] = (10, 30, 100)
    """Steps of the fit that are tried; fewer leave weight on more heads."""
    folds: int = 4
    """Parts of the answers, each predicted by weights fitted to the others."""
    least: float = 0.3
    """Least sum of a statement's positive scores, in nats, for it to count."""

    def __post_init__(self) -> None:
        if min(self.steps, default=0) < 1 or self.folds < 2 or not self.least > 0:
            raise ConfigurationError(
                "steps must be at least 1, folds at least 2 and least above 0, got "
                f"{self.steps}, {self.folds} and {self.least}"
            )


def fit_screen(
    rows: Sequence[ScreenRow],
    signature: ModelSignature,
    *,
    model: str,
    revision: str | None = None,
    data: Sequence[str] = (),
    fit: ScreenFit | None = None,
) -> AttentionScreen:
    """Fit the weights of a model's heads, and measure them on answers that they were not fitted to.

    Args:
        rows: Answers with attention and exact scores.
        signature: The model's.
        model: Its name.
        revision: Its revision, if one was asked for.
        data: Names of what the answers are from, for the screen's figures.
        fit: How.

    Raises:
        InputError: If there are fewer answers with something to find than folds.
    """
    fit = fit or ScreenFit()
    telling = sum(bool((_totals(row) >= fit.least).any()) for row in rows)
    if telling < fit.folds:
        raise InputError(
            f"a screen needs at least {fit.folds} answers that depend on some source, "
            f"got {telling} among {len(rows)}"
        )
    tried = {steps: agreement(rows, _held_back(rows, steps, fit)) for steps in fit.steps}
    best = max(fit.steps, key=lambda steps: _goodness(tried[steps]))
    weights = fit_weights(rows, best, fit.least)
    figures = {
        "data": list(data),
        "answers": len(rows),
        "statements": sum(row.scores.shape[1] for row in rows),
        "steps": best,
        "folds": fit.folds,
        "heads": int((weights > weights.max() / 100).sum()),
        **{f"held_back_{name}": value for name, value in tried[best].items()},
    }
    return AttentionScreen(weights, signature, model, revision, figures)


def fit_weights(rows: Sequence[ScreenRow], steps: int, least: float = 0.3) -> FloatArray:
    """Fit weights that are not negative, `[heads]`, in nats.

    Scores s of a statement, negative ones as 0, are taken for Poisson-distributed with the mean
    m = sum over heads of weight * attention, and the likelihood is raised by multiplicative steps,
    weight *= (sum of attention * s / m) / (sum of attention), which raise it at every step (the EM
    algorithm of Shepp and Vardi 1982, doi:10.1109/TMI.1982.4307558). All statements weigh the same.
    It begins with equal shares of all heads.

    Args:
        rows: Answers with attention and scores.
        steps: How many steps. The first ones put the weight on the heads that tell most.
        least: Least sum of a statement's positive scores, in nats, for it to count.
    """
    attention, scores, weight = _design(rows, least)
    scale = attention.mean(axis=0) + 1e-12
    attention = attention / scale
    total = weight @ attention + 1e-12
    weights: Floats = np.full(attention.shape[1], float(weight @ scores) / float(total.sum()))
    for _ in range(steps):
        mean = attention @ weights + 1e-12
        weights = weights * ((weight * scores / mean) @ attention) / total
    fitted: FloatArray = (weights / scale).astype(np.float32)
    return fitted


def agreement(rows: Sequence[ScreenRow], predicted: Sequence[FloatArray]) -> dict[str, Any]:
    """Compare predictions with exact scores.

    Args:
        rows: Answers with exact scores.
        predicted: `[sources, statements]` of each, in nats.

    Returns:
        Means over the answers, and how many each is of: `map`, average precision at finding the
        sources that stand out of the whole answer's exact scores; `top`, that at finding the best
        one of each statement; `top1`, how often it comes first; `pearson` of the whole answer's.
        What is not defined for an answer is left out.
    """
    rules = MeasureOptions().rules
    found: dict[str, list[float | None]] = {"map": [], "top": [], "top1": [], "pearson": []}
    for row, scores in zip(rows, predicted, strict=True):
        whole, truth = scores.sum(axis=1), row.scores.sum(axis=1)
        found["map"].append(average_precision(whole, rules["map"].outliers(truth)))
        found["pearson"].append(pearson(whole, truth))
        for one, exact in zip(scores.T, row.scores.T, strict=True):
            best = rules["map_top1"].outliers(exact)
            found["top"].append(average_precision(one, best))
            found["top1"].append(top_agreement(one, exact) if best.any() else None)
    figures: dict[str, Any] = {}
    for name, values in found.items():
        known = [value for value in values if value is not None]
        figures[name] = float(np.mean(known)) if known else None
        figures[f"{name}_n"] = len(known)
    return figures


def _held_back(rows: Sequence[ScreenRow], steps: int, fit: ScreenFit) -> list[FloatArray]:
    """Predict every answer by weights that were fitted to other ones."""
    fitted = [
        fit_weights(
            [row for index, row in enumerate(rows) if index % fit.folds != fold], steps, fit.least
        )
        for fold in range(fit.folds)
    ]
    return [
        np.einsum("h,hst->st", fitted[index % fit.folds], row.attention)
        for index, row in enumerate(rows)
    ]


def _goodness(figures: dict[str, Any]) -> float:
    return sum(figures[name] or 0.0 for name in ("map", "top"))


def _totals(row: ScreenRow) -> Floats:
    """Return `[statements]`: sums of positive scores."""
    return np.asarray(np.clip(row.scores, 0, None).sum(axis=0), dtype=np.float64)


def _design(rows: Sequence[ScreenRow], least: float) -> tuple[Floats, Floats, Floats]:
    """Return attention `[n, heads]`, scores `[n]` and weights `[n]`, sources of statements."""
    attention, scores, weights = [], [], []
    for row in rows:
        totals = _totals(row)
        for index in np.flatnonzero(totals >= least):
            attention.append(row.attention[:, :, index].T)
            scores.append(np.clip(row.scores[:, index], 0, None))
            weights.append(np.full(len(row.scores), 1 / totals[index]))
    return (
        np.concatenate(attention).astype(np.float64),
        np.concatenate(scores).astype(np.float64),
        np.concatenate(weights).astype(np.float64),
    )
