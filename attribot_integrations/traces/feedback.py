"""What an attribution says, in the form in which tracing tools take feedback on an answer.

Each tool gets the share of statements that are cited (`citation_coverage`) and, for each statement,
its label and, where there is one, its probability of support (`citation_support`). The comment says
which sources are cited and what else is to be said of the statement; texts of answer and sources
are left out unless asked for. Plain dictionaries, which need no package.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attribot_integrations.context.sources import clean_text
from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.render.chunks import chunk_scores
from attribot_integrations.render.tracing import Evaluation, evaluations
from attribot_integrations.results.serialization import storable
from attribot_integrations.traces.answer_places import AnswerPlace, found_at

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = ["FEEDBACK", "trace_feedback"]

_SOURCE = "attribot"


def trace_feedback(
    tool: str,
    attribution: Attribution,
    *,
    trace_id: str | None = None,
    span_id: str | None = None,
    project_id: str | None = None,
    content: bool = False,
) -> list[dict[str, Any]]:
    """Return an attribution as feedback on the trace that its answer comes from.

    The ids are those of the trace that the request was read from, unless others are given.

    Args:
        tool: Where the trace is: "langsmith", "langfuse", "phoenix" or "mlflow".
        attribution: The result.
        trace_id: Id of the trace.
        span_id: Id of the run, observation or span that gave the answer; by default the trace as a
            whole, where a tool has that.
        project_id: Id of LangSmith's project (`session_id`).
        content: Whether the texts of cited sources go with it.

    Returns:
        Arguments for one call each: of LangSmith's `create_feedback`, Langfuse's `create_score` or
        MLflow's `log_feedback`, with its source as a dictionary. For Phoenix, items of
        `log_span_annotations` and, those with a `document_position`, of `log_document_annotations`.
        What is sent again replaces what it was, but for MLflow, which keeps both.

    Raises:
        ConfigurationError: If there is no such tool.
        InputError: If it is not known where the answer stands.
    """
    if tool not in FEEDBACK:
        raise ConfigurationError(f"feedback goes to {', '.join(FEEDBACK)}; got {tool!r:.60}")
    place = AnswerPlace.parse(attribution.id)
    if trace_id is not None:
        place = AnswerPlace(trace_id, span_id or "", project_id)
    if place is None:
        raise InputError(
            f"the id {attribution.id!r:.60} names no place in a trace: give trace_id, and span_id "
            "where one step of it gave the answer"
        )
    return list(FEEDBACK[tool](attribution, place, content))


def _langsmith(
    attribution: Attribution, place: AnswerPlace, content: bool
) -> Iterator[dict[str, Any]]:
    for index, evaluation in enumerate(evaluations(attribution, content)):
        payload = {
            "run_id": place.span or place.trace,
            "trace_id": place.trace,
            "session_id": place.project,
            "key": evaluation.name,
            "score": evaluation.score,
            "value": evaluation.label,
            "comment": clean_text(evaluation.explanation),
            "source_info": {"source": _SOURCE, **_metadata(evaluation)},
            "feedback_id": _own_id(place, evaluation.name, index),
        }
        yield _known(payload)


def _langfuse(
    attribution: Attribution, place: AnswerPlace, content: bool
) -> Iterator[dict[str, Any]]:
    for index, evaluation in enumerate(evaluations(attribution, content)):
        name = evaluation.name
        number = name if evaluation.label is None else f"{name}_probability"
        for own, value, kind in (
            (name, evaluation.label, "CATEGORICAL"),
            (number, evaluation.score, "NUMERIC"),
        ):
            if value is None:
                continue
            payload = {
                "name": own,
                "value": value,
                "data_type": kind,
                "trace_id": place.trace,
                "observation_id": place.span or None,
                "comment": clean_text(evaluation.explanation),
                "metadata": {"source": _SOURCE, **_metadata(evaluation)},
                "score_id": _own_id(place, own, index),
            }
            yield _known(payload)


def _phoenix(
    attribution: Attribution, place: AnswerPlace, content: bool
) -> Iterator[dict[str, Any]]:
    if not place.span:
        raise InputError("Phoenix takes annotations of spans: give span_id, such as the root's")
    for index, evaluation in enumerate(evaluations(attribution, content)):
        result = {
            "label": evaluation.label,
            "score": evaluation.score,
            "explanation": clean_text(evaluation.explanation),
        }
        yield {
            "name": evaluation.name,
            "span_id": place.span,
            "annotator_kind": "CODE",
            "result": _known(result),
            "metadata": _metadata(evaluation),
            "identifier": f"{_SOURCE}-{index}",  # a span has one annotation of each name and this
        }
    yield from _documents(attribution)


def _documents(attribution: Attribution) -> Iterator[dict[str, Any]]:
    """Yield an annotation for each document that is known to have been found in the trace."""
    numbers = {citation.chunk_index: citation.number for citation in attribution.shown_citations}
    scores = chunk_scores(attribution)
    for index, chunk in enumerate(attribution.chunks):
        found = found_at(chunk)
        if found is None:
            continue
        number = numbers.get(index)
        result = {
            "label": "not cited" if number is None else "cited",
            "score": None if np.isnan(scores[index]) else float(scores[index]),
            "explanation": f"citation {number}; the score is in nats" if number else None,
        }
        yield {
            "name": "citation",
            "span_id": found[0],
            "document_position": found[1],
            "annotator_kind": "CODE",
            "result": _known(result),
        }


def _mlflow(
    attribution: Attribution, place: AnswerPlace, content: bool
) -> Iterator[dict[str, Any]]:
    for evaluation in evaluations(attribution, content):
        value = evaluation.score if evaluation.label is None else evaluation.label
        if value is None:
            continue
        metadata = _metadata(evaluation)
        if evaluation.label is not None and evaluation.score is not None:
            metadata["probability"] = evaluation.score
        payload = {
            "trace_id": place.trace,
            "span_id": place.span or None,
            "name": evaluation.name,
            "value": value,
            "rationale": clean_text(evaluation.explanation),
            "source": {"source_type": "CODE", "source_id": _SOURCE},
            "metadata": {key: _as_text(one) for key, one in metadata.items()},
        }
        yield _known(payload)


Form = Callable[["Attribution", AnswerPlace, bool], Iterator[dict[str, Any]]]

FEEDBACK: Mapping[str, Form] = {
    "langsmith": _langsmith,
    "langfuse": _langfuse,
    "phoenix": _phoenix,
    "mlflow": _mlflow,
}
"""What puts an attribution into the form of each tool."""


def _metadata(evaluation: Evaluation) -> dict[str, Any]:
    """Return what more is known, as JSON can hold it, without what is not."""
    held = storable(evaluation.metadata)
    assert isinstance(held, dict)
    return _known(held)


def _known(payload: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if value is not None}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _own_id(place: AnswerPlace, name: str, index: int) -> str:
    """Return an id that is the same whenever the same is sent, so that it is replaced."""
    key = f"{_SOURCE}:{place.trace}:{place.span}:{name}:{index}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, clean_text(key)))
