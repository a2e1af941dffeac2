"""From scores to citations: which sources to cite for each statement.

A policy only chooses; everything a citation says about offsets and scores is filled in from the
attribution. Any callable of the right form can take the default policy's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results import Citation, Statement
from attribot_integrations.sources import Chunk, Source

__all__ = ["CitationPolicy", "ThresholdPolicy", "make_citations"]


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

    The default of 1 nat means that without the source the statement is less than 37 % (1/e) as
    likely.
    """

    min_score: float = 1.0
    """Least score of a cited source, in nats."""
    max_citations: int = 3
    """Most sources cited for a statement."""

    def __post_init__(self) -> None:
        if not self.min_score > 0:
            raise ConfigurationError(f"min_score must be above 0 nats, got {self.min_score}")
        if self.max_citations < 1:
            raise ConfigurationError(f"max_citations must be at least 1, got {self.max_citations}")

    def __call__(
        self, statement: Statement, sources: Sequence[Source], scores: npt.NDArray[np.float32]
    ) -> list[int]:
        """Return the positions of the strongest sources above the threshold."""
        ranked = np.argsort(-scores, kind="stable")[: self.max_citations]
        return [int(position) for position in ranked if scores[position] >= self.min_score]


def make_citations(
    policy: CitationPolicy,
    statements: Sequence[Statement],
    chunks: Sequence[Chunk],
    sources: Sequence[Source],
    statement_scores: npt.NDArray[np.float32],
    exact: npt.NDArray[np.bool_],
) -> tuple[Citation, ...]:
    """Apply a policy to every statement.

    Sentences are cited where there are any, whole chunks otherwise. Chunks are numbered by their
    first appearance.

    Args:
        policy: Chooses the sources.
        statements: The answer's statements.
        chunks: The retrieved chunks.
        sources: The scored sources.
        statement_scores: `[sources, statements]`, in nats.
        exact: `[sources]`, whether the score is exact on the target.
    """
    level = "sentence" if any(source.level == "sentence" for source in sources) else "chunk"
    rows = [row for row, source in enumerate(sources) if source.level == level]
    candidates = [sources[row] for row in rows]
    numbers: dict[int, int] = {}
    citations: list[Citation] = []
    for statement in statements:
        scores = statement_scores[rows, statement.index]
        for position in policy(statement, candidates, scores):
            source = candidates[position]
            citations.append(
                Citation(
                    number=numbers.setdefault(source.chunk_index, len(numbers) + 1),
                    statement_index=statement.index,
                    source_id=source.id,
                    chunk_index=source.chunk_index,
                    chunk_id=chunks[source.chunk_index].id,
                    answer_start=statement.start,
                    answer_end=statement.end,
                    chunk_start=source.start,
                    chunk_end=source.end,
                    text=source.text,
                    score=float(scores[position]),
                    exact=bool(exact[rows[position]]),
                )
            )
    return tuple(citations)
