"""Attributions as plain data and JSON, with a versioned schema."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

import numpy as np

from attribot_integrations.context.retrieved import Chunk, clean_text
from attribot_integrations.errors import InputError, ModelError
from attribot_integrations.results.attribution import Attribution
from attribot_integrations.results.hops import Step
from attribot_integrations.results.parts import Statement
from attribot_integrations.results.typed_data import build

__all__ = [
    "SCHEMA_VERSION",
    "attribution_from_dict",
    "attribution_from_json",
    "attribution_to_dict",
    "attribution_to_json",
    "json_data",
    "storable",
]

SCHEMA_VERSION = 2
"""Raised whenever a field changes its meaning or goes away; earlier versions can be read, too.

2: a source may be cited because it states the statement, though that does not depend on it: each
citation has its `basis` and `states`. `stated`, `verifier`, `certificates` and `remarks` are new.
In version 1, every citation's basis is `depends`.
"""

_DEEPEST = 32  # levels of metadata that are kept
_LARGEST = 10**4000  # Python writes no integers that are much longer


def attribution_to_dict(attribution: Attribution) -> dict[str, Any]:
    """Return an attribution as plain dicts, lists, strings and numbers (nats, seconds).

    `carried`, `remarks`, `notes` and a certificate's `held` are for readers, they follow from the
    rest.
    """
    return {
        "schema": SCHEMA_VERSION,
        "id": attribution.id,
        "question": attribution.question,
        "answer": attribution.answer,
        "chunks": [
            {
                "text": chunk.text,
                "id": chunk.id,
                "metadata": dict(chunk.metadata),
                **_parts(chunk),
            }
            for chunk in attribution.chunks
        ],
        "sources": [
            {**asdict(source), "sentence_ids": list(source.sentence_ids)}
            for source in attribution.sources
        ],
        "statements": [_statement(each) for each in attribution.statements],
        "citations": [
            {**asdict(citation), "alternatives": list(citation.alternatives)}
            for citation in attribution.citations
        ],
        "alternatives": [
            {
                **asdict(group),
                "source_ids": list(group.source_ids),
                "sufficiency": list(group.sufficiency),
            }
            for group in attribution.alternatives
        ],
        "support": [asdict(support) for support in attribution.support],
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
            {
                **asdict(location),
                "places": [list(place) for place in location.places],
                "shown": [list(span) for span in location.shown],
            }
            for location in attribution.locations
        ],
        "stopped": attribution.stopped,
        "stated": None if attribution.stated is None else attribution.stated.tolist(),
        "verifier": attribution.verifier,
        "unverified": attribution.unverified,
        "certificates": [
            {**asdict(each), "source_ids": list(each.source_ids), "held": each.held}
            for each in attribution.certificates
        ],
        "steps": [_step(each) for each in attribution.steps],
        "hops": [asdict(hop) for hop in attribution.hops],
        "carried": list(attribution.carried),
        "remarks": list(attribution.remarks),
        "notes": list(attribution.notes),
    }


def _statement(statement: Statement) -> dict[str, Any]:
    return {**asdict(statement), "tokens": list(statement.tokens)}


def _step(step: Step) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "text": step.text,
        "statements": [_statement(each) for each in step.statements],
        "support": [asdict(support) for support in step.support],
        "hops": [asdict(hop) for hop in step.hops],
    }


def _parts(chunk: Chunk) -> dict[str, Any]:
    """Return what is known of a chunk's parts and of where it is from, without what is not."""
    found: dict[str, Any] = {}
    if chunk.body is not None:
        found["body"] = list(chunk.body)
        found["shown_metadata"] = [list(span) for span in chunk.shown_metadata]
    if chunk.origin is not None:
        stretches = [list(each) for each in chunk.origin.stretches]
        found["origin"] = {"document": chunk.origin.document, "stretches": stretches}
    if chunk.said is not None:
        found["said"] = asdict(chunk.said)
    return found


def attribution_from_dict(data: Mapping[str, Any]) -> Attribution:
    """Rebuild an attribution from `attribution_to_dict`'s output, of this or an earlier version.

    Fields that this version does not know are ignored.

    Raises:
        InputError: If the data is no attribution, or of an unknown schema version.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"the data is no attribution: a mapping is needed, not {data!r:.60}")
    version = data.get("schema")
    if version not in range(1, SCHEMA_VERSION + 1):
        shown = repr(version)[:60] if isinstance(version, str | int) else type(version).__name__
        raise InputError(f"the schema version must be 1 to {SCHEMA_VERSION}, got {shown}")
    fields = dict(data)
    for name, axis in (
        ("scores", "token_spans"),
        ("sufficiency", "token_spans"),
        ("stated", "statements"),
    ):
        if fields.get(name) == [] and isinstance(fields.get(axis), list):
            fields[name] = np.zeros((0, len(fields[axis])))  # no source was scored
    try:
        return build(Attribution, fields, "")
    except (InputError, ModelError, RecursionError) as error:
        raise InputError(f"the data is no attribution: {error}") from error


def json_data(attribution: Attribution) -> dict[str, Any]:
    """Return what `attribution_to_dict` does, with metadata that JSON cannot hold as text."""
    data = attribution_to_dict(attribution)
    for chunk in data["chunks"]:
        chunk["metadata"] = storable(chunk["metadata"])
    return data


def attribution_to_json(attribution: Attribution, *, indent: int | None = None) -> str:
    """Return an attribution as JSON that any reader takes.

    Metadata that JSON cannot hold is written as text, and lone surrogates as U+FFFD; offsets stay
    as they are.

    Raises:
        ModelError: If a number is not finite.
    """
    try:
        text = json.dumps(
            json_data(attribution), indent=indent, ensure_ascii=False, allow_nan=False, default=str
        )
    except ValueError as error:
        raise ModelError(f"the result holds a number that JSON cannot hold: {error}") from error
    return clean_text(text)


def attribution_from_json(text: str) -> Attribution:
    """Rebuild an attribution from `attribution_to_json`'s output.

    Raises:
        InputError: If the text is no JSON object, or no attribution.
    """
    try:
        data = json.loads(text, parse_constant=_reject_constant)
    except InputError:
        raise
    except (RecursionError, TypeError, ValueError) as error:
        raise InputError(f"the text is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"the JSON must be an object, got {type(data).__name__}")
    return attribution_from_dict(data)


def _reject_constant(name: str) -> NoReturn:
    raise InputError(f"the text is no JSON: {name} is not a JSON number")


def storable(value: object, within: frozenset[int] = frozenset()) -> object:
    """Return metadata in a form that JSON can hold: what it cannot hold is written as text.

    Args:
        value: A value, or a mapping or list of them.
        within: Identities of the mappings and lists around it; metadata may hold itself.
    """
    if len(within) < _DEEPEST and id(value) not in within:
        inside = within | {id(value)}
        if isinstance(value, Mapping):
            return {_text(key): storable(item, inside) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [storable(item, inside) for item in value]
    if isinstance(value, str):
        return clean_text(value)
    plain = value is None or (isinstance(value, int) and abs(value) < _LARGEST)
    return value if plain or (isinstance(value, float) and math.isfinite(value)) else _text(value)


def _text(value: object) -> str:
    try:
        return clean_text(str(value))
    except Exception:  # anything may be metadata, and its own code runs here
        return f"<{type(value).__name__}>"
