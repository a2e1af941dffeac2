"""Attributions as plain data and JSON, with a versioned schema."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from attribot_integrations.capture import ChunkLocation
from attribot_integrations.errors import InputError
from attribot_integrations.results import (
    Attribution,
    Audit,
    Citation,
    Cost,
    ModelCost,
    Statement,
)
from attribot_integrations.sources import Chunk, Source, clean_text

if TYPE_CHECKING:
    from attribot_integrations.results import FloatArray

__all__ = [
    "SCHEMA_VERSION",
    "attribution_from_dict",
    "attribution_from_json",
    "attribution_to_dict",
    "attribution_to_json",
]

SCHEMA_VERSION = 1
"""Raised whenever a field changes its meaning or goes away."""


def attribution_to_dict(attribution: Attribution) -> dict[str, Any]:
    """Return an attribution as plain dicts, lists, strings and numbers (nats, seconds)."""
    return {
        "schema": SCHEMA_VERSION,
        "id": attribution.id,
        "question": attribution.question,
        "answer": attribution.answer,
        "chunks": [
            {"text": chunk.text, "id": chunk.id, "metadata": dict(chunk.metadata)}
            for chunk in attribution.chunks
        ],
        "sources": [
            {**asdict(source), "sentence_ids": list(source.sentence_ids)}
            for source in attribution.sources
        ],
        "statements": [
            {**asdict(statement), "tokens": list(statement.tokens)}
            for statement in attribution.statements
        ],
        "citations": [asdict(citation) for citation in attribution.citations],
        "scores": attribution.scores.tolist(),
        "exact": attribution.exact.tolist(),
        "estimands": list(attribution.estimands),
        "token_spans": [list(span) for span in attribution.token_spans],
        "token_log_probs": attribution.token_log_probs.tolist(),
        "token_log_probs_without_context": attribution.token_log_probs_without_context.tolist(),
        "sufficiency": (
            None if attribution.sufficiency is None else attribution.sufficiency.tolist()
        ),
        "audit": None if attribution.audit is None else asdict(attribution.audit),
        "method": attribution.method,
        "cost": {
            "seconds": attribution.cost.seconds,
            "models": [asdict(model) for model in attribution.cost.models],
        },
        "locations": [
            {**asdict(location), "places": [list(place) for place in location.places]}
            for location in attribution.locations
        ],
    }


def attribution_from_dict(data: Mapping[str, Any]) -> Attribution:
    """Rebuild an attribution from `attribution_to_dict`'s output.

    Raises:
        InputError: If the data is no attribution, or of an unknown schema version.
    """
    version = data.get("schema")
    if version != SCHEMA_VERSION:
        raise InputError(f"the schema version must be {SCHEMA_VERSION}, got {version!r}")
    try:
        return _rebuild(data)
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the data is no attribution: {error!r}") from error


def attribution_to_json(attribution: Attribution, *, indent: int | None = None) -> str:
    """Return an attribution as JSON that any reader takes.

    Metadata that JSON cannot hold is written as text, and lone surrogates as U+FFFD; offsets stay
    as they are.
    """
    data = attribution_to_dict(attribution)
    for chunk in data["chunks"]:
        chunk["metadata"] = _storable(chunk["metadata"])
    return clean_text(json.dumps(data, indent=indent, ensure_ascii=False, default=str))


def attribution_from_json(text: str) -> Attribution:
    """Rebuild an attribution from `attribution_to_json`'s output.

    Raises:
        InputError: If the text is no JSON object, or no attribution.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"the text is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"the JSON must be an object, got {type(data).__name__}")
    return attribution_from_dict(data)


def _storable(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    if value is None or isinstance(value, str | int):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)


def _rebuild(data: Mapping[str, Any]) -> Attribution:
    width = len(data["token_spans"])
    return Attribution(
        question=data["question"],
        answer=data["answer"],
        chunks=tuple(Chunk(**chunk) for chunk in data["chunks"]),
        sources=tuple(
            Source(**{**source, "sentence_ids": tuple(source["sentence_ids"])})
            for source in data["sources"]
        ),
        statements=tuple(
            Statement(**{**statement, "tokens": tuple(statement["tokens"])})
            for statement in data["statements"]
        ),
        scores=_floats(data["scores"]).reshape(-1, width),
        exact=np.array(data["exact"], dtype=np.bool_),
        estimands=tuple(data["estimands"]),
        token_spans=tuple((start, end) for start, end in data["token_spans"]),
        token_log_probs=_floats(data["token_log_probs"]),
        token_log_probs_without_context=_floats(data["token_log_probs_without_context"]),
        citations=tuple(Citation(**citation) for citation in data["citations"]),
        method=data["method"],
        cost=Cost(
            seconds=data["cost"]["seconds"],
            models=tuple(ModelCost(**model) for model in data["cost"]["models"]),
        ),
        locations=tuple(
            ChunkLocation(
                **{**location, "places": tuple(tuple(place) for place in location["places"])}
            )
            for location in data["locations"]
        ),
        id=data["id"],
        sufficiency=(
            None if data["sufficiency"] is None else _floats(data["sufficiency"]).reshape(-1, width)
        ),
        audit=None if data["audit"] is None else Audit(**data["audit"]),
    )


def _floats(values: object) -> FloatArray:
    return np.array(values, dtype=np.float32)
