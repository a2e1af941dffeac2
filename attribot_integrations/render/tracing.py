"""An attribution for traces: evaluations, and scores of the retrieved documents.

The attributes are plain dicts and need no package; putting them on spans needs `opentelemetry-api`,
of the extra `tracing`. Neither OpenInference nor OpenTelemetry knows citations (autumn 2026), so
each statement is an evaluation, with its citations as JSON in its metadata. Texts are left out
unless asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribot_integrations.context.sources import clean_text
from attribot_integrations.errors import MissingExtraError
from attribot_integrations.render.chunks import chunk_scores
from attribot_integrations.render.marks import citation_marks
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext

    from attribot_integrations.results import Attribution, Certificate, Citation

__all__ = [
    "AttributeValue",
    "Evaluation",
    "evaluation_events",
    "evaluations",
    "openinference_attributes",
    "retrieval_attributes",
    "trace_attribution",
    "trace_evaluation",
]

AttributeValue = str | bool | int | float
"""What a span attribute can hold here."""

_EVENT = "gen_ai.evaluation.result"
_TEXTS = ("text",)


@dataclass(frozen=True)
class Evaluation:
    """One judgement on the answer, or on one of its statements."""

    name: str
    """`citation_coverage` for the answer, `citation_support` for a statement."""
    score: float | None
    """0 to 1: the share of statements that are cited, the probability of support."""
    label: str | None
    explanation: str
    metadata: Mapping[str, Any]


def openinference_attributes(
    attribution: Attribution, *, content: bool = False
) -> dict[str, AttributeValue]:
    """Return OpenInference's attributes for a span of the kind `EVALUATOR`.

    `retrieval.documents.N.document.{id,score,metadata}` is each chunk with its score in nats.
    `evaluations.0` is `citation_coverage`, the share of statements with a citation; then follows a
    `citation_support` for each statement: its label, its probability of support where there is one,
    and its citations, each with its basis, its score in nats and what a verifier says, 0 to 1.

    Args:
        attribution: The result.
        content: Whether question, answer, chunks and cited texts go into the trace.
    """
    attributes: dict[str, AttributeValue] = {"openinference.span.kind": "EVALUATOR"}
    if content:
        attributes["input.value"] = clean_text(attribution.question)
        attributes["output.value"] = clean_text(attribution.answer)
    for index, document in enumerate(_documents(attribution, content)):
        start = f"retrieval.documents.{index}.document"
        for key in ("id", "score", "content"):
            if key in document:
                attributes[f"{start}.{key}"] = document.pop(key)
        attributes[f"{start}.metadata"] = _json(document)
    for index, evaluation in enumerate(evaluations(attribution, content)):
        start = f"evaluations.{index}.evaluation"
        attributes[f"{start}.name"] = evaluation.name
        if evaluation.score is not None:
            attributes[f"{start}.score"] = evaluation.score
        if evaluation.label is not None:
            attributes[f"{start}.label"] = evaluation.label
        attributes[f"{start}.explanation"] = evaluation.explanation
        attributes[f"{start}.annotator_kind"] = "CODE"
        attributes[f"{start}.identifier"] = "attribot"
        attributes[f"{start}.metadata"] = _json(evaluation.metadata)
    return attributes


def retrieval_attributes(
    attribution: Attribution, *, content: bool = False
) -> dict[str, AttributeValue]:
    """Return OpenTelemetry's `gen_ai.retrieval.documents`: each chunk with its score in nats.

    Args:
        attribution: The result.
        content: Whether the question and the chunks' texts go into the trace.
    """
    documents = list(_documents(attribution, content))
    attributes: dict[str, AttributeValue] = {"gen_ai.retrieval.documents": _json(documents)}
    if content:
        attributes["gen_ai.retrieval.query.text"] = clean_text(attribution.question)
    return attributes


def evaluation_events(
    attribution: Attribution, *, response_id: str | None = None, content: bool = False
) -> list[dict[str, AttributeValue]]:
    """Return the attributes of OpenTelemetry's events `gen_ai.evaluation.result`.

    Args:
        attribution: The result.
        response_id: `gen_ai.response.id` of the answer, where no span stands for it.
        content: Whether cited texts go into the trace.
    """
    events: list[dict[str, AttributeValue]] = []
    for evaluation in evaluations(attribution, content):
        event: dict[str, AttributeValue] = {
            "gen_ai.evaluation.name": evaluation.name,
            "gen_ai.evaluation.explanation": evaluation.explanation,
            "attribot.metadata": _json(evaluation.metadata),
        }
        if evaluation.score is not None:
            event["gen_ai.evaluation.score.value"] = evaluation.score
        if evaluation.label is not None:
            event["gen_ai.evaluation.score.label"] = evaluation.label
        if response_id is not None:
            event["gen_ai.response.id"] = response_id
        events.append(event)
    return events


def trace_attribution(
    attribution: Attribution, span: Span | None = None, *, content: bool = False
) -> None:
    """Add the documents' scores and the evaluation events to a span that is still recording.

    Args:
        attribution: The result.
        span: The span of the answer; the current one by default.
        content: Whether texts go into the trace.

    Raises:
        MissingExtraError: If opentelemetry-api is not installed.
    """
    try:
        from opentelemetry.trace import get_current_span
    except ImportError as error:
        raise MissingExtraError("trace_attribution", "tracing") from error
    span = span if span is not None else get_current_span()
    if not span.is_recording():
        return
    span.set_attributes(retrieval_attributes(attribution, content=content))
    for event in evaluation_events(attribution, content=content):
        span.add_event(_EVENT, event)


def trace_evaluation(
    attribution: Attribution, target: SpanContext | None = None, *, content: bool = False
) -> None:
    """Record a new OpenInference span of the kind `EVALUATOR`, linked to the answer's span.

    That is the form for an answer whose span has ended, as with `mode="eager"`.

    Args:
        attribution: The result.
        target: Context of the answer's span; the current span's by default.
        content: Whether texts go into the trace.

    Raises:
        MissingExtraError: If opentelemetry-api is not installed.
    """
    try:
        from opentelemetry.trace import Link, get_current_span, get_tracer
    except ImportError as error:
        raise MissingExtraError("trace_evaluation", "tracing") from error
    target = target if target is not None else get_current_span().get_span_context()
    span = get_tracer("attribot_integrations").start_span(
        "attribot.evaluate",
        links=[Link(target)] if target.is_valid else [],
    )
    # Hundreds of documents are not worth serialising for a span that nobody records.
    if span.is_recording():
        span.set_attributes(openinference_attributes(attribution, content=content))
    span.end()


def _documents(attribution: Attribution, content: bool) -> Iterator[dict[str, Any]]:
    numbers = {citation.chunk_index: citation.number for citation in attribution.shown_citations}
    scores = chunk_scores(attribution)
    for index, chunk in enumerate(attribution.chunks):
        document: dict[str, Any] = {} if chunk.id is None else {"id": clean_text(chunk.id)}
        if not np.isnan(scores[index]):
            document["score"] = float(scores[index])
        if content:
            document["content"] = clean_text(chunk.text)
        yield {**document, "score_unit": "nats", "citation_number": numbers.get(index)}


def evaluations(attribution: Attribution, content: bool) -> Iterator[Evaluation]:
    """Yield the judgement on the answer, then one for each statement.

    Args:
        attribution: The result.
        content: Whether cited texts go into the metadata.
    """
    cited: dict[int, list[Citation]] = {}
    for citation in attribution.shown_citations:
        cited.setdefault(citation.statement_index, []).append(citation)
    total = len(attribution.statements)
    yield Evaluation(
        name="citation_coverage",
        score=len(cited) / total if total else None,
        label=None,
        explanation=f"{len(cited)} of {total} statements have a citation",
        metadata={
            "method": one_line(attribution.method),
            "models": [one_line(model.model) for model in attribution.cost.models],
            "seconds": attribution.cost.seconds,
            "verifier": one_line(attribution.verifier) if attribution.verifier else None,
            "notes": list(attribution.notes),
        },
    )
    support = {each.statement_index: each for each in attribution.support}
    certificates = {each.statement_index: each for each in attribution.certificates}
    for statement, remark, carried in zip(
        attribution.statements, attribution.remarks, attribution.carried, strict=True
    ):
        judged = support.get(statement.index)
        own = cited.get(statement.index, [])
        numbers = ", ".join(
            " or ".join(f"[{number}]" for number in mark.numbers) for mark in citation_marks(own)
        )
        yield Evaluation(
            name="citation_support",
            score=judged.probability if judged else None,
            label=judged.label if judged else None,
            explanation="; ".join(
                each
                for each in (
                    f"cited: {numbers}" if numbers else "no source is cited",
                    remark,
                    carried,
                )
                if each is not None
            ),
            metadata={
                "statement_index": statement.index,
                "answer_start": statement.start,
                "answer_end": statement.end,
                "path": statement.path,
                "reason": judged.reason if judged else None,
                "remark": remark,
                "certificate": _certificate(certificates.get(statement.index)),
                "citations": [_citation(citation, content) for citation in own],
            },
        )


def _citation(citation: Citation, content: bool) -> dict[str, Any]:
    return {key: value for key, value in asdict(citation).items() if content or key not in _TEXTS}


def _certificate(certificate: Certificate | None) -> dict[str, Any] | None:
    return None if certificate is None else {**asdict(certificate), "held": certificate.held}


def _json(data: object) -> str:
    return clean_text(json.dumps(data, ensure_ascii=False))
