"""`audit`: attribute an answer, and check the citations that it came with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from attribot_integrations.auditing.audits import AnswerAudit
from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.auditing.judgement import judge_citations, judge_statements
from attribot_integrations.auditing.markers import find_citations, find_markers, reference_lines
from attribot_integrations.auditing.numbering import Numbering
from attribot_integrations.auditing.prompt_numbers import marked_chunks, prompt_numbers
from attribot_integrations.auditing.witness import AuditOptions
from attribot_integrations.context.sources import Chunk, Span, as_chunks
from attribot_integrations.errors import InputError
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results.wording import wording_of

if TYPE_CHECKING:
    from attribot_integrations.context.locating import CapturedPrompt
    from attribot_integrations.context.prompts import PromptTemplate
    from attribot_integrations.requests.attributors import RequestAttributor
    from attribot_integrations.results import Attribution

__all__ = ["audit", "audit_attribution", "audit_request"]

_LONGEST: Final = 80
WITHOUT_VERIFIER: Final = (
    "Only dependence was judged: no verifier was asked whether the sources state the statements."
)


def audit(
    question: str,
    chunks: Sequence[str | Chunk],
    answer: str,
    *,
    engine: RequestAttributor,
    citations: Sequence[GivenCitation] | None = None,
    numbers: Mapping[str | int, int] | None = None,
    prompt: CapturedPrompt | PromptTemplate | None = None,
    options: AuditOptions | None = None,
    id: str | None = None,
) -> AnswerAudit:
    """Check the citations of an answer against what it rests on.

    Args:
        question: The user's question.
        chunks: What was retrieved, in the order of the prompt.
        answer: The answer, with its marks.
        engine: What attributes it, and so judges the citations.
        citations: The citations, where they are given beside the text, see
            `auditing.anthropic_answer` and its like; by default the marks in the text are read.
        numbers: Chunk indexes by number, where marks are read. By default they are read from the
            prompt, if it is given, and else count the chunks from 1, or are their ids.
        prompt: The prompt that the generator saw; see `AttributionEngine.attribute`.
        options: What counts as evidence.
        id: Any identifier, handed back on the result.

    Raises:
        InputError: If the answer cannot be attributed, or a citation is for no stretch of it.
        ModelError: If the model cannot run the method.
        OutOfMemoryError: If not even one ablation fits in memory.
    """
    request = AttributionRequest(question, chunks, answer, prompt, id)
    return audit_request(
        request, engine=engine, citations=citations, numbers=numbers, options=options
    )


def audit_request(
    request: AttributionRequest,
    *,
    engine: RequestAttributor,
    citations: Sequence[GivenCitation] | None = None,
    numbers: Mapping[str | int, int] | None = None,
    options: AuditOptions | None = None,
) -> AnswerAudit:
    """Do what `audit` does, with what was asked, retrieved and answered in one object."""
    chunks = as_chunks(request.chunks)
    marks: list[Span] = [(mark.start, mark.end) for mark in find_markers(request.answer, chunks)]
    marks += [each.marker for each in citations or () if each.marker is not None]
    masked = _masked(request.answer, sorted(set(marks)))
    attribution = engine.attribute_request(replace(request, answer=masked))
    if masked != request.answer:
        attribution = replace(
            attribution,
            answer=request.answer,
            statements=tuple(
                replace(each, text=request.answer[each.start : each.end])
                for each in attribution.statements
            ),
        )
    if numbers is None and citations is None:
        numbers = prompt_numbers(request.prompt, attribution.locations, attribution.chunks)
    return audit_attribution(attribution, citations, numbers=numbers, options=options)


def audit_attribution(
    attribution: Attribution,
    citations: Sequence[GivenCitation] | None = None,
    *,
    numbers: Mapping[str | int, int] | None = None,
    options: AuditOptions | None = None,
) -> AnswerAudit:
    """Check the citations of an answer that has been attributed.

    Args:
        attribution: What the answer rests on.
        citations: As in `audit`.
        numbers: As in `audit`.
        options: What counts as evidence.

    Raises:
        InputError: If a citation is for no stretch of the answer, or names no chunk of it.
    """
    chosen = options or AuditOptions()
    if citations is None:
        spans = [(each.start, each.end) for each in attribution.statements]
        citations = find_citations(
            attribution.answer,
            marked_chunks(attribution.chunks),
            numbers=numbers,
            statements=spans,
        )
    else:
        _check(citations, attribution)
    ordered = sorted(citations, key=lambda each: (each.marker or (each.end, 0), each.start))
    judged = judge_citations(attribution, ordered, chosen)
    ignored = reference_lines(attribution.answer)
    asked = attribution.stated is not None or attribution.unverified is not None
    notes = () if asked else (WITHOUT_VERIFIER,)  # that it failed is said by the attribution
    models = attribution.cost.models
    return AnswerAudit(
        question=attribution.question,
        answer=attribution.answer,
        chunks=attribution.chunks,
        citations=judged,
        statements=judge_statements(attribution, judged, chosen, ignored),
        labels=_labels(attribution, ordered, numbers),
        judge=models[0].model if models else attribution.method,
        verifier=attribution.verifier,
        id=attribution.id,
        notes=(*notes, *attribution.notes),
        attribution=attribution,
    )


def _labels(
    attribution: Attribution,
    citations: Sequence[GivenCitation],
    numbers: Mapping[str | int, int] | None,
) -> tuple[str, ...]:
    used = [each.label for each in citations]
    numbering = Numbering.of(attribution.chunks, used, numbers)
    told = {each.chunk_index: each.label for each in citations if each.label.isdigit()}
    found = [*numbering.labels(len(attribution.chunks), used)]
    for place, chunk in enumerate(attribution.chunks):
        spelled = [name for name in (chunk.id, chunk.title) if (name or "").lower() == found[place]]
        found[place] = told.get(place, (spelled[0] if spelled else None) or found[place])
    return tuple(found)


def _masked(answer: str, marks: Sequence[Span]) -> str:
    """Write marks that no sum leaves out by itself in a form that every sum does, as long."""
    bare = wording_of(answer).bare
    for start, end in reversed(marks):
        if bare[start:end].strip() and end - start > 2:
            answer = f"{answer[:start]}{_mark_as_long(end - start)}{answer[end:]}"
    return answer


def _mark_as_long(length: int) -> str:
    pieces: list[str] = []
    while length > 0:
        own = length if length <= _LONGEST else min(_LONGEST, length - 3)
        pieces.append(f"【{'1' * (own - 2)}】")
        length -= own
    return "".join(pieces)


def _check(citations: Sequence[GivenCitation], attribution: Attribution) -> None:
    length, chunks = len(attribution.answer), len(attribution.chunks)
    for each in citations:
        spans = [(each.start, each.end), each.marker or (0, 0)]
        if not all(0 <= start <= end <= length for start, end in spans):
            raise InputError(
                f"citations must be for spans of the answer's {length} characters, got {each!r:.90}"
            )
        if each.chunk_index is not None and not 0 <= each.chunk_index < chunks:
            raise InputError(
                f"citations must name chunks from 0 to {chunks - 1}, got {each.chunk_index}"
            )
