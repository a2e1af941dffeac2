"""What an attribution says of each chunk, for one stretch of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from attribot_integrations.context.passages import repeated_in
from attribot_integrations.context.sources import Span, first_visible
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results import Attribution, FloatArray
from attribot_integrations.results.fitted import AUDIT_STATED
from attribot_integrations.results.parts import citable_rows
from attribot_integrations.results.policies import CiteDependence

__all__ = ["AuditOptions", "ChunkEvidence", "Witness"]


@dataclass(frozen=True)
class AuditOptions:
    """From when on a chunk counts as evidence for a statement."""

    depends: CiteDependence = field(default_factory=CiteDependence)
    """When a statement depends on a chunk, whose score is that of its best sentence."""
    min_states: float = AUDIT_STATED
    """Least word of the verifier, 0 to 1, of a chunk that states a statement."""

    def __post_init__(self) -> None:
        if not isinstance(self.depends, CiteDependence):
            raise ConfigurationError(
                f"depends must be a CiteDependence, not {type(self.depends).__name__}"
            )
        if not 0 <= self.min_states <= 1:
            raise ConfigurationError(f"min_states must be from 0 to 1, got {self.min_states}")


@dataclass(frozen=True, eq=False)
class ChunkEvidence:
    """What speaks for each chunk as the source of one stretch of the answer."""

    scores: FloatArray
    """`[chunks]`: what removing the chunk's best sentence costs, in nats; NaN if it was not
    scored."""
    least: float
    """Least score of a chunk that the stretch depends on, in nats."""
    states: FloatArray | None
    """`[chunks]`: how clearly its best sentence states it, 0 to 1; `None` without a verifier."""
    min_states: float
    equal: tuple[frozenset[int], ...] = ()
    """Groups of chunks any of which is enough."""

    def scored(self, chunk: int) -> bool:
        """Tell whether the chunk was scored at all."""
        return not bool(np.isnan(self.scores[chunk]))

    def depends(self, chunk: int) -> bool:
        """Tell whether the stretch depends on a chunk."""
        return bool(self.scores[chunk] >= self.least)

    def is_stated(self, chunk: int) -> bool | None:
        """Tell whether a chunk states the stretch; `None` without a verifier."""
        return None if self.states is None else bool(self.states[chunk] >= self.min_states)

    def equal_to(self, chunk: int) -> tuple[int, ...]:
        """Return the other chunks that are enough in a chunk's place."""
        together = {each for group in self.equal if chunk in group for each in group}
        return tuple(sorted(together - {chunk}))

    def carries(self, chunk: int) -> bool:
        """Tell whether a chunk is a source of the stretch, by either kind of evidence."""
        return bool(self.depends(chunk) or self.is_stated(chunk) or self.equal_to(chunk))

    @cached_property
    def needed(self) -> tuple[int, ...]:
        """The chunks that the stretch depends on, the strongest first.

        With a verifier, only those that state it too, if there are any.
        """
        order = np.argsort(-np.nan_to_num(self.scores, nan=-np.inf), kind="stable")
        found = [int(chunk) for chunk in order if self.depends(int(chunk))]
        return tuple([chunk for chunk in found if self.is_stated(chunk)] or found)

    def best(self, without: Sequence[int] = ()) -> int | None:
        """Return the chunk that carries the stretch best, `None` if none does.

        Args:
            without: Chunks that are not asked for.
        """
        for chunk in self.needed:
            if chunk not in without:
                return chunk
        if self.states is None or self.needed:
            return None
        order = np.argsort(-self.states, kind="stable")
        chosen = [int(chunk) for chunk in order if self.is_stated(int(chunk))]
        return next((chunk for chunk in chosen if chunk not in without), None)


class Witness:
    """Asks one attribution about stretches of its answer.

    Args:
        attribution: The attribution.
        options: What counts as evidence.
    """

    def __init__(self, attribution: Attribution, options: AuditOptions) -> None:
        self._attribution = attribution
        self._options = options
        self._rows = citable_rows(attribution.sources)
        self._begins = np.array(
            [first_visible(attribution.answer, span) for span in attribution.token_spans], dtype=int
        )
        chunks = attribution.chunks
        self._holders: list[list[int]] = []
        """Chunks that show each row's source."""
        for row in self._rows:
            source = attribution.sources[row]
            others = repeated_in(chunks, source.chunk_index, (source.start, source.end))
            self._holders.append([source.chunk_index, *others])

    def asked(self, span: Span, statements: Sequence[int]) -> ChunkEvidence:
        """Return the evidence for a stretch of the answer.

        Args:
            span: The stretch.
            statements: Indexes of the statements that it is in.
        """
        attribution, options = self._attribution, self._options
        scores = attribution.scores[:, self._tokens(span, statements)].sum(axis=1)
        by_chunk = self._best(scores[self._rows], np.nan)
        known = np.nan_to_num(by_chunk, nan=0.0)[:, None]
        (least,) = options.depends.least(known)
        stated = attribution.stated
        states = None
        if stated is not None:
            of_rows = stated[np.ix_(self._rows, list(statements))].max(axis=1, initial=0.0)
            states = self._best(of_rows, 0.0)
        return ChunkEvidence(
            by_chunk, float(least), states, options.min_states, self._equal(statements)
        )

    def _tokens(self, span: Span, statements: Sequence[int]) -> npt.NDArray[np.intp]:
        """Return the tokens of a stretch: all of a statement's, if it is all of its words."""
        found: list[int] = []
        for index in statements:
            statement = self._attribution.statements[index]
            own = np.arange(*statement.tokens)
            begins = self._begins[own]
            inside = own[(begins >= span[0]) & (begins < span[1])]
            whole = span[0] <= statement.start and statement.end <= span[1] + 1
            found += [int(token) for token in (own if whole or not len(inside) else inside)]
        return np.array(found, dtype=np.intp)

    def _best(self, values: npt.NDArray[np.float32], missing: float) -> FloatArray:
        """Return `[chunks]`: the highest value of a chunk's sources."""
        best = np.full(len(self._attribution.chunks), -np.inf, dtype=np.float32)
        for value, holders in zip(values, self._holders, strict=True):
            for chunk in holders:
                best[chunk] = max(best[chunk], value)
        best[np.isneginf(best)] = missing
        return best

    def _equal(self, statements: Sequence[int]) -> tuple[frozenset[int], ...]:
        chunk_of = {source.id: source.chunk_index for source in self._attribution.sources}
        groups = [
            frozenset(chunk_of[id_] for id_ in group.source_ids)
            for group in self._attribution.alternatives
            if group.statement_index in statements
        ]
        return tuple(group for group in groups if len(group) > 1)
