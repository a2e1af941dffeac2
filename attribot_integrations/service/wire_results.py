"""What a service answers as JSON, and what is checked of it before anyone relies on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from attribot_integrations import errors
from attribot_integrations.context.retrieved import Chunk, as_chunks, clean_text
from attribot_integrations.errors import (
    AttribotError,
    ConfigurationError,
    InputError,
    ModelError,
    ServerError,
)
from attribot_integrations.filtering.chunk_scores import ChunkScores, SentenceRelevance
from attribot_integrations.results.parts import Cost
from attribot_integrations.results.serialization import attribution_from_dict, json_data
from attribot_integrations.results.typed_data import build
from attribot_integrations.service.wire import WIRE_VERSION, check_version

if TYPE_CHECKING:
    from attribot_integrations.requests.options import AttributionRequest
    from attribot_integrations.results import Attribution

__all__ = [
    "answer_to_wire",
    "attribution_from_wire",
    "attribution_to_wire",
    "error_from_wire",
    "error_to_wire",
    "scores_from_wire",
    "scores_to_wire",
    "statements_to_wire",
]

_TOLD: Final = (ConfigurationError, InputError, ModelError)
"""Errors that a caller is told by their own name; of others it learns no more than that."""


def answer_to_wire(result: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return the body of an answer.

    Args:
        result: What was found.
        model: Name of the service's target.
    """
    return {"wire": WIRE_VERSION, "model": model, "result": result}


def attribution_to_wire(attribution: Attribution) -> dict[str, Any]:
    """Return an attribution as its JSON form has it, see `Attribution.to_json`."""
    return json_data(attribution)


def attribution_from_wire(data: Any, request: AttributionRequest) -> Attribution:
    """Read the answer to a request, and check that it is one to this request.

    Args:
        data: The parsed body.
        request: What was asked. Its chunks, with all their metadata, are those of the result.

    Raises:
        ServerError: If it is another version's, no whole result, or one to another request.
    """
    result = _result(data)
    try:
        found = attribution_from_dict(result)
    except InputError as error:
        raise ServerError(f"the service gives no whole attribution: {error}") from error
    chunks = as_chunks(request.chunks, may_be_blank=True)
    _check_same("question", found.question, clean_text(request.question))
    _check_same("answer", found.answer, clean_text(request.answer))
    _check_same("id", found.id, None if request.id is None else clean_text(request.id))
    said = [each for each in found.chunks[len(chunks) :] if each.said is not None]
    sent = found.chunks[: len(found.chunks) - len(said)]
    _check_texts(sent, chunks)
    own = tuple(
        replace(mine, text=theirs.text) if mine.text != theirs.text else mine
        for mine, theirs in zip(chunks, sent, strict=True)
    )
    return replace(found, chunks=(*own, *said))


def statements_to_wire(attribution: Attribution) -> list[dict[str, Any]]:
    """Return the statements one by one, each with its citations and its label."""
    shown = attribution.shown_citations
    labels = {support.statement_index: support for support in attribution.support}
    return [
        {
            "index": statement.index,
            "start": statement.start,
            "end": statement.end,
            "text": clean_text(statement.text),
            "path": statement.path,
            "citations": [
                {
                    "number": one.number,
                    "chunk_index": one.chunk_index,
                    "chunk_id": one.chunk_id,
                    "chunk_start": one.chunk_start,
                    "chunk_end": one.chunk_end,
                    "text": clean_text(one.text),
                    "score": one.score,
                    "basis": one.basis,
                    "states": one.states,
                }
                for one in shown
                if one.statement_index == statement.index
            ],
            "label": labels[statement.index].label if statement.index in labels else None,
            "remark": attribution.remarks[statement.index],
        }
        for statement in attribution.statements
    ]


def scores_to_wire(scores: ChunkScores, kept: Sequence[int]) -> dict[str, Any]:
    """Return how relevant chunks are, without the chunks themselves.

    Args:
        scores: The scores.
        kept: Indexes of the chunks that the caller's rule keeps.
    """
    return {
        "question": clean_text(scores.question),
        "relevance": scores.relevance.tolist(),
        "sentences": [asdict(one) for one in scores.sentences],
        "kept": list(kept),
        "signal": scores.signal,
        "draft": None if scores.draft is None else clean_text(scores.draft),
        "cost": {
            "seconds": scores.cost.seconds,
            "models": [asdict(model) for model in scores.cost.models],
        },
    }


def scores_from_wire(data: Any, question: str, chunks: Sequence[str | Chunk]) -> ChunkScores:
    """Read how relevant chunks are.

    Args:
        data: The parsed body.
        question: What was asked.
        chunks: The chunks that were sent.

    Raises:
        ServerError: If it is another version's, or no whole result for these chunks.
    """
    result = _result(data)
    mine = tuple(one if isinstance(one, Chunk) else Chunk(one) for one in chunks)
    try:
        found = build(ChunkScores, {**result, "chunks": []}, "")
    except (InputError, RecursionError) as error:
        raise ServerError(f"the service gives no whole scores of chunks: {error}") from error
    _check_same("question", found.question, clean_text(question))
    if found.relevance.shape != (len(mine),):
        raise ServerError(
            f"the service gives {len(found.relevance)} scores for the {len(mine)} chunks"
        )
    of_sentences = [one.relevance for one in found.sentences]
    for value in (*found.relevance.tolist(), *of_sentences):
        if not 0 <= value <= 1:
            raise ServerError(f"the service gives a relevance that is not from 0 to 1: {value}")
    for one in found.sentences:
        _check_sentence(one, mine)
    return ChunkScores(
        question,
        mine,
        np.asarray(found.relevance, dtype=np.float32),
        found.sentences,
        found.signal,
        found.draft,
        Cost(found.cost.seconds, found.cost.models),
    )


def error_to_wire(error: BaseException) -> dict[str, Any]:
    """Return an error as JSON holds it; of one that nobody foresaw, no more than that."""
    known = isinstance(error, AttribotError)
    kind = type(error).__name__ if known else "InternalError"
    message = str(error) if known else "the service failed; its log says why"
    return {"wire": WIRE_VERSION, "error": {"type": kind, "message": clean_text(message)}}


def error_from_wire(data: Any) -> AttribotError | None:
    """Return the error that a service tells, in this process's own class; `None` if it tells none.

    Args:
        data: The parsed body.
    """
    told = data.get("error") if isinstance(data, Mapping) else None
    if not isinstance(told, Mapping):
        return None
    name, message = told.get("type"), told.get("message")
    if name not in errors.__all__ or not isinstance(message, str):
        return None
    kind = getattr(errors, name)
    return kind(message) if issubclass(kind, _TOLD) else None


def _result(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise ServerError(f"the service gives no JSON object, but {data!r:.60}")
    try:
        check_version(data.get("wire"))
    except InputError as error:
        raise ServerError(
            f"the service speaks another version than this client: {error}; install the same "
            "version of attribot-integrations on both sides"
        ) from error
    result = data.get("result")
    if not isinstance(result, Mapping):
        raise ServerError(f"the service's answer holds no result, but {result!r:.60}")
    return result


def _check_same(what: str, theirs: object, mine: object) -> None:
    if theirs != mine:
        raise ServerError(
            f"the service's result is for another {what}: {theirs!r:.60}, not {mine!r:.60}"
        )


def _check_texts(theirs: Sequence[Chunk], mine: Sequence[Chunk]) -> None:
    if len(theirs) != len(mine):
        raise ServerError(f"the service's result is for {len(theirs)} chunks, not {len(mine)}")
    for index, (one, other) in enumerate(zip(theirs, mine, strict=True)):
        _check_same(f"chunk {index}", one.text, clean_text(other.text))


def _check_sentence(one: SentenceRelevance, chunks: Sequence[Chunk]) -> None:
    inside = 0 <= one.chunk_index < len(chunks)
    if not (inside and 0 <= one.start <= one.end <= len(chunks[one.chunk_index].text)):
        raise ServerError(f"the service names a sentence that is in no chunk: {one!r:.90}")
