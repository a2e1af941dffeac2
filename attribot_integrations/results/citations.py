"""From scores to citations: which sources to cite for each statement.

A policy only chooses; everything a citation says about offsets and scores is filled in from the
attribution. Any callable of the right form can take the default policy's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Protocol

import numpy as np
import numpy.typing as npt

from attribot_integrations.context.sources import Chunk, Source
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results.fitted import (
    ENOUGH_SCORE,
    MAX_CITATIONS,
    MIN_SCORE,
    MIN_SHARE,
)
from attribot_integrations.results.parts import Alternatives, Citation, Statement, citable_rows
from attribot_integrations.results.ranking import ranked

__all__ = [
    "CitationPolicy",
    "ThresholdPolicy",
    "least_cited",
    "make_citations",
]


class CitationPolicy(Protocol):
    """Anything that chooses the sources to cite for one statement."""

    def __call__(
        self, statement: Statement, sources: Sequence[Source], scores: npt.NDArray[np.float32]
    ) -> Sequence[int]:
        """Return the positions in `sources` to cite, strongest first.

        Args:
            statement: The statement.
            sources: The sources that may be cited.
            scores: `[sources]`, each one's score for the statement, in nats.
        """
        ...


@dataclass(frozen=True)
class ThresholdPolicy:
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
        self._check_types()
        for name in ("min_score", "enough_score"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be above 0 nats, got {getattr(self, name)}")
        if not 0 <= self.min_share <= 1:
            raise ConfigurationError(f"min_share must be from 0 to 1, got {self.min_share}")
        if self.max_citations < 1:
            raise ConfigurationError(f"max_citations must be at least 1, got {self.max_citations}")

    def _check_types(self) -> None:
        for name, unit in (
            ("min_score", " of nats"),
            ("min_share", ""),
            ("enough_score", " of nats"),
        ):
            value: object = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real):
                raise ConfigurationError(
                    f"{name} must be a number{unit}, not {type(value).__name__}"
                )
        most: object = self.max_citations
        if isinstance(most, bool) or not isinstance(most, Integral):
            raise ConfigurationError(f"max_citations must be an int, not {type(most).__name__}")

    def __call__(
        self, statement: Statement, sources: Sequence[Source], scores: npt.NDArray[np.float32]
    ) -> list[int]:
        """Return the positions of the strongest sources above the threshold."""
        (least,) = least_cited(scores[:, None], self.min_score, self.min_share, self.enough_score)
        strongest = ranked(scores)[: self.max_citations]
        return [position for position in strongest if scores[position] >= least]


def least_cited(
    scores: npt.NDArray[np.float32], min_score: float, min_share: float, enough_score: float
) -> npt.NDArray[np.float32]:
    """Return the least score of a source that is cited, for each statement.

    max(min_score, min(min_share * sum of the positive scores, enough_score)).

    Args:
        scores: `[sources, statements]`, in nats.
        min_score: See `ThresholdPolicy`, and so for the others.
        min_share: Share.
        enough_score: Nats.

    Returns:
        `[statements]`, in nats.
    """
    totals = np.where(scores > 0, scores, 0).sum(axis=0)
    return np.asarray(
        np.maximum(min_score, np.minimum(min_share * totals, enough_score)), dtype=np.float32
    )


def make_citations(
    policy: CitationPolicy,
    statements: Sequence[Statement],
    chunks: Sequence[Chunk],
    sources: Sequence[Source],
    statement_scores: npt.NDArray[np.float32],
    exact: npt.NDArray[np.bool_],
    alternatives: Sequence[Alternatives] = (),
) -> tuple[Citation, ...]:
    """Apply a policy to every statement, and cite the alternatives found for it beside.

    Sentences are cited where there are any, whole chunks otherwise. Chunks are numbered by their
    first appearance; chunks of the same text share a number.

    Args:
        policy: Chooses the sources.
        statements: The answer's statements.
        chunks: The retrieved chunks.
        sources: The scored sources.
        statement_scores: `[sources, statements]`, in nats.
        exact: `[sources]`, whether the score is exact on the target.
        alternatives: Sources that say the same, at most one group for each statement.

    Raises:
        ConfigurationError: If the policy returns a position that no source has.
    """
    maker = _CitationMaker(chunks, sources, statement_scores, exact)
    groups = {group.statement_index: group for group in alternatives}
    for statement in statements:
        maker.cite(statement, policy, groups.get(statement.index))
    return tuple(maker.citations)


class _CitationMaker:
    """Fills in what a citation says beside its source."""

    def __init__(
        self,
        chunks: Sequence[Chunk],
        sources: Sequence[Source],
        statement_scores: npt.NDArray[np.float32],
        exact: npt.NDArray[np.bool_],
    ) -> None:
        self._rows = citable_rows(sources)
        self._candidates = [sources[row] for row in self._rows]
        self._chunks = chunks
        self._scores = statement_scores[self._rows]
        self._exact = exact[self._rows]
        self._numbers: dict[str, int] = {}
        self.citations: list[Citation] = []

    def cite(
        self, statement: Statement, policy: CitationPolicy, group: Alternatives | None
    ) -> None:
        """Add the citations of one statement: its alternatives, and what the policy chooses.

        Raises:
            ConfigurationError: If the policy returns a position that no candidate has.
        """
        scores = self._scores[:, statement.index]
        places = {source.id: place for place, source in enumerate(self._candidates)}
        together = {places[id_]: group for id_ in group.source_ids} if group else {}
        chosen = policy(statement, self._candidates, scores)
        if wrong := [place for place in chosen if not 0 <= place < len(self._candidates)]:
            raise ConfigurationError(
                f"a citation policy must return positions from 0 to {len(self._candidates) - 1}, "
                f"got {wrong[0]!r}"
            )
        joint = group.joint_score if group else 0.0
        total = joint + sum(
            max(0.0, float(score)) for place, score in enumerate(scores) if place not in together
        )
        for place in dict.fromkeys([*together, *chosen]):
            weight = joint / len(together) if place in together else float(scores[place])
            share = min(1.0, max(0.0, weight / total)) if total > 0 else 0.0
            self._add(statement, place, float(scores[place]), share, together.get(place))

    def _add(
        self,
        statement: Statement,
        place: int,
        score: float,
        share: float,
        group: Alternatives | None,
    ) -> None:
        source = self._candidates[place]
        chunk = self._chunks[source.chunk_index]
        same = dict(zip(group.source_ids, group.sufficiency, strict=True)) if group else {}
        self.citations.append(
            Citation(
                number=self._numbers.setdefault(
                    " ".join(chunk.text.split()), len(self._numbers) + 1
                ),
                statement_index=statement.index,
                source_id=source.id,
                chunk_index=source.chunk_index,
                chunk_id=chunk.id,
                answer_start=statement.start,
                answer_end=statement.end,
                chunk_start=source.start,
                chunk_end=source.end,
                text=source.text,
                score=score,
                exact=bool(self._exact[place]),
                share=share,
                alternatives=tuple(id_ for id_ in same if id_ != source.id),
                sufficiency=same.get(source.id),
                part=source.part,
            )
        )
