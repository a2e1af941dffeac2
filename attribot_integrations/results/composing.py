"""One attribution made of several: led on through intermediate answers, or joined end to end.

An intermediate answer, such as the summary of one document that is merged with others, is a source
of the last call. What a statement owes to it is passed on to what it rests on itself, by the shares
of its citations. So a citation names the document, and its score is marked approximate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from attribot_integrations.context.sources import Chunk, Level, Source, Span
from attribot_integrations.results.attribution import Attribution
from attribot_integrations.results.parts import (
    Alternatives,
    Citation,
    Cost,
    Estimand,
    FloatArray,
    ModelCost,
    Statement,
)
from attribot_integrations.results.showing import numbered_as_shown
from attribot_integrations.results.support import Support

__all__ = ["NOTHING_BEHIND", "joined", "led_on"]

NOTHING_BEHIND = (
    "it rests on an intermediate answer of the model, which no source was found to support"
)
"""Why a statement is not judged that rests on intermediate answers without support."""

_Key = tuple[int, Level, int, int]
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
    keys: tuple[_Key, ...]
    sufficiency: tuple[float, ...]
    joint_score: float


@dataclass
class _Composed:
    """Sources and citations as they are gathered."""

    chunks: tuple[Chunk, ...]
    tokens: int
    rows: dict[_Key, _Row] = field(default_factory=dict)
    citations: dict[tuple[int, _Key], Citation] = field(default_factory=dict)
    groups: list[_Group] = field(default_factory=list)

    def add(
        self, key: _Key, scores: FloatArray, start: int, *, exact: bool, estimand: Estimand
    ) -> None:
        """Add a source's scores for the tokens from one on."""
        row = self.rows.setdefault(key, _Row(np.zeros(self.tokens, dtype=np.float32)))
        row.scores[start : start + len(scores)] += scores
        row.exact &= exact
        row.estimand = estimand if row.estimand in (None, estimand) else "through"

    def cite(self, key: _Key, citation: Citation) -> None:
        """Add a citation, or what it carries to one of the same source."""
        place = citation.statement_index, key
        known = self.citations.get(place)
        if known is not None:
            citation = replace(
                known,
                score=known.score + citation.score,
                share=min(1.0, known.share + citation.share),
                exact=known.exact and citation.exact,
            )
        self.citations[place] = citation

    def group(
        self, attribution: Attribution, places: Sequence[int | None], statements: int = 0
    ) -> None:
        """Take over the alternatives of an attribution, as far as all of a group are chunks."""
        sources = {source.id: source for source in attribution.sources}
        for each in attribution.alternatives:
            members = [sources[id_] for id_ in each.source_ids]
            keys = [
                (place, source.level, source.start, source.end)
                for source in members
                if (place := places[source.chunk_index]) is not None
            ]
            if len(keys) == len(members):
                index = each.statement_index + statements
                self.groups.append(_Group(index, tuple(keys), each.sufficiency, each.joint_score))

    def alternatives(self, sources: Sequence[Source]) -> tuple[Alternatives, ...]:
        """Return the groups with ids."""
        ids = {_key(source): source.id for source in sources}
        return tuple(
            Alternatives(
                each.statement,
                tuple(ids[key] for key in each.keys),
                each.sufficiency,
                each.joint_score,
            )
            for each in self.groups
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
            found.append(Source(number, level, chunk, position, start, end, text, ids))
        return tuple(found)

    def cited(self, sources: Sequence[Source], support: Sequence[Support]) -> tuple[Citation, ...]:
        """Return the citations with ids and numbers, by statement, strongest first."""
        ids = {_key(source): source.id for source in sources}
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


def led_on(
    last: Attribution,
    chunks: tuple[Chunk, ...],
    places: Sequence[int | None],
    behind: Mapping[int, Attribution],
    id: str | None = None,
) -> Attribution:
    """Return an attribution whose intermediate sources are replaced by what those rest on.

    Args:
        last: The last call's attribution; some of its chunks are intermediate answers.
        chunks: The retrieved chunks.
        places: For each chunk of `last`, which of `chunks` it is; `None` for an intermediate one.
        behind: By the place of an intermediate chunk in `last`, its own attribution, of `chunks`.
        id: The answer's id.
    """
    composed = _Composed(chunks, len(last.token_spans))
    for row, source in enumerate(last.sources):
        place = places[source.chunk_index]
        if place is not None:
            composed.add(
                (place, source.level, source.start, source.end),
                last.scores[row],
                0,
                exact=bool(last.exact[row]),
                estimand=last.estimands[row],
            )
            continue
        for key, share in _rests_on(behind.get(source.chunk_index), source.start, source.end):
            composed.add(key, last.scores[row] * share, 0, exact=False, estimand="through")
    for citation in last.citations:
        place = places[citation.chunk_index]
        if place is not None:
            key = _cited_key(citation, place, last.sources)
            composed.cite(key, _moved(citation, place, chunks[place]))
            continue
        inner = behind.get(citation.chunk_index)
        for key, share in _rests_on(inner, citation.chunk_start, citation.chunk_end):
            composed.cite(key, _passed_on(citation, key, chunks[key[0]], share))
    composed.group(last, places)
    costs = [last.cost, *(each.cost for each in behind.values())]
    locations = [
        replace(each, chunk_index=place)
        for each in last.locations
        if (place := places[each.chunk_index]) is not None
    ]
    return replace(
        _finished(last, composed, _judged(last, places, behind), costs),
        locations=tuple(locations),
        id=id,
    )


def joined(
    question: str,
    answer: str,
    parts: Sequence[tuple[int, Attribution]],
    id: str | None = None,
) -> Attribution:
    """Return one attribution of an answer that holds others as its parts.

    What stands between the parts belongs to no statement.

    Args:
        question: The question.
        answer: The whole answer.
        parts: Where each part starts in it, and the part's attribution; all of the same chunks.
        id: The answer's id.
    """
    first = parts[0][1]
    tokens = sum(len(part.token_spans) for _, part in parts)
    composed = _Composed(first.chunks, tokens)
    statements: list[Statement] = []
    support: list[Support] = []
    spans: list[Span] = []
    for offset, part in parts:
        earlier, start = len(statements), len(spans)
        for row, source in enumerate(part.sources):
            composed.add(
                _key(source),
                part.scores[row],
                start,
                exact=bool(part.exact[row]),
                estimand=part.estimands[row],
            )
        for citation in part.citations:
            key = _cited_key(citation, citation.chunk_index, part.sources)
            composed.cite(key, _shifted(citation, earlier, offset))
        composed.group(part, range(len(part.chunks)), earlier)
        statements += [_later(each, earlier, offset, start) for each in part.statements]
        support += [
            replace(each, statement_index=each.statement_index + earlier) for each in part.support
        ]
        spans += [(low + offset, high + offset) for low, high in part.token_spans]
    whole = replace(
        first,
        question=question,
        answer=answer,
        statements=tuple(statements),
        token_spans=tuple(spans),
        token_log_probs=np.concatenate([part.token_log_probs for _, part in parts]),
        token_log_probs_without_context=np.concatenate(
            [part.token_log_probs_without_context for _, part in parts]
        ),
        sources=(),
        scores=np.zeros((0, tokens), dtype=np.float32),
        exact=np.zeros(0, dtype=np.bool_),
        estimands=(),
        sufficiency=None,
        locations=(),
        id=id,
    )
    return _finished(whole, composed, support, [part.cost for _, part in parts])


def _finished(
    last: Attribution, composed: _Composed, support: Sequence[Support], costs: Sequence[Cost]
) -> Attribution:
    sources = composed.sources()
    rows = [composed.rows[_key(source)] for source in sources]
    scores = np.stack([row.scores for row in rows]) if rows else np.zeros((0, composed.tokens))
    return replace(
        last,
        chunks=composed.chunks,
        sources=sources,
        scores=scores.astype(np.float32),
        exact=np.array([row.exact for row in rows], dtype=np.bool_),
        estimands=tuple(row.estimand or "through" for row in rows),
        citations=composed.cited(sources, support),
        support=tuple(support),
        alternatives=composed.alternatives(sources),
        sufficiency=None,
        audit=None,
        cost=_total(costs),
    )


def _total(costs: Sequence[Cost]) -> Cost:
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


def _judged(
    last: Attribution, places: Sequence[int | None], behind: Mapping[int, Attribution]
) -> list[Support]:
    """Return the labels, without those that rest on nothing but what is not supported itself."""
    carried = set()
    for citation in last.citations:
        inner = behind.get(citation.chunk_index)
        if places[citation.chunk_index] is not None or (
            inner is not None
            and any(
                _near(each, citation.chunk_start, citation.chunk_end)
                for each in inner.shown_citations
            )
        ):
            carried.add(citation.statement_index)
    return [
        each
        if each.label != "supported" or each.statement_index in carried
        else replace(each, label="unknown", reason=NOTHING_BEHIND)
        for each in last.support
    ]


def _near(citation: Citation, start: int, end: int) -> bool:
    return citation.answer_start < end and start < citation.answer_end


def _rests_on(inner: Attribution | None, start: int, end: int) -> Iterator[tuple[_Key, float]]:
    """Yield what a stretch of an intermediate answer rests on, with shares that add up to 1."""
    if inner is None:
        return
    known = {each.statement_index for each in inner.support if each.label == "parametric"}
    near = [
        citation
        for citation in inner.citations
        if _near(citation, start, end) and citation.statement_index not in known
    ]
    shares: dict[_Key, float] = {}
    for citation in near:
        key = _cited_key(citation, citation.chunk_index, inner.sources)
        shares[key] = shares.get(key, 0.0) + max(citation.share, 0.0)
    total = sum(shares.values())
    for key, share in shares.items():
        yield key, share / total if total > 0 else 1 / len(shares)


def _key(source: Source) -> _Key:
    return source.chunk_index, source.level, source.start, source.end


def _cited_key(citation: Citation, place: int, sources: Sequence[Source]) -> _Key:
    level: Level = "sentence"
    if any(each.id == citation.source_id and each.level == "chunk" for each in sources):
        level = "chunk"
    return place, level, citation.chunk_start, citation.chunk_end


def _moved(citation: Citation, place: int, chunk: Chunk) -> Citation:
    return replace(citation, chunk_index=place, chunk_id=chunk.id)


def _passed_on(citation: Citation, key: _Key, chunk: Chunk, share: float) -> Citation:
    place, _, start, end = key
    return replace(
        _moved(citation, place, chunk),
        chunk_start=start,
        chunk_end=end,
        text=chunk.text[start:end],
        score=citation.score * share,
        share=citation.share * share,
        exact=False,
    )


def _shifted(citation: Citation, statements: int, offset: int) -> Citation:
    return replace(
        citation,
        statement_index=citation.statement_index + statements,
        answer_start=citation.answer_start + offset,
        answer_end=citation.answer_end + offset,
    )


def _later(statement: Statement, statements: int, offset: int, tokens: int) -> Statement:
    return replace(
        statement,
        index=statement.index + statements,
        start=statement.start + offset,
        end=statement.end + offset,
        tokens=(statement.tokens[0] + tokens, statement.tokens[1] + tokens),
    )
