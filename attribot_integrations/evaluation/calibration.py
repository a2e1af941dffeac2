"""Fitting support labels to answers that people have judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError, InputError, MissingExtraError
from attribot_integrations.results.probabilities import logistic
from attribot_integrations.results.support import (
    FEATURES,
    LabelSupport,
    SupportEvidence,
    SupportProbability,
    support_evidence,
)

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = ["Calibration", "calibrate", "calibrate_statements", "expected_calibration_error"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Calibration:
    """Fitted labels, and how good they are on statements that they were not fitted to."""

    labels: LabelSupport
    """For `EngineOptions(support=…)`."""
    calibration_error: float
    """Expected calibration error of the probabilities, 0 to 1, cross-validated."""
    accuracy: float
    """Share of statements on the right side of `labels.min_probability`, cross-validated."""
    auroc: float
    """Share of pairs of a supported statement and another one that the probabilities order rightly,
    cross-validated."""
    statements: int
    """Number of labelled statements."""


def calibrate(
    examples: Sequence[tuple[Attribution, Sequence[bool | None]]],
    *,
    labels: LabelSupport | None = None,
    folds: int = 5,
) -> Calibration:
    """Fit a probability of support, and the threshold on it, to labelled statements.

    A logistic regression on `support.FEATURES`, the last of which is left out if it is missing
    anywhere. A feature of which more would speak against a statement gets no weight. The threshold
    has the best balanced accuracy, in predictions for statements that the model was not fitted to.

    Args:
        examples: Attributions, each with one label for each statement: whether the context
            supports it, `None` where nobody has said.
        labels: Labels whose other thresholds are kept.
        folds: Parts of the data, each predicted by a model fitted to the others.

    Raises:
        ConfigurationError: If `folds` is below 2.
        InputError: If labels and statements differ in number, or either class has fewer statements
            than there are folds.
        MissingExtraError: If scikit-learn is not installed.
    """
    evidence: list[SupportEvidence] = []
    supported: list[bool] = []
    for number, (attribution, known) in enumerate(examples):
        found = support_evidence(attribution)
        if len(known) != len(found):
            raise InputError(
                f"example {number} has {len(found)} statements and {len(known)} labels"
            )
        for each, label in zip(found, known, strict=True):
            if label is not None:
                evidence.append(each)
                supported.append(label)
    return calibrate_statements(evidence, supported, labels=labels, folds=folds)


def calibrate_statements(
    evidence: Sequence[SupportEvidence],
    supported: Sequence[bool],
    *,
    labels: LabelSupport | None = None,
    folds: int = 5,
) -> Calibration:
    """Do what `calibrate` does, with one label for each statement.

    Args:
        evidence: What the statements are judged by.
        supported: Whether the context supports them.
        labels: Labels whose other thresholds are kept.
        folds: Parts of the data, each predicted by a model fitted to the others.
    """
    if folds < 2:
        raise ConfigurationError(f"folds must be at least 2, got {folds}")
    features, truth = _data(evidence, supported)
    least = min(int(truth.sum()), int((~truth).sum()))
    if least < folds:
        raise InputError(
            f"each class needs at least {folds} statements, one for each fold; there are "
            f"{int(truth.sum())} supported and {int((~truth).sum())} other ones"
        )
    probabilities = _cross_validated(features, truth, folds)
    threshold = _best_threshold(probabilities, truth)
    names = {each.verifier for each in evidence if each.tokens}
    probability = replace(_fit(features, truth), verifier=names.pop() if len(names) == 1 else None)
    fitted = replace(labels or LabelSupport(), probability=probability, min_probability=threshold)
    return Calibration(
        labels=fitted,
        calibration_error=expected_calibration_error(probabilities, truth),
        accuracy=float(((probabilities >= threshold) == truth).mean()),
        auroc=_auroc(probabilities, truth),
        statements=len(truth),
    )


def expected_calibration_error(
    probabilities: Floats, outcomes: Booleans, *, bins: int = 10
) -> float:
    """Return by how much probabilities and frequencies differ, 0 to 1.

    ECE = sum over equal bins of `|mean probability - share of outcomes|`, weighted by the bin's
    share of the data (Guo et al., arXiv 1706.04599).

    Args:
        probabilities: `[statements]`, 0 to 1.
        outcomes: `[statements]`.
        bins: Number of bins.
    """
    places = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(places, weights=probabilities - outcomes, minlength=bins)
    return float(np.abs(gaps).sum() / len(probabilities))


def _data(
    evidence: Sequence[SupportEvidence], supported: Sequence[bool]
) -> tuple[Floats, Booleans]:
    # Where a statement has no token, nothing was measured, and the label stays unknown.
    known = [
        (each, bool(label)) for each, label in zip(evidence, supported, strict=True) if each.tokens
    ]
    if not known:
        raise InputError("no labelled statements were given, some are needed")
    found = [each.features() for each, _ in known]
    shared = min(map(len, found))  # the last is missing where no verifier was asked
    features = np.array([each[:shared] for each in found])
    return features, np.array([label for _, label in known], dtype=np.bool_)


_TOKENS = FEATURES.index("tokens")


def _fit(features: Floats, supported: Booleans) -> SupportProbability:
    """Fit a model in which more evidence never speaks against a statement."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError("calibration", "evaluation") from error
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    columns = np.arange(features.shape[1])
    while True:
        scaled = (features - mean) / spread
        model = LogisticRegression(max_iter=1000).fit(scaled[:, columns], supported)
        weights = np.zeros(features.shape[1])
        weights[columns] = model.coef_[0] / spread[columns]
        against = [place for place in columns if weights[place] < 0 and place != _TOKENS]
        if not against:
            break
        columns = np.setdiff1d(columns, against)  # never empty: the number of tokens stays
    bias = float(model.intercept_[0] - weights @ mean)
    return SupportProbability(tuple(float(weight) for weight in weights), bias)


def _cross_validated(features: Floats, supported: Booleans, folds: int) -> Floats:
    """Predict each statement by a model that has not seen it."""
    parts = np.zeros(len(supported), dtype=np.int64)
    for outcome in (False, True):  # each part has its share of either class
        members = np.random.default_rng(0).permutation(np.flatnonzero(supported == outcome))
        parts[members] = np.arange(len(members)) % folds
    probabilities = np.zeros(len(supported))
    for part in range(folds):
        model = _fit(features[parts != part], supported[parts != part])
        logits = features[parts == part] @ np.array(model.weights) + model.bias
        probabilities[parts == part] = logistic(logits)
    return probabilities


def _auroc(probabilities: Floats, supported: Booleans) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(supported, probabilities))


def _best_threshold(probabilities: Floats, supported: Booleans) -> float:
    """Return the threshold of best balanced accuracy, halfway between two probabilities."""
    edges = np.unique(np.clip(probabilities, 1e-6, 1 - 1e-6))
    candidates = np.concatenate([(edges[1:] + edges[:-1]) / 2, [0.5]])
    kept = probabilities[None] >= candidates[:, None]
    balanced = kept[:, supported].mean(axis=1) + (~kept[:, ~supported]).mean(axis=1)
    return float(candidates[int(np.argmax(balanced))])
