"""From scores to citations: what a citation says of the sources that a policy chooses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from attribot_integrations.context.sources import Chunk, Source
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results.fitted import MIN_STATED
from attribot_integrations.results.parts import (
    Alternatives,
    Basis,
    Citation,
    FloatArray,
    Statement,
    citable_rows,
)
from attribot_integrations.results.policies import CitationPolicy, CiteDependence

__all__ = ["make_citations"]


def make_citations(
    policy: CitationPolicy,
    statements: Sequence[Statement],
    chunks: Sequence[Chunk],
    sources: Sequence[Source],
    statement_scores: FloatArray,
    exact: npt.NDArray[np.bool_],
    alternatives: Sequence[Alternatives] = (),
    stated: FloatArray | None = None,
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
        stated: `[sources, statements]`, how clearly each source states each, 0 to 1.

    Raises:
        ConfigurationError: If the policy returns a position that no source has.
    """
    maker = _CitationMaker(chunks, sources, statement_scores, exact, stated)
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
        statement_scores: FloatArray,
        exact: npt.NDArray[np.bool_],
        stated: FloatArray | None,
    ) -> None:
        self._rows = citable_rows(sources)
        self._candidates = [sources[row] for row in self._rows]
        self._chunks = chunks
        self._scores = statement_scores[self._rows]
        self._exact = exact[self._rows]
        self._stated = None if stated is None else stated[self._rows]
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
        stated = None if self._stated is None else self._stated[:, statement.index]
        chosen = policy(statement, self._candidates, scores, stated)
        if wrong := [place for place in chosen if not 0 <= place < len(self._candidates)]:
            raise ConfigurationError(
                f"a citation policy must return positions from 0 to {len(self._candidates) - 1}, "
                f"got {wrong[0]!r}"
            )
        joint = group.joint_score if group else 0.0
        total = joint + sum(
            max(0.0, float(score)) for place, score in enumerate(scores) if place not in together
        )
        carrying = {*CiteDependence()(statement, self._candidates, scores), *together}
        for place in dict.fromkeys([*together, *chosen]):
            weight = joint / len(together) if place in together else float(scores[place])
            share = min(1.0, max(0.0, weight / total)) if total > 0 else 0.0
            states = None if stated is None else float(stated[place])
            self._add(statement, place, share, together.get(place), states, place in carrying)

    def _add(
        self,
        statement: Statement,
        place: int,
        share: float,
        group: Alternatives | None,
        states: float | None,
        depends: bool,
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
                score=float(self._scores[place, statement.index]),
                exact=bool(self._exact[place]),
                share=share,
                alternatives=tuple(id_ for id_ in same if id_ != source.id),
                sufficiency=same.get(source.id),
                part=source.part,
                basis=_basis(depends, states),
                states=states,
                said=chunk.said,
            )
        )


def _basis(depends: bool, states: float | None) -> Basis:
    if states is None or states < MIN_STATED:
        return "depends"
    return "both" if depends else "states"
