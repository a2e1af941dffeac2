"""Verdicts on given citations, and on the statements that they are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attribot_integrations.auditing.audits import JudgedCitation, JudgedStatement, Verdict
from attribot_integrations.auditing.claims import states_nothing
from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.auditing.witness import AuditOptions, ChunkEvidence, Witness
from attribot_integrations.context.sources import Span
from attribot_integrations.results import Attribution

__all__ = ["judge_citations", "judge_statements"]

KNOWN: Final = "the model knows it anyway, and no verifier was asked what the source states"
NOT_SCORED: Final = "the source was not scored, see the notes"
NO_WORDS: Final = "it is for no words of the answer that were scored"


def judge_citations(
    attribution: Attribution, given: Sequence[GivenCitation], options: AuditOptions
) -> tuple[JudgedCitation, ...]:
    """Judge each citation by the evidence for what it is given for.

    Args:
        attribution: What the answer rests on.
        given: Its citations.
        options: What counts as evidence.
    """
    witness = Witness(attribution, options)
    labels = {each.statement_index: each.label for each in attribution.support}
    cited: dict[Span, list[int]] = {}
    for each in given:
        if each.chunk_index is not None:
            cited.setdefault((each.start, each.end), []).append(each.chunk_index)
    judged: list[JudgedCitation] = []
    for each in given:
        span = (each.start, each.end)
        statements = _statements_in(attribution, span)
        if not statements:
            verdict: Verdict = "unresolved" if each.chunk_index is None else "unknown"
            judged.append(JudgedCitation(each, None, verdict, None, None, reason=NO_WORDS))
            continue
        evidence = witness.asked(span, statements)
        doubtful = {labels.get(index) for index in statements} & {"parametric", "unknown"}
        one = _judged(each, statements[-1], evidence, known=bool(doubtful))
        if one.verdict in ("neither", "unresolved"):
            named = cited.setdefault(span, [])
            one = _with_better(one, evidence, named)
            named += [] if one.instead is None else [one.instead]
        judged.append(one)
    return tuple(judged)


def judge_statements(
    attribution: Attribution,
    judged: Sequence[JudgedCitation],
    options: AuditOptions,
    ignored: Sequence[Span] = (),
) -> tuple[JudgedStatement, ...]:
    """Say of each statement whether its citations are enough, and which are missing.

    Args:
        attribution: What the answer rests on.
        judged: Its citations, judged.
        options: What counts as evidence.
        ignored: Stretches of the answer that need no citation, such as its list of references.
    """
    witness = Witness(attribution, options)
    labels = {each.statement_index: each.label for each in attribution.support}
    found: list[JudgedStatement] = []
    for statement in attribution.statements:
        if any(low <= statement.start < high for low, high in ignored):
            continue
        own = [
            place
            for place, each in enumerate(judged)
            if each.given.start < statement.end and statement.start < each.given.end
        ]
        missing: tuple[int, ...] = ()
        enough: bool | None = None
        label = labels.get(statement.index)
        needed = bool(own) or not states_nothing(
            attribution.answer, (statement.start, statement.end)
        )
        if needed and statement.tokens[0] < statement.tokens[1]:
            evidence = witness.asked((statement.start, statement.end), (statement.index,))
            citations = [judged[place] for place in own]
            missing = _missing(citations, evidence)
            if label == "parametric":  # nothing need be cited for it, unless a source states it
                missing = tuple(chunk for chunk in missing if evidence.is_stated(chunk))
            enough = _enough(citations, missing, blind=_blind(evidence, label))
        found.append(
            JudgedStatement(
                statement.index,
                statement.start,
                statement.end,
                tuple(own),
                missing,
                enough,
                label,
            )
        )
    return tuple(found)


def _statements_in(attribution: Attribution, span: Span) -> list[int]:
    """Return the statements with tokens that a stretch touches."""
    return [
        each.index
        for each in attribution.statements
        if each.start < span[1] and span[0] < each.end and each.tokens[0] < each.tokens[1]
    ]


def _judged(
    given: GivenCitation, statement: int, evidence: ChunkEvidence, *, known: bool
) -> JudgedCitation:
    chunk = given.chunk_index
    if chunk is None:
        return JudgedCitation(given, statement, "unresolved", None, None)
    stated = evidence.is_stated(chunk)
    states = None if evidence.states is None else float(evidence.states[chunk])
    score = float(evidence.scores[chunk]) if evidence.scored(chunk) else None
    equal = evidence.equal_to(chunk)
    verdict: Verdict
    reason = None
    if evidence.depends(chunk):
        verdict = "both" if stated else "depends"
    elif equal:
        verdict = "redundant"
    elif stated:
        verdict = "states"
    elif score is None:
        verdict, reason = "unknown", NOT_SCORED
    elif known and stated is None:
        verdict, reason = "unknown", KNOWN
    else:
        verdict = "neither"
    return JudgedCitation(given, statement, verdict, score, states, equal, reason=reason)


def _with_better(
    one: JudgedCitation, evidence: ChunkEvidence, cited: Sequence[int]
) -> JudgedCitation:
    """Name the chunk that is meant, unless another citation for the same names it already."""
    if any(evidence.carries(chunk) for chunk in cited):
        needed = [chunk for chunk in evidence.needed if chunk not in cited]
        uncovered = [each for each in needed if not set(evidence.equal_to(each)) & set(cited)]
        better = uncovered[0] if uncovered else None
    else:
        better = evidence.best(without=cited)
    return JudgedCitation(
        one.given,
        one.statement_index,
        one.verdict,
        one.score,
        one.states,
        one.equal,
        better,
        one.reason,
    )


def _missing(citations: Sequence[JudgedCitation], evidence: ChunkEvidence) -> tuple[int, ...]:
    """Return the chunks that carry a statement and that no citation names or will name."""
    named = {each.given.chunk_index for each in citations} | {each.instead for each in citations}
    covered = {chunk for chunk in named if chunk is not None}
    needed = [
        chunk
        for chunk in evidence.needed
        if chunk not in covered and not set(evidence.equal_to(chunk)) & covered
    ]
    if needed or any(evidence.carries(chunk) for chunk in covered):
        return tuple(needed)
    if any(each.verdict == "unknown" for each in citations):
        return ()
    best = evidence.best(without=sorted(covered))
    group = max(evidence.equal, key=len, default=frozenset())
    if best is None and group:
        best = min(group)
    return () if best is None else (best,)


def _enough(
    citations: Sequence[JudgedCitation], missing: Sequence[int], *, blind: bool
) -> bool | None:
    if any(each.right for each in citations):
        return not missing and not any(each.instead is not None for each in citations)
    if missing or any(each.right is False for each in citations):
        return False
    return None if blind or citations else False


def _blind(evidence: ChunkEvidence, label: str | None) -> bool:
    """Whether nothing can be said of a statement that depends on no chunk."""
    return evidence.states is None and label in ("parametric", "unknown")
