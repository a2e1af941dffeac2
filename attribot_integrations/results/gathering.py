"""Sources and citations of several attributions, gathered into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from attribot_integrations.context.sources import Chunk, Level, Source
from attribot_integrations.results.attribution import Attribution
from attribot_integrations.results.parts import (
    Alternatives,
    Certificate,
    Citation,
    Cost,
    Estimand,
    FloatArray,
    ModelCost,
)
from attribot_integrations.results.showing import numbered_as_shown
from attribot_integrations.results.support import Support

__all__ = ["Composed", "Key", "cited_key", "key_of", "total_cost"]

Key = tuple[int, Level, int, int]
"""Chunk, level, start and end of a source."""


@dataclass
class _Row:
    """What is known of one source."""

    scores: FloatArray
    exact: bool = True
    estimand: Estimand | None = None


@dataclass(frozen=True)
class _Group:
    """Sources that say the same for a statement."""

    statement: int
    keys: tuple[Key, ...]
    sufficiency: tuple[float, ...]
    joint_score: float


@dataclass
class Composed:
    """Sources and citations as they are gathered."""

    chunks: tuple[Chunk, ...]
    tokens: int
    rows: dict[Key, _Row] = field(default_factory=dict)
    citations: dict[tuple[int, Key], Citation] = field(default_factory=dict)
    groups: list[_Group] = field(default_factory=list)
    sets: list[tuple[Certificate, tuple[Key, ...]]] = field(default_factory=list)

    def add(
        self, key: Key, scores: FloatArray, start: int, *, exact: bool, estimand: Estimand
    ) -> None:
        """Add a source's scores for the tokens from one on."""
        row = self.rows.setdefault(key, _Row(np.zeros(self.tokens, dtype=np.float32)))
        row.scores[start : start + len(scores)] += scores
        row.exact &= exact
        row.estimand = estimand if row.estimand in (None, estimand) else "through"

    def cite(self, key: Key, citation: Citation) -> None:
        """Add a citation, or what it carries to one of the same source."""
        place = citation.statement_index, key
        known = self.citations.get(place)
        if known is not None:
            citation = replace(
                known,
                score=known.score + citation.score,
                share=min(1.0, known.share + citation.share),
                exact=known.exact and citation.exact,
                basis=known.basis if known.basis == citation.basis else "both",
                states=_higher(known.states, citation.states),
            )
        self.citations[place] = citation

    def group(
        self, attribution: Attribution, places: Sequence[int | None], statements: int = 0
    ) -> None:
        """Take over an attribution's alternatives and certificates, where all are of chunks."""
        keys = {
            source.id: (place, source.level, source.start, source.end)
            for source in attribution.sources
            if (place := places[source.chunk_index]) is not None
        }
        for each in attribution.alternatives:
            if keys.keys() >= set(each.source_ids):
                own = tuple(keys[id_] for id_ in each.source_ids)
                index = each.statement_index + statements
                self.groups.append(_Group(index, own, each.sufficiency, each.joint_score))
        for certificate in attribution.certificates:
            if keys.keys() >= set(certificate.source_ids):
                own = tuple(keys[id_] for id_ in certificate.source_ids)
                index = certificate.statement_index + statements
                self.sets.append((replace(certificate, statement_index=index), own))

    def alternatives(self, sources: Sequence[Source]) -> tuple[Alternatives, ...]:
        """Return the groups with ids."""
        ids = {key_of(source): source.id for source in sources}
        return tuple(
            Alternatives(
                each.statement,
                tuple(ids[key] for key in each.keys),
                each.sufficiency,
                each.joint_score,
            )
            for each in self.groups
        )

    def certificates(self, sources: Sequence[Source]) -> tuple[Certificate, ...]:
        """Return what cited sets carry, with ids."""
        ids = {key_of(source): source.id for source in sources}
        return tuple(
            replace(certificate, source_ids=tuple(ids[key] for key in keys))
            for certificate, keys in self.sets
        )

    def sources(self) -> tuple[Source, ...]:
        """Return the sources in order: sentences, then chunks."""
        order = sorted(self.rows, key=lambda key: (key[1] != "sentence", key[0], key[2]))
        inside: dict[int, list[int]] = {}
        found = []
        for number, (chunk, level, start, end) in enumerate(order):
            if level == "sentence":
                inside.setdefault(chunk, []).append(number)
            ids = (number,) if level == "sentence" else tuple(inside.get(chunk, ()))
            position = len(inside[chunk]) - 1 if level == "sentence" else None
            text = self.chunks[chunk].text[start:end]
            part = self.chunks[chunk].part_of(start, end)
            found.append(Source(number, level, chunk, position, start, end, text, ids, part))
        return tuple(found)

    def cited(self, sources: Sequence[Source], support: Sequence[Support]) -> tuple[Citation, ...]:
        """Return the citations with ids and numbers, by statement, strongest first."""
        ids = {key_of(source): source.id for source in sources}
        groups = {(each.statement, key): each for each in self.groups for key in each.keys}
        numbers: dict[str, int] = {}
        made = []
        places = sorted(self.citations, key=lambda place: (place[0], -self.citations[place].score))
        for place in places:
            citation, key = self.citations[place], place[1]
            same = " ".join(self.chunks[key[0]].text.split())
            number = numbers.setdefault(same, len(numbers) + 1)
            group = groups.get(place)
            others = [ids[other] for other in group.keys if other != key] if group else []
            made.append(
                replace(
                    citation,
                    number=number,
                    source_id=ids.get(key, -1),
                    alternatives=tuple(others),
                    sufficiency=group.sufficiency[group.keys.index(key)] if group else None,
                )
            )
        return numbered_as_shown(made, support)


def _higher(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)


def key_of(source: Source) -> Key:
    """Return what tells a source from the others."""
    return source.chunk_index, source.level, source.start, source.end


def cited_key(citation: Citation, place: int, sources: Sequence[Source]) -> Key:
    """Return the key of the source that a citation names, which is in a chunk of that place."""
    level: Level = "sentence"
    if any(each.id == citation.source_id and each.level == "chunk" for each in sources):
        level = "chunk"
    return place, level, citation.chunk_start, citation.chunk_end


def total_cost(costs: Sequence[Cost]) -> Cost:
    """Add up what several attributions cost, model by model."""
    models: dict[tuple[str, int], ModelCost] = {}
    for each in (model for cost in costs for model in cost.models):
        known = models.get((each.model, each.parameters))
        if known is not None:
            each = replace(
                each,
                tokens=known.tokens + each.tokens,
                passes=known.passes + each.passes,
                naive_tokens=known.naive_tokens + each.naive_tokens,
            )
        models[each.model, each.parameters] = each
    return Cost(sum(cost.seconds for cost in costs), tuple(models.values()))
