"""Fitting the relevance of chunks to questions whose relevant chunks are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from attribot_integrations.context.sources import Chunk, SourceSet, as_chunks
from attribot_integrations.errors import ConfigurationError, InputError, MissingExtraError
from attribot_integrations.evaluation.calibration import expected_calibration_error
from attribot_integrations.filtering.drafted import DraftProbability, DraftSignal
from attribot_integrations.filtering.relevance import RelevanceInput
from attribot_integrations.filtering.worded import UNKNOWN, WordProbability, WordSignal
from attribot_integrations.results.probabilities import logistic

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.results.parts import FloatArray

__all__ = ["LabelledChunks", "RelevanceCalibration", "calibrate_relevance"]

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class _Evidence(Protocol):
    """What a signal shows of each source, before it is a probability."""

    @property
    def telling(self) -> Booleans: ...

    def features(self) -> FloatArray: ...


@dataclass(frozen=True)
class LabelledChunks:
    """A question, what was retrieved for it, and what of that is relevant."""

    question: str
    chunks: Sequence[str | Chunk]
    relevant: Sequence[int]
    """Indexes of the relevant chunks."""


@dataclass(frozen=True)
class RelevanceCalibration:
    """A fitted signal, and how good it is on questions that it was not fitted to."""

    signal: WordSignal | DraftSignal
    """For `engine.score_chunks(…, signal=…)`."""
    threshold: float
    """Highest threshold that keeps the wanted share of the relevant chunks, cross-validated."""
    recall: float
    """Share of the relevant chunks that it keeps, cross-validated."""
    dropped: float
    """Share of the other chunks that it drops, cross-validated."""
    calibration_error: float
    """Expected calibration error of the probabilities, 0 to 1, cross-validated."""
    chunks: int
    """Number of labelled chunks; blank ones do not count."""


def calibrate_relevance(
    engine: AttributionEngine,
    examples: Sequence[LabelledChunks],
    *,
    signal: WordSignal | DraftSignal | None = None,
    min_recall: float = 0.98,
    folds: int = 5,
) -> RelevanceCalibration:
    """Fit the probability of relevance, and the threshold on it, to labelled chunks.

    A logistic regression on what the signal shows of each chunk. All chunks of a question are in
    one fold.

    Args:
        engine: Drafts and judges with the models that `engine.score_chunks` uses.
        examples: Questions with their chunks, of the kind that will be filtered.
        signal: What is fitted, the words by default; its other options are kept.
        min_recall: Share of the relevant chunks to keep, above 0 and up to 1.
        folds: Parts of the questions, each predicted by a model fitted to the others.

    Raises:
        ConfigurationError: If `folds` or `min_recall` makes no sense.
        InputError: If a label names no chunk, or fewer questions than there are folds have both
            relevant and other chunks.
        MissingExtraError: If scikit-learn is not installed.
    """
    if folds < 2 or not 0 < min_recall <= 1:
        raise ConfigurationError(
            "folds must be at least 2, and min_recall above 0 and up to 1, "
            f"got {folds} and {min_recall}"
        )
    labels = [_labels(number, each) for number, each in enumerate(examples)]
    mixed = [bool(each.any() and not each.all()) for each in labels]
    if sum(mixed) < folds:
        raise InputError(
            f"at least {folds} questions, one for each fold, must have relevant and other chunks; "
            f"there are {sum(mixed)}"
        )
    base = signal or WordSignal()
    evidence = [_examine(engine, each, base) for each in examples]
    parts = _parts(mixed, folds)
    probabilities = _cross_validated(evidence, labels, parts)
    relevant = np.concatenate(labels)
    threshold = _threshold(probabilities[relevant], min_recall)
    kept = probabilities >= threshold
    return RelevanceCalibration(
        signal=_with_fit(base, _fit(evidence, labels)),
        threshold=threshold,
        recall=float(kept[relevant].mean()),
        dropped=float((~kept[~relevant]).mean()),
        calibration_error=expected_calibration_error(probabilities, relevant),
        chunks=len(relevant),
    )


def _labels(number: int, example: LabelledChunks) -> Booleans:
    """Return which chunks are relevant, leaving out blank ones, which are never scored."""
    chunks = as_chunks(example.chunks)
    for index in example.relevant:
        if not 0 <= index < len(chunks):
            raise InputError(
                f"example {number} has {len(chunks)} chunks, and none of index {index}"
            )
    relevant = set(example.relevant)
    return np.array([i in relevant for i, each in enumerate(chunks) if each.text.strip()], np.bool_)


def _examine(
    engine: AttributionEngine, example: LabelledChunks, signal: WordSignal | DraftSignal
) -> _Evidence:
    options, judge = engine.options, engine.proxy or engine.target
    context = SourceSet.build(as_chunks(example.chunks), options.splitter)
    sources = context.whole_chunks
    return signal.examine(
        RelevanceInput(judge, example.question, context, sources, options, engine.target)
    )


def _parts(mixed: Sequence[bool], folds: int) -> npt.NDArray[np.int64]:
    """Return a fold for each question, dividing those that hold both classes evenly."""
    order = np.random.default_rng(0).permutation(len(mixed))
    order = order[np.argsort([not mixed[index] for index in order], kind="stable")]
    parts = np.zeros(len(mixed), dtype=np.int64)
    parts[order] = np.arange(len(mixed)) % folds
    return parts


def _cross_validated(
    evidence: Sequence[_Evidence], labels: Sequence[Booleans], parts: npt.NDArray[np.int64]
) -> Floats:
    """Predict each question's chunks by a model that has not seen them."""
    found: list[Floats] = [np.zeros(0)] * len(evidence)
    for part in np.unique(parts):
        others = np.flatnonzero(parts != part).tolist()
        *weights, bias = _fit([evidence[i] for i in others], [labels[i] for i in others])
        for index in np.flatnonzero(parts == part).tolist():
            shown = logistic(evidence[index].features() @ np.array(weights) + bias)
            found[index] = np.where(evidence[index].telling, shown, UNKNOWN)
    return np.concatenate(found)


def _fit(evidence: Sequence[_Evidence], labels: Sequence[Booleans]) -> tuple[float, float, float]:
    """Return two weights and a bias."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError("calibration", "evaluation") from error
    telling = np.concatenate([each.telling for each in evidence])
    features = np.concatenate([each.features() for each in evidence])
    model = LogisticRegression(max_iter=1000)
    model.fit(features[telling], np.concatenate(labels)[telling])
    first, second = (float(weight) for weight in model.coef_[0])
    return first, second, float(model.intercept_[0])


def _with_fit(
    signal: WordSignal | DraftSignal, fit: tuple[float, float, float]
) -> WordSignal | DraftSignal:
    if isinstance(signal, WordSignal):
        return replace(signal, probability=WordProbability(*fit))
    return replace(signal, probability=DraftProbability(*fit))


def _threshold(relevant: Floats, min_recall: float) -> float:
    """Return the highest threshold that keeps a share of the relevant chunks."""
    spare = int(np.floor((1 - min_recall) * len(relevant) + 1e-9))
    return float(np.sort(relevant)[spare])
