"""What the service reads and answers, as JSON Schema with examples, for its OpenAPI page."""

from __future__ import annotations

from typing import Any, Final, get_args

from attribot_integrations.auditing.audits import Verdict
from attribot_integrations.context.kinds import SourceKind
from attribot_integrations.filtering.chunk_scoring import Granularity, SignalName
from attribot_integrations.methods.presets import MethodName
from attribot_integrations.service.wire import WIRE_VERSION

__all__ = ["ATTRIBUTE", "AUDIT", "FILTER", "answer_schema", "error_responses", "request_body"]

_Schema = dict[str, Any]


def _object(
    properties: _Schema, required: list[str] | None = None, description: str | None = None
) -> _Schema:
    made: _Schema = {
        "type": "object",
        "properties": properties,
        "required": required or [],
        "additionalProperties": False,
    }
    return made | ({"description": description} if description else {})


def _text(description: str | None = None) -> _Schema:
    return {"type": "string"} | ({"description": description} if description else {})


def _or_null(schema: _Schema) -> _Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _number(description: str, **limits: float) -> _Schema:
    return {"type": "number", "description": description, **limits}


_COUNT: Final[_Schema] = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
_SPAN: Final[_Schema] = {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2}
_TRIPLE: Final[_Schema] = {"type": "array", "items": _COUNT, "minItems": 3, "maxItems": 3}
_SHARE: Final = {"minimum": 0, "maximum": 1}
_FLAG: Final[_Schema] = {"type": "boolean"}

_SAID: Final = [kind for kind in get_args(SourceKind) if kind != "retrieved"]
_CHUNK: Final[_Schema] = {
    "anyOf": [
        _text("The text of a chunk."),
        _object(
            {
                "text": _text("The text as it was retrieved."),
                "id": _or_null(_text("Handed back on citations.")),
                "metadata": {
                    "type": "object",
                    "description": "`title`, `source` or `file_name` may be shown in a prompt.",
                },
                "body": _or_null(_SPAN),
                "shown_metadata": {"type": "array", "items": _SPAN},
                "origin": _or_null(
                    _object(
                        {"document": _text(), "stretches": {"type": "array", "items": _TRIPLE}},
                        ["document"],
                    )
                ),
                "said": _or_null(
                    _object(
                        {
                            "kind": {"type": "string", "enum": _SAID},
                            "turn": _COUNT,
                            "role": _text(),
                            "name": _or_null(_text()),
                        },
                        ["kind", "turn", "role"],
                        "Where in the conversation it was said, if it was not retrieved.",
                    )
                ),
            },
            ["text"],
        ),
    ]
}
_ROLE: Final[_Schema] = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_\-]{0,31}$"}
_MESSAGE: Final = _object(
    {
        "role": _ROLE,
        "content": _text(),
        "name": _text("Of the message's tools."),
        "calls": _text("What it calls tools with."),
        "memory": _text("What a memory has put at the start of the content."),
        "kind": {"type": "string", "enum": ["summary", "memory"]},
    },
    ["role", "content"],
)
_SEGMENT: Final = _object(
    {
        "text": _text(),
        "needs": {"type": "array", "items": _SPAN},
        "sentence": _or_null(_COUNT),
        "trusted": _FLAG,
    },
    ["text"],
)
_PROMPT: Final[_Schema] = {
    "description": "The prompt that the generator saw; by default the service's template renders "
    "question and chunks.",
    "anyOf": [
        {"type": "null"},
        _text("Raw text."),
        {"type": "array", "items": _MESSAGE, "description": "Chat messages."},
        _object(
            {"text": _text(), "trusted": _FLAG, "bos_added": _FLAG},
            ["text"],
            "Raw text, whose control tokens are honoured outside of the chunks if it is trusted.",
        ),
        _object(
            {
                "messages": {
                    "type": "array",
                    "items": _object(
                        {"role": _or_null(_ROLE), "segments": {"type": "array", "items": _SEGMENT}},
                        ["segments"],
                    ),
                },
                "sentences": {"type": "array", "items": _TRIPLE},
                "raw": _FLAG,
                "bos_added": _FLAG,
            },
            ["messages", "sentences"],
            "Rendered by a client's template, in segments that name the sentences they show.",
        ),
    ],
}
_DEPENDS: Final = _object(
    {
        "min_score": _number("Least score of a cited source, in nats.", exclusiveMinimum=0),
        "min_share": _number("Least share in all positive scores.", **_SHARE),
        "enough_score": _number("Nats that are enough whatever the share.", exclusiveMinimum=0),
        "max_citations": {"type": "integer", "minimum": 1},
    }
)
_STATES: Final = _object(
    {
        "min_stated": _number("Least score by the verifier.", **_SHARE),
        "near_best": _number("Least share of the best.", **_SHARE),
        "max_citations": {"type": "integer", "minimum": 1},
    }
)
_OPTIONS: Final = _object(
    {
        "method": _or_null({"type": "string", "enum": list(get_args(MethodName))}),
        "levels": {
            "type": "array",
            "items": {"type": "string", "enum": ["sentence", "chunk"]},
            "minItems": 1,
        },
        "sources": {
            "anyOf": [
                {"type": "string", "enum": ["retrieved", "all"]},
                {
                    "type": "array",
                    "items": {"type": "string", "enum": list(get_args(SourceKind))},
                    "contains": {"const": "retrieved"},
                },
            ],
            "description": "What is a source beside the chunks: messages of a captured prompt.",
        },
        "policy": _object({"depends": _DEPENDS, "states": _STATES})
        | {"minProperties": 1, "description": "Which kinds of evidence are cited."},
        "alternatives": {
            "anyOf": [
                _FLAG,
                {"type": "null"},
                _object(
                    {
                        "min_gain": _number("Nats.", exclusiveMinimum=0),
                        **{
                            name: _number("A share.", exclusiveMinimum=0, maximum=1)
                            for name in ("explained", "sufficient", "near_best")
                        },
                        "max_sources": {"type": "integer", "minimum": 2},
                    }
                ),
            ],
            "description": "Whether to look for sources that say the same.",
        },
        "certificates": {
            "anyOf": [
                _FLAG,
                {"type": "null"},
                _object(
                    {
                        "hold": _or_null(
                            _number("A share to reach.", exclusiveMinimum=0, maximum=1)
                        ),
                        "most": {"type": "integer", "minimum": 1},
                        "min_gain": _number("Nats.", exclusiveMinimum=0),
                    }
                ),
            ],
            "description": "Whether to measure what citations carry together.",
        },
        "max_seconds": _or_null(_number("Most seconds to spend.", exclusiveMinimum=0)),
        "max_tokens": _or_null({"type": "integer", "minimum": 1}),
    },
    description="What the caller chooses; all else, and the upper limits, are the service's.",
)
_WIRE: Final[_Schema] = {"type": "integer", "enum": [WIRE_VERSION]}
_ASKED: Final[_Schema] = {
    "question": _text("The user's question."),
    "chunks": {"type": "array", "items": _CHUNK, "description": "In the order of the prompt."},
    "answer": _text("The generator's answer."),
    "prompt": _PROMPT,
    "id": _or_null(_text("Any identifier, handed back.")),
    "generated_ids": _or_null(
        {"type": "array", "items": {**_COUNT, "maximum": 2**31 - 1}, "maxItems": 1 << 17}
    ),
    "statements": _or_null({"type": "array", "items": _SPAN}),
    "options": _or_null(_OPTIONS),
    "wire": _WIRE,
}
_NEEDED: Final = ["question", "chunks", "answer"]
_EXAMPLE: Final[_Schema] = {
    "question": "When did the harbour open?",
    "chunks": [
        "The harbour opened in 1962. It is old.",
        {"text": "A river runs through the town.", "id": "river-7"},
    ],
    "answer": "It opened in 1962.",
}

ATTRIBUTE: Final = _object(
    {**_ASKED, "stream": {**_FLAG, "description": "Whether to answer with server-sent events."}},
    _NEEDED,
) | {"examples": [_EXAMPLE, {**_EXAMPLE, "options": {"method": "exact"}, "stream": True}]}
"""Body of `/v1/attribute`."""

FILTER: Final = _object(
    {
        "question": _ASKED["question"],
        "chunks": _ASKED["chunks"],
        "signal": {"type": "string", "enum": list(get_args(SignalName))},
        "granularity": {"type": "string", "enum": list(get_args(Granularity))},
        "threshold": _or_null(_number("Least relevance of a kept chunk.", **_SHARE)),
        "top_n": _or_null({"type": "integer", "minimum": 1}),
        "min_chunks": _COUNT,
        "wire": _WIRE,
    },
    ["question", "chunks"],
) | {"examples": [{"question": _EXAMPLE["question"], "chunks": _EXAMPLE["chunks"], "top_n": 1}]}
"""Body of `/v1/filter`."""

_CITATION: Final = _object(
    {
        "start": _COUNT,
        "end": _COUNT,
        "chunk_index": _or_null(_COUNT),
        "label": _text("What the answer calls the source."),
        "marker": _or_null(_SPAN),
        "raw": _or_null({"type": "object"}),
    },
    ["start", "end", "chunk_index", "label"],
)
AUDIT: Final = _object(
    {
        **_ASKED,
        "citations": _or_null(
            {
                "type": "array",
                "items": _CITATION,
                "description": "By default the marks in the answer are read.",
            }
        ),
        "numbers": _or_null(
            {
                "type": "object",
                "additionalProperties": _COUNT,
                "description": "Indexes of chunks by number or label; by default counted from 1.",
            }
        ),
        "evidence": _or_null(
            _object(
                {
                    "depends": _DEPENDS,
                    "min_states": _number("Of the verifier.", **_SHARE),
                }
            )
        ),
    },
    _NEEDED,
) | {"examples": [{**_EXAMPLE, "answer": "It opened in 1962 [2]."}]}
"""Body of `/v1/audit`."""

_ERROR: Final = {
    "type": "object",
    "properties": {
        "wire": _WIRE,
        "error": {
            "type": "object",
            "properties": {
                "type": _text("Name of the error's class."),
                "message": _text("What is wrong, with field and value."),
            },
            "required": ["type", "message"],
        },
    },
    "required": ["wire", "error"],
}
_REASONS: Final = {
    400: "The body is no JSON.",
    401: "The token is missing or wrong.",
    408: "The body came too slowly.",
    413: "The request is too large, or does not fit in memory.",
    415: "The body is not said to be JSON.",
    422: "A field is missing, unknown or wrong, or the request cannot be attributed.",
    429: "The service is busy; `Retry-After` says how long.",
    500: "The model cannot be used, or a fault in the service; its log says more.",
    502: "The server that runs the service's model fails.",
    503: "The service is being stopped.",
}
_RESULTS: Final[dict[str, _Schema]] = {
    "attribution": {
        "type": "object",
        "description": "An attribution, see the page on JSON.",
        "properties": {
            "schema": {"type": "integer"},
            "answer": _text(),
            "citations": {"type": "array"},
        },
        "required": ["schema", "answer", "citations", "statements", "scores", "support"],
    },
    "relevance": {
        "type": "object",
        "properties": {
            "relevance": {"type": "array", "items": _number("0 to 1.", **_SHARE)},
            "kept": {"type": "array", "items": _COUNT, "description": "Indexes of chunks to keep."},
            "draft": _or_null(_text()),
        },
        "required": ["relevance", "sentences", "kept", "signal", "draft", "cost"],
    },
    "audit": {
        "type": "object",
        "properties": {
            "citations": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"verdict": {"enum": list(get_args(Verdict))}},
                    "required": ["given", "verdict"],
                },
            }
        },
        "required": ["citations", "statements", "precision", "recall", "faults"],
    },
}


def request_body(schema: _Schema) -> _Schema:
    """Return what FastAPI takes as `openapi_extra` for a route that reads this body."""
    content = {"application/json": {"schema": schema, "example": schema["examples"][0]}}
    return {"requestBody": {"required": True, "content": content}}


def answer_schema(kind: str) -> _Schema:
    """Return the schema of an answer.

    Args:
        kind: Of which kind its result is: attribution, relevance or audit.
    """
    properties = {"wire": _WIRE, "model": _text("Name of the target."), "result": _RESULTS[kind]}
    return _object(properties, ["wire", "model", "result"])


def error_responses(*, token: bool) -> dict[int | str, dict[str, Any]]:
    """Return what FastAPI takes as `responses`, for all errors.

    Args:
        token: Whether a token is asked for.
    """
    return {
        status: {"description": text, "content": {"application/json": {"schema": _ERROR}}}
        for status, text in _REASONS.items()
        if status != 401 or token
    }
