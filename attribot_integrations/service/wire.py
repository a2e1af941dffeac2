"""Requests as JSON, for a service: versioned, and read strictly.

A request holds text as data only. What a caller has that JSON has not stays with the caller:
metadata, but for the title that a prompt may show, and templates, whose prompt is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.auditing.witness import AuditOptions
from attribot_integrations.context.retrieved import Chunk, Span, clean_text
from attribot_integrations.errors import InputError
from attribot_integrations.filtering.chunk_scoring import (
    Granularity,
    SignalName,
    check_granularity,
    named_signal,
)
from attribot_integrations.filtering.keeping import KeepRule
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.service.wire_fields import (
    as_count,
    as_flag,
    as_list,
    as_number,
    as_object,
    as_optional_text,
    as_text,
    build_strictly,
)
from attribot_integrations.service.wire_options import options_from_wire, options_to_wire
from attribot_integrations.service.wire_prompts import (
    RenderedPrompt,
    prompt_from_wire,
    prompt_to_wire,
)

__all__ = [
    "WIRE_VERSION",
    "AttributeCall",
    "AuditCall",
    "FilterCall",
    "attribute_call",
    "audit_call",
    "check_version",
    "filter_call",
    "filter_to_wire",
    "request_to_wire",
]

WIRE_VERSION: Final = 1
"""Raised whenever a field of requests or answers changes its meaning or goes away."""

_REQUEST = ("id", "prompt", "generated_ids", "statements", "options", "wire")
_TITLES = ("title", "source", "file_name")
"""Metadata that `Chunk.title` reads; no other leaves the caller."""
_MOST_IDS = 1 << 17
_IDS_BELOW = 1 << 31


@dataclass(frozen=True)
class AttributeCall:
    """An answer to attribute."""

    request: AttributionRequest
    options: EngineOptions
    stream: bool = False
    """Whether its statements are wanted one by one, as server-sent events."""


@dataclass(frozen=True)
class FilterCall:
    """Chunks to filter, before there is an answer."""

    question: str
    chunks: tuple[Chunk, ...]
    signal: SignalName
    granularity: Granularity
    rule: KeepRule
    options: EngineOptions


@dataclass(frozen=True)
class AuditCall:
    """An answer whose citations are to be checked."""

    request: AttributionRequest
    options: EngineOptions
    citations: tuple[GivenCitation, ...] | None = None
    numbers: Mapping[str | int, int] | None = None
    evidence: AuditOptions | None = None


def request_to_wire(
    request: AttributionRequest, options: EngineOptions | None = None
) -> dict[str, Any]:
    """Return a request as JSON holds it.

    Args:
        request: The request; its prompt must be no template, see `render_prompt`.
        options: What the caller chooses; by default nothing.

    Raises:
        InputError: If the request is none that can be attributed anywhere.
        ConfigurationError: If an option cannot be sent.
    """
    prompt = request.prompt
    if callable(prompt) and not isinstance(prompt, RenderedPrompt):
        raise InputError(f"a template must be rendered before it is sent, got {prompt!r:.60}")
    data: dict[str, Any] = {
        "wire": WIRE_VERSION,
        "question": _sendable(request.question, "question"),
        "chunks": [_chunk_to_wire(chunk, index) for index, chunk in enumerate(request.chunks)],
        "answer": _sendable(request.answer, "answer"),
    }
    if request.id is not None:
        data["id"] = _sendable(request.id, "id")
    if prompt is not None:
        data["prompt"] = prompt_to_wire(prompt)
    if request.generated_ids is not None:
        data["generated_ids"] = [int(one) for one in request.generated_ids]
    if request.statements is not None:
        data["statements"] = [[int(start), int(end)] for start, end in request.statements]
    if options is not None:
        data["options"] = options_to_wire(options)
    return data


def filter_to_wire(
    question: str,
    chunks: Sequence[str | Chunk],
    signal: str,
    granularity: str,
) -> dict[str, Any]:
    """Return what `FilterCall` reads, as JSON holds it.

    Raises:
        InputError: If a text is none.
    """
    return {
        "wire": WIRE_VERSION,
        "question": _sendable(question, "question"),
        "chunks": [_chunk_to_wire(chunk, index) for index, chunk in enumerate(chunks)],
        "signal": signal,
        "granularity": granularity,
    }


def attribute_call(data: Any, default: EngineOptions) -> AttributeCall:
    """Read what is posted to have an answer attributed.

    Args:
        data: The parsed JSON.
        default: The service's options.

    Raises:
        InputError: If a field is missing, unknown, or has a value that it cannot have.
    """
    fields = as_object(data, "", ("question", "chunks", "answer"), (*_REQUEST, "stream"))
    check_version(fields.get("wire", WIRE_VERSION))
    request, options = _request(fields, default)
    return AttributeCall(request, options, as_flag(fields.get("stream", False), "stream"))


def audit_call(data: Any, default: EngineOptions) -> AuditCall:
    """Read what is posted to have an answer's citations checked; see `attribute_call`."""
    own = ("citations", "numbers", "evidence")
    fields = as_object(data, "", ("question", "chunks", "answer"), (*_REQUEST, *own))
    check_version(fields.get("wire", WIRE_VERSION))
    request, options = _request(fields, default)
    listed, evidence = fields.get("citations"), fields.get("evidence")
    citations = None
    if listed is not None:
        citations = tuple(
            build_strictly(GivenCitation, one, f"citations[{place}]")
            for place, one in enumerate(as_list(listed, "citations"))
        )
    return AuditCall(
        request,
        options,
        citations,
        _numbers(fields.get("numbers"), len(request.chunks)),
        None if evidence is None else _evidence(evidence),
    )


def filter_call(data: Any, default: EngineOptions) -> FilterCall:
    """Read what is posted to have chunks filtered; see `attribute_call`."""
    optional = ("signal", "granularity", "threshold", "top_n", "min_chunks", "wire")
    fields = as_object(data, "", ("question", "chunks"), optional)
    check_version(fields.get("wire", WIRE_VERSION))
    signal = as_text(fields.get("signal", "words"), "signal")
    granularity = as_text(fields.get("granularity", "chunk"), "granularity")
    threshold, top_n = fields.get("threshold"), fields.get("top_n")
    try:
        named_signal(signal)
        check_granularity(granularity)
        rule = KeepRule(
            None if threshold is None else as_number(threshold, "threshold"),
            None if top_n is None else as_count(top_n, "top_n"),
            as_count(fields.get("min_chunks", 0), "min_chunks"),
        )
    except InputError:
        raise
    except ValueError as error:  # a ConfigurationError: the caller's own options are data here
        raise InputError(str(error)) from error
    return FilterCall(
        as_text(fields["question"], "question"),
        _chunks(fields["chunks"]),
        cast("SignalName", signal),
        cast("Granularity", granularity),
        rule,
        default,
    )


def check_version(version: Any) -> None:
    """Check the version that one side says it speaks.

    Raises:
        InputError: If it is another.
    """
    if isinstance(version, bool) or version != WIRE_VERSION:
        raise InputError(
            f"wire must be {WIRE_VERSION}, the version spoken here, got {version!r:.60}"
        )


def _request(
    fields: Mapping[str, Any], default: EngineOptions
) -> tuple[AttributionRequest, EngineOptions]:
    answer = as_text(fields["answer"], "answer")
    request = AttributionRequest(
        question=as_text(fields["question"], "question"),
        chunks=_chunks(fields["chunks"]),
        answer=answer,
        prompt=prompt_from_wire(fields.get("prompt")),
        id=as_optional_text(fields.get("id"), "id"),
        generated_ids=_ids(fields.get("generated_ids")),
        statements=_spans(fields.get("statements"), len(answer)),
    )
    return request, options_from_wire(fields.get("options"), default)


def _chunk_to_wire(chunk: object, index: int) -> str | dict[str, Any]:
    if isinstance(chunk, str):
        return clean_text(chunk)
    if not isinstance(chunk, Chunk):
        raise InputError(f"chunk {index} must be a str or Chunk, not {type(chunk).__name__}")
    data: dict[str, Any] = {"text": clean_text(chunk.text)}
    if chunk.id is not None:
        data["id"] = clean_text(chunk.id)
    titles = {
        key: clean_text(value)
        for key in _TITLES
        if isinstance(value := chunk.metadata.get(key), str) and value
    }
    if titles:
        data["metadata"] = titles
    if chunk.body is not None:
        data["body"] = list(chunk.body)
        data["shown_metadata"] = [list(span) for span in chunk.shown_metadata]
    if chunk.origin is not None:
        stretches = [list(one) for one in chunk.origin.stretches]
        data["origin"] = {"document": clean_text(chunk.origin.document), "stretches": stretches}
    if chunk.said is not None:
        said = asdict(chunk.said)
        data["said"] = {name: _clean(value) for name, value in said.items() if value is not None}
    return data


def _clean(value: object) -> object:
    return clean_text(value) if isinstance(value, str) else value


def _chunks(value: Any) -> tuple[Chunk, ...]:
    return tuple(
        Chunk(one) if isinstance(one, str) else build_strictly(Chunk, one, f"chunks[{index}]")
        for index, one in enumerate(as_list(value, "chunks"))
    )


def _ids(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    ids = tuple(as_count(one, "generated_ids") for one in as_list(value, "generated_ids"))
    if len(ids) > _MOST_IDS or max(ids, default=0) >= _IDS_BELOW:
        raise InputError(
            f"generated_ids must be at most {_MOST_IDS} ids below {_IDS_BELOW}, got {len(ids)} up "
            f"to {max(ids)}"
        )
    return ids


def _spans(value: Any, length: int) -> tuple[Span, ...] | None:
    if value is None:
        return None
    spans = []
    for index, one in enumerate(as_list(value, "statements")):
        where = f"statements[{index}]"
        ends = [as_count(each, where) for each in as_list(one, where)]
        if len(ends) != 2 or not ends[0] <= ends[1] <= length:
            raise InputError(
                f"{where} must be start and end of a span of the answer's {length} characters, "
                f"got {ends!r:.60}"
            )
        spans.append((ends[0], ends[1]))
    return tuple(spans)


def _numbers(value: Any, chunks: int) -> dict[str | int, int] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InputError(f"numbers must be an object, got {value!r:.60}")
    numbers: dict[str | int, int] = {}
    for name, index in value.items():
        place = as_count(index, f"numbers.{name:.30}")
        if place >= chunks:
            raise InputError(f"numbers.{name:.30} must name a chunk below {chunks}, got {place}")
        numbers[int(name) if name.isdecimal() and name.isascii() and len(name) < 10 else name] = (
            place
        )
    return numbers


def _evidence(value: Any) -> AuditOptions:
    try:
        return build_strictly(AuditOptions, value, "evidence")
    except InputError:
        raise
    except ValueError as error:  # a ConfigurationError
        raise InputError(f"evidence: {error}") from error


def _sendable(text: object, what: str) -> str:
    if not isinstance(text, str):
        raise InputError(f"the {what} must be a str, not {type(text).__name__}")
    return clean_text(text)
