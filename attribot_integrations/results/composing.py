"""One attribution made of several: led on through intermediate answers, or joined end to end.

An intermediate answer, such as the summary of one document that is merged with others, is a source
of the last call. What a statement owes to it is passed on to what it rests on itself, by the shares
of its citations. So a citation names the document, and its score is marked approximate. What a
verifier finds in the intermediate answer is not passed on: it did not look in the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from attribot_integrations.context.sources import Chunk, Span
from attribot_integrations.results.attribution import Attribution
from attribot_integrations.results.gathering import (
    Composed,
    Key,
    cited_key,
    key_of,
    total_cost,
)
from attribot_integrations.results.hops import Hop, StepList, hops_between
from attribot_integrations.results.parts import Citation, Cost, Statement
from attribot_integrations.results.support import Support

__all__ = ["NOTHING_BEHIND", "copied_from", "joined", "led_on"]

NOTHING_BEHIND = (
    "it rests on an intermediate answer of the model, which no source was found to support"
)
"""Why a statement is not judged that rests on intermediate answers without support."""


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
    composed = Composed(chunks, len(last.token_spans))
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
            key = cited_key(citation, place, last.sources)
            composed.cite(key, _moved(citation, place, chunks[place]))
            continue
        if citation.basis == "states":
            continue
        inner = behind.get(citation.chunk_index)
        for key, share in _rests_on(inner, citation.chunk_start, citation.chunk_end):
            composed.cite(key, _passed_on(citation, key, chunks[key[0]], share))
    composed.group(last, places)
    support = []
    copied = {}
    for judged in _judged(last, places, behind):
        first = None if judged.label == "supported" else _first_written(last, judged, behind)
        if first is not None:
            inner, written = first
            judged = replace(written, statement_index=judged.statement_index)
            if _cite_first(composed, last.statements[judged.statement_index], *first):
                original = inner.statements[written.statement_index]
                copied[judged.statement_index] = (inner, original)
        support.append(judged)
    steps, hops = hops_between(last, places, behind, copied)
    costs = [last.cost, *(each.cost for each in behind.values())]
    locations = [
        replace(each, chunk_index=place)
        for each in last.locations
        if (place := places[each.chunk_index]) is not None
    ]
    return replace(
        _finished(last, composed, support, costs),
        locations=tuple(locations),
        id=id,
        steps=steps,
        hops=hops,
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
    composed = Composed(first.chunks, tokens)
    statements: list[Statement] = []
    support: list[Support] = []
    spans: list[Span] = []
    steps, hops = StepList(), list[Hop]()
    for offset, part in parts:
        earlier, start = len(statements), len(spans)
        for row, source in enumerate(part.sources):
            composed.add(
                key_of(source),
                part.scores[row],
                start,
                exact=bool(part.exact[row]),
                estimand=part.estimands[row],
            )
        for citation in part.citations:
            key = cited_key(citation, citation.chunk_index, part.sources)
            composed.cite(key, _shifted(citation, earlier, offset))
        composed.group(part, range(len(part.chunks)), earlier)
        statements += [_later(each, earlier, offset, start) for each in part.statements]
        support += [
            replace(each, statement_index=each.statement_index + earlier) for each in part.support
        ]
        spans += [(low + offset, high + offset) for low, high in part.token_spans]
        hops += [
            replace(each, statement_index=each.statement_index + earlier)
            for each in steps.take(part)
        ]
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
        stated=None,
        unverified=next((part.unverified for _, part in parts if part.unverified), None),
        locations=(),
        id=id,
        steps=tuple(steps.found),
        hops=tuple(hops) if steps.found else (),
    )
    return _finished(whole, composed, support, [part.cost for _, part in parts])


def _finished(
    last: Attribution, composed: Composed, support: Sequence[Support], costs: Sequence[Cost]
) -> Attribution:
    sources = composed.sources()
    rows = [composed.rows[key_of(source)] for source in sources]
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
        certificates=composed.certificates(sources),
        stated=None,
        sufficiency=None,
        audit=None,
        cost=total_cost(costs),
    )


def _judged(
    last: Attribution, places: Sequence[int | None], behind: Mapping[int, Attribution]
) -> list[Support]:
    """Return the labels, without those that rest on nothing but what is not supported itself."""
    carried = set()
    for citation in last.citations:
        inner = behind.get(citation.chunk_index)
        leads_on = citation.basis != "states" and any(
            _rests_on(inner, citation.chunk_start, citation.chunk_end)
        )
        if places[citation.chunk_index] is not None or leads_on:
            carried.add(citation.statement_index)
    return [
        each
        if each.label != "supported" or each.statement_index in carried
        else replace(each, label="unknown", reason=NOTHING_BEHIND)
        for each in last.support
    ]


def _first_written(
    last: Attribution, judged: Support, behind: Mapping[int, Attribution]
) -> tuple[Attribution, Support] | None:
    """Find the intermediate answer that a statement was copied from, and is supported in.

    The call that wrote it says more of its support than one that found it in its prompt.
    """
    text = _words(last.statements[judged.statement_index].text)
    for inner in behind.values():
        for support in inner.support:
            written = _words(inner.statements[support.statement_index].text)
            if support.label == "supported" and text and text == written:
                return inner, support
    return None


def _words(text: str) -> str:
    return " ".join(text.split())


def _cite_first(
    composed: Composed, statement: Statement, inner: Attribution, support: Support
) -> bool:
    """Cite what a copied statement was written from, if nothing else is cited for it."""
    if any(index == statement.index for index, _ in composed.citations):
        return False
    for citation in inner.citations_of(support.statement_index):
        key = cited_key(citation, citation.chunk_index, inner.sources)
        composed.cite(
            key,
            replace(
                citation,
                statement_index=statement.index,
                answer_start=statement.start,
                answer_end=statement.end,
                exact=False,
            ),
        )
    return True


def copied_from(last: Attribution, text: str) -> bool:
    """Tell whether an answer holds a statement of a text that it is not supported by itself."""
    support = {each.statement_index: each.label for each in last.support}
    whole = _words(text)
    return any(
        _words(each.text) in whole
        for each in last.statements
        if support.get(each.index, "supported") != "supported" and each.text.strip()
    )


def _near(citation: Citation, start: int, end: int) -> bool:
    return citation.answer_start < end and start < citation.answer_end


def _rests_on(inner: Attribution | None, start: int, end: int) -> Iterator[tuple[Key, float]]:
    """Yield what a stretch of an intermediate answer rests on, with shares that add up to 1."""
    if inner is None:
        return
    known = {each.statement_index for each in inner.support if each.label == "parametric"}
    near = [
        citation
        for citation in inner.citations
        if _near(citation, start, end)
        and citation.statement_index not in known
        and citation.basis != "states"
    ]
    shares: dict[Key, float] = {}
    for citation in near:
        key = cited_key(citation, citation.chunk_index, inner.sources)
        shares[key] = shares.get(key, 0.0) + max(citation.share, 0.0)
    total = sum(shares.values())
    for key, share in shares.items():
        yield key, share / total if total > 0 else 1 / len(shares)


def _moved(citation: Citation, place: int, chunk: Chunk) -> Citation:
    return replace(citation, chunk_index=place, chunk_id=chunk.id, said=chunk.said)


def _passed_on(citation: Citation, key: Key, chunk: Chunk, share: float) -> Citation:
    place, _, start, end = key
    return replace(
        _moved(citation, place, chunk),
        chunk_start=start,
        chunk_end=end,
        text=chunk.text[start:end],
        score=citation.score * share,
        share=citation.share * share,
        exact=False,
        part=chunk.part_of(start, end),
        basis="depends",
        states=None,
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
