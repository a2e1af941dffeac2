"""Which sources to cite for a statement: what it depends on, what states it, or both.

A policy only chooses; everything that a citation says is filled in by `citations`. Any callable of
the right form can take a policy's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Protocol

import numpy as np

from attribot_integrations.context.sources import Source
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results.fitted import (
    ENOUGH_SCORE,
    MAX_CITATIONS,
    MIN_SCORE,
    MIN_SHARE,
    MIN_STATED,
    NEAR_BEST_STATED,
)
from attribot_integrations.results.parts import FloatArray, Statement
from attribot_integrations.results.ranking import by_evidence, ranked

__all__ = [
    "CitationPolicy",
    "CiteDependence",
    "CiteEvidence",
    "CiteSupport",
    "least_cited",
]


class CitationPolicy(Protocol):
    """Anything that chooses the sources to cite for one statement."""

    def __call__(
        self,
        statement: Statement,
        sources: Sequence[Source],
        scores: FloatArray,
        stated: FloatArray | None,
    ) -> Sequence[int]:
        """Return the positions in `sources` to cite, strongest first.

        Args:
            statement: The statement.
            sources: The sources that may be cited.
            scores: `[sources]`, each one's score for the statement, in nats.
            stated: `[sources]`, how clearly each states it, 0 to 1; `None` without a verifier.
        """
        ...


@dataclass(frozen=True)
class CiteDependence:
    """Cites the sources whose removal costs the statement enough likelihood.

    Enough is a share of what all sources cost together, for a short extract loses few nats by the
    removal of what it was taken from, and a long sentence loses as many by that of a bystander. A
    score that says much by itself needs no such share: of 8 nats, the statement is 0.03 % as
    likely without the source. The defaults were chosen on real text, see the page on defaults.
    """

    min_score: float = MIN_SCORE
    """Least score of a cited source, in nats."""
    max_citations: int = MAX_CITATIONS
    """Most sources cited for a statement."""
    min_share: float = MIN_SHARE
    """Least share of a cited source in the sum of all positive scores, 0 to 1."""
    enough_score: float = ENOUGH_SCORE
    """Score, in nats, from which on a source is cited whatever its share."""

    def __post_init__(self) -> None:
        for name in ("min_score", "enough_score"):
            _check_number(name, getattr(self, name), " of nats")
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be above 0 nats, got {getattr(self, name)}")
        _check_fraction("min_share", self.min_share)
        _check_most(self.max_citations)

    def least(self, scores: FloatArray) -> FloatArray:
        """Return `[statements]`, the least score that is cited, from `[sources, statements]`."""
        return least_cited(scores, self.min_score, self.min_share, self.enough_score)

    def __call__(
        self,
        statement: Statement,
        sources: Sequence[Source],
        scores: FloatArray,
        stated: FloatArray | None = None,
    ) -> list[int]:
        """Return the positions of the strongest sources above the threshold."""
        (least,) = self.least(scores[:, None])
        strongest = ranked(scores)[: self.max_citations]
        return [position for position in strongest if scores[position] >= least]


@dataclass(frozen=True)
class CiteSupport:
    """Cites the sources that state the statement, whether or not the answer depends on them."""

    min_stated: float = MIN_STATED
    """Least verifier's score of a cited source, 0 to 1."""
    near_best: float = NEAR_BEST_STATED
    """Least share of the best source's score, 0 to 1."""
    max_citations: int = MAX_CITATIONS
    """Most sources cited for a statement."""

    def __post_init__(self) -> None:
        _check_fraction("min_stated", self.min_stated)
        _check_fraction("near_best", self.near_best)
        _check_most(self.max_citations)

    def __call__(
        self,
        statement: Statement,
        sources: Sequence[Source],
        scores: FloatArray,
        stated: FloatArray | None,
    ) -> list[int]:
        """Return the positions of the sources that state it, the clearest first."""
        if stated is None:
            return []
        least = max(self.min_stated, self.near_best * float(stated.max(initial=0.0)))
        clearest = ranked(stated)[: self.max_citations]
        return [place for place in clearest if stated[place] >= least and stated[place] > 0]


@dataclass(frozen=True)
class CiteEvidence:
    """Cites what the statement depends on, and what clearly states it; the default.

    The first alone cites nothing for what the model knew anyway though a document says it, and the
    second alone cannot tell what was used. Together they find more of what people mark than either,
    see the page on real text. Without a verifier it is `depends` alone. No more are cited than the
    rule that allows more.
    """

    depends: CiteDependence = field(default_factory=CiteDependence)
    """What is cited because the answer depends on it."""
    states: CiteSupport = field(default_factory=CiteSupport)
    """What is cited because it states the statement."""

    def __call__(
        self,
        statement: Statement,
        sources: Sequence[Source],
        scores: FloatArray,
        stated: FloatArray | None,
    ) -> list[int]:
        """Return the positions that either rule chooses, by the sum of both kinds of evidence."""
        chosen = {
            *self.depends(statement, sources, scores),
            *self.states(statement, sources, scores, stated),
        }
        most = max(self.depends.max_citations, self.states.max_citations)
        return [place for place in by_evidence(scores, stated) if place in chosen][:most]


def least_cited(
    scores: FloatArray, min_score: float, min_share: float, enough_score: float
) -> FloatArray:
    """Return the least score of a source that is cited, for each statement.

    max(min_score, min(min_share * sum of the positive scores, enough_score)).

    Args:
        scores: `[sources, statements]`, in nats.
        min_score: See `CiteDependence`, and so for the others.
        min_share: Share.
        enough_score: Nats.

    Returns:
        `[statements]`, in nats.
    """
    totals = np.where(scores > 0, scores, 0).sum(axis=0)
    return np.asarray(
        np.maximum(min_score, np.minimum(min_share * totals, enough_score)), dtype=np.float32
    )


def _check_number(name: str, value: object, unit: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ConfigurationError(f"{name} must be a number{unit}, not {type(value).__name__}")


def _check_fraction(name: str, value: float) -> None:
    _check_number(name, value)
    if not 0 <= value <= 1:
        raise ConfigurationError(f"{name} must be from 0 to 1, got {value}")


def _check_most(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ConfigurationError(f"max_citations must be an int, not {type(value).__name__}")
    if value < 1:
        raise ConfigurationError(f"max_citations must be at least 1, got {value}")
