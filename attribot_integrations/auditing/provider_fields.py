"""Reading what providers' libraries give: plain data, or objects with attributes of such names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.context.sources import Span
from attribot_integrations.errors import InputError

__all__ = [
    "blocks_of",
    "byte_span",
    "cited_source",
    "clipped_span",
    "either_field",
    "field_of",
    "first_known",
    "last_number",
    "list_of",
    "plain_data",
    "visible_span",
]


def byte_span(text: str, start: int, end: int, before: int) -> Span:
    """Turn offsets in UTF-8 bytes into characters; one inside a character goes to its start."""
    data = text.encode("utf-8", "surrogatepass")
    low, high = (
        len(data[: max(0, edge)].decode("utf-8", "ignore")) for edge in (start, max(start, end))
    )
    return low + before, high + before


def clipped_span(text: str, start: Any, end: Any) -> Span:
    """Return offsets that lie in a text; all of it where there are none."""
    if not isinstance(start, int) or not isinstance(end, int):
        return 0, len(text)
    low = min(max(0, start), len(text))
    return low, min(max(low, end), len(text))


def visible_span(text: str, before: int) -> Span:
    """Return the span of a text, `before` further on, without white space at its ends."""
    stripped = text.strip()
    start = before + (text.index(stripped) if stripped else 0)
    return start, start + len(stripped)


def last_number(id_: Any) -> int | None:
    """Return the number that an id such as `doc:0` or `doc_0` ends with."""
    digits = id_.replace("_", ":").rpartition(":")[2] if isinstance(id_, str) else ""
    return int(digits) if digits.isdigit() and len(digits) < 6 else None


def blocks_of(message: Any) -> list[Any]:
    """Return the blocks of a message or of its content.

    Raises:
        InputError: If it holds no list of blocks.
    """
    content = message if isinstance(message, list) else field_of(message, "content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list | tuple):
        raise InputError(f"a message must hold a list of blocks, got {type(content).__name__}")
    return list(content)


def field_of(value: Any, name: str) -> Any:
    """Return a field of a mapping, or an attribute of an object; `None` if there is none."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def either_field(value: Any, name: str, other: str) -> Any:
    """Return a field under one of two names."""
    return first_known(field_of(value, name), field_of(value, other))


def first_known(*values: Any) -> Any:
    """Return the first value that is not `None`."""
    return next((value for value in values if value is not None), None)


def list_of(value: Any) -> list[Any]:
    """Return a list, empty for what is none."""
    return list(value) if isinstance(value, list | tuple) else []


def plain_data(raw: Any) -> Mapping[str, Any] | None:
    """Return a mapping as it is, a pydantic object as one, and `None` for others."""
    if isinstance(raw, Mapping):
        return dict(raw)
    dump = getattr(raw, "model_dump", None)
    data = dump() if callable(dump) else None
    return data if isinstance(data, dict) else None


def cited_source(
    claim: Span,
    chunk: int | None,
    names: Sequence[Any],
    place: Any,
    marker: Span | None,
    raw: Any,
) -> GivenCitation:
    """Return the common form of a provider's citation.

    Args:
        claim: What it is for.
        chunk: Which chunk it is, if that is known.
        names: What the provider calls it.
        place: Its place among the provider's documents, from 0; without a name, it is called by
            its number from 1.
        marker: Where its mark stands, if there is one.
        raw: What the provider gave.
    """
    named = next((name for name in names if isinstance(name, str) and name), None)
    label = named if named is not None else str(place + 1) if isinstance(place, int) else "?"
    return GivenCitation(*claim, chunk, label, marker, plain_data(raw))
