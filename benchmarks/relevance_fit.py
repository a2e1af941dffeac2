"""The fit of `WordSignal`'s default, and how well it holds on questions that it has not seen.

A logistic regression on what words show of a chunk, each data set weighing the same, and in it the
marked chunks as much as the others. Then the bias is moved to where 1/2 keeps 97 % of the marked
chunks of the data set in which they are hardest to keep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from attribot_integrations.context.sources import SourceSet
from attribot_integrations.filtering.keeping import DEFAULT_THRESHOLD
from attribot_integrations.filtering.relevance import RelevanceInput
from attribot_integrations.filtering.worded import WordEvidence, WordProbability, WordSignal
from attribot_integrations.requests.options import EngineOptions

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Chunk
    from attribot_integrations.scoring.protocols import ScoringModel

__all__ = [
    "JudgedWords",
    "cross_validated",
    "fit_words",
    "kept_and_dropped",
    "without_marked",
    "word_evidence",
]

_KEPT: Final = 0.97
"""Least share of each data set's marked chunks that the fit keeps: 2 % more than it is to keep of
questions that it has not seen."""
_HEAVY: Final = 1e4
"""Weight of a data set, beside which the regularisation does not count."""
_RESAMPLES: Final = 2000


@dataclass(frozen=True, eq=False)
class JudgedWords:
    """What words show of a question's chunks, and which of them are marked."""

    evidence: WordEvidence
    relevant: npt.NDArray[np.bool_]


def word_evidence(question: str, chunks: Sequence[Chunk]) -> WordEvidence:
    """Return what words show of each chunk; no model is asked."""
    context = SourceSet.build(chunks)
    unused: ScoringModel = None  # type: ignore[assignment]
    return WordSignal().examine(
        RelevanceInput(unused, question, context, context.whole_chunks, EngineOptions())
    )


def fit_words(sets: Mapping[str, Sequence[JudgedWords]]) -> WordProbability:
    """Fit the default to data sets."""
    from sklearn.linear_model import LogisticRegression

    features = {
        name: np.concatenate([each.evidence.features() for each in rows])
        for name, rows in sets.items()
    }
    labels = {name: np.concatenate([each.relevant for each in rows]) for name, rows in sets.items()}
    weights = [
        np.where(each, 1 / each.sum(), 1 / max(1, (~each).sum())) for each in labels.values()
    ]
    model = LogisticRegression(max_iter=1000).fit(
        np.concatenate([*features.values()]),
        np.concatenate([*labels.values()]),
        sample_weight=_HEAVY * np.concatenate(weights),
    )
    matched, said = (float(weight) for weight in model.coef_[0])
    least = min(
        _quantile((features[name] @ model.coef_[0])[relevant]) for name, relevant in labels.items()
    )
    return WordProbability(matched, said, -least)


def cross_validated(
    sets: Mapping[str, Sequence[JudgedWords]], folds: int = 5
) -> dict[str, tuple[list[npt.NDArray[np.float32]], list[npt.NDArray[np.float32]]]]:
    """Return each set's probabilities by fits that have not seen its question, or any of its set.

    Args:
        sets: The data sets.
        folds: Parts of the questions, where those of a set are left out in turn.
    """
    parts = {
        name: np.random.default_rng(0).permutation(len(rows)) % folds for name, rows in sets.items()
    }
    fits = [
        fit_words(
            {
                name: [each for each, part in zip(rows, parts[name], strict=True) if part != fold]
                for name, rows in sets.items()
            }
        )
        for fold in range(folds)
    ]
    found = {}
    for name, rows in sets.items():
        other = fit_words({each: sets[each] for each in sets if each != name})
        of_questions = [
            fits[part](each.evidence) for each, part in zip(rows, parts[name], strict=True)
        ]
        found[name] = (of_questions, [other(each.evidence) for each in rows])
    return found


def kept_and_dropped(
    scores: Sequence[npt.NDArray[np.float32]], rows: Sequence[JudgedWords]
) -> dict[str, Any]:
    """Return shares of the marked chunks kept and of the others dropped at the default threshold.

    Intervals of 95 % are from drawing questions with replacement.
    """
    kept = [each >= np.float32(DEFAULT_THRESHOLD) for each in scores]
    pairs = list(zip(kept, (row.relevant for row in rows), strict=True))
    figures: dict[str, Any] = {}
    for name, counts in (
        ("recall", [((k & r).sum(), r.sum()) for k, r in pairs]),
        ("dropped", [((~k & ~r).sum(), (~r).sum()) for k, r in pairs]),
    ):
        table = np.array(counts, np.float64)
        if not table[:, 1].sum():
            figures |= {name: None, f"{name}_ci": None}
            continue
        drawn = np.random.default_rng(0).integers(len(table), size=(_RESAMPLES, len(table)))
        part, whole = table[drawn].sum(axis=1).T
        shares = part[whole > 0] / whole[whole > 0]
        figures[name] = float(table[:, 0].sum() / table[:, 1].sum())
        figures[f"{name}_ci"] = [float(each) for each in np.quantile(shares, [0.025, 0.975])]
    return figures


def without_marked(row: JudgedWords, question: str, chunks: Sequence[Chunk]) -> JudgedWords | None:
    """Return the question as it is where nothing relevant was retrieved; `None` without others."""
    others = [chunk for chunk, marked in zip(chunks, row.relevant, strict=True) if not marked]
    if not others:
        return None
    evidence = word_evidence(question, others)
    return replace(row, evidence=evidence, relevant=np.zeros(len(others), np.bool_))


def _quantile(values: npt.NDArray[np.float64]) -> float:
    """Return the highest value that so many are at or above."""
    spare = int(np.floor((1 - _KEPT) * len(values) + 1e-9))
    return float(np.sort(values)[spare])
