"""How well one ranking of sources agrees with another, with gold evidence, and with ablations.

Every function looks at one example. None of them depends on the order of the sources: tied scores
are treated as one group, never by position. What is not defined is `None`, and no 0.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError

__all__ = [
    "CitationQuality",
    "OutlierRule",
    "average_precision",
    "citation_quality",
    "datamodeling_score",
    "pearson",
    "spearman",
    "top_agreement",
]

Floats = npt.NDArray[np.floating]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class OutlierRule:
    """Which sources stand out by their reference score, and so ought to be found.

    `deviations`: above mean + `factor` standard deviations (of the population). With n sources a
    single spike is at most sqrt(n - 1) deviations out, so with 5 or fewer nothing stands out by 2.
    `interquartile`: above the third quartile + `factor` interquartile ranges (Tukey's fence).
    `best`: the sources of highest score, whatever it is.
    """

    kind: str = "deviations"
    """`"deviations"`, `"interquartile"` or `"best"`."""
    factor: float = 2.0
    """How far out an outlier is; `"best"` has no use for it."""
    min_score: float | None = None
    """Least score of an outlier, in nats. Without it something stands out of noise, too."""

    def __post_init__(self) -> None:
        if self.kind not in ("deviations", "interquartile", "best"):
            raise ConfigurationError(
                f'kind must be "deviations", "interquartile" or "best", got {self.kind!r}'
            )
        if not self.factor > 0:
            raise ConfigurationError(f"factor must be above 0, got {self.factor}")

    def outliers(self, scores: Floats) -> Booleans:
        """Return `[sources]`: which of them stand out.

        Args:
            scores: `[sources]`, the reference's.
        """
        if not scores.size:
            return np.zeros(0, dtype=np.bool_)
        found = self._standing_out(np.asarray(scores, dtype=np.float64))
        return found if self.min_score is None else found & (scores >= self.min_score)

    def _standing_out(self, values: npt.NDArray[np.float64]) -> Booleans:
        if self.kind == "best":
            return np.asarray(values == values.max())
        if self.kind == "deviations":
            return np.asarray(values > values.mean() + self.factor * values.std())
        low, high = np.quantile(values, [0.25, 0.75])
        return np.asarray(values > high + self.factor * (high - low))


def average_precision(scores: Floats, relevant: Booleans) -> float | None:
    """Return how high a ranking places the relevant sources, 0 to 1.

    AP = sum over the distinct scores, from the highest, of (R_k - R_(k-1)) * P_k, where P_k and R_k
    are precision and recall of all sources down to the k-th score (Manning et al., Introduction to
    Information Retrieval, 8.4; tied sources form one step, as in scikit-learn).

    Args:
        scores: `[sources]`, the ranking.
        relevant: `[sources]`.

    Returns:
        The average precision, or `None` if nothing is relevant.
    """
    total = int(relevant.sum())
    if not total:
        return None
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(relevant[order])
    last = np.append(ranked[1:] != ranked[:-1], True)  # the end of each group of ties
    found, places = hits[last], np.flatnonzero(last) + 1
    gained = np.diff(found, prepend=0) / total
    return float((gained * found / places).sum())


def top_agreement(scores: Floats, reference: Floats) -> float | None:
    """Return whether the highest-scored source is also the reference's, 0 or 1.

    Where several share the highest score, it is the share of them that the reference puts first.

    Returns:
        The agreement, or `None` without sources.
    """
    if not scores.size:
        return None
    return float((reference[scores == scores.max()] == reference.max()).mean())


def pearson(left: Floats, right: Floats) -> float | None:
    """Return the linear correlation of two vectors, or `None` where one of them is constant."""
    x, y = (np.asarray(each, dtype=np.float64) for each in (left, right))
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(np.clip(x @ y / norm, -1.0, 1.0)) if norm > 0 else None


def spearman(left: Floats, right: Floats) -> float | None:
    """Return the correlation of the ranks of two vectors, tied values sharing their mean rank.

    Returns:
        The rank correlation, or `None` where one of the vectors is constant.
    """
    return pearson(_ranks(left), _ranks(right))


def datamodeling_score(scores: Floats, kept: Booleans, outcomes: Floats) -> float | None:
    """Return the linear datamodelling score: how well sums of scores predict random ablations.

    LDS = Spearman(sum of the scores of the kept sources, log-likelihood of the answer), over the
    ablations (Park et al. 2023, arXiv 2303.14186, definition 2.2; for contexts Cohen-Wang et al.
    2024, arXiv 2409.00729, section 2).

    Args:
        scores: `[sources]`.
        kept: `[ablations, sources]`.
        outcomes: `[ablations]`, log-likelihood of the answer under each.

    Returns:
        The score, -1 to 1, or `None` where it is not defined.
    """
    return spearman(kept.astype(np.float64) @ scores.astype(np.float64), outcomes)


@dataclass(frozen=True)
class CitationQuality:
    """Citations of one answer against gold evidence."""

    precision: float | None
    """Share of the cited places that are evidence; `None` where nothing is cited."""
    recall: float
    """Share of the needed facts for which any of their places is cited."""
    f1: float
    """Harmonic mean of precision and recall; 0 where nothing is cited."""


def citation_quality(
    cited: Collection[object], gold: Sequence[Collection[object]]
) -> CitationQuality | None:
    """Compare cited places with gold evidence.

    Args:
        cited: The places cited, each counted once.
        gold: One entry for each needed fact: the places that state it, any of which is enough.

    Returns:
        The quality, or `None` where the gold evidence names no fact.
    """
    if not gold:
        return None
    places = set(cited)
    evidence = {place for places_of_fact in gold for place in places_of_fact}
    recall = sum(not places.isdisjoint(each) for each in gold) / len(gold)
    if not places:
        return CitationQuality(None, 0.0, 0.0)
    precision = len(places & evidence) / len(places)
    total = precision + recall
    return CitationQuality(precision, recall, 2 * precision * recall / total if total else 0.0)


def _ranks(values: Floats) -> npt.NDArray[np.float64]:
    """Return ranks from 1, tied values sharing the mean of theirs."""
    _, groups, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[groups], dtype=np.float64)
