"""Texts inside outputs: by their path, or all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any, Final

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage
from pydantic import BaseModel

from attribot_integrations.answers.output import Field
from attribot_integrations.results.fields import json_path

__all__ = ["at_path", "fields_at", "texts_at"]

_MOST_TEXTS: Final = 256
_DEEPEST: Final = 5


def at_path(value: object, path: str) -> object:
    """Return what stands under a path of keys, attributes and places, such as "parsed.items.0".

    A key that itself holds dots is found first. Where a list stands on the way, each of its items
    is followed.

    Args:
        value: Any output.
        path: The path.

    Returns:
        The value, a list of values behind a list; `None` if there is none.
    """
    whole = _step(value, path)
    if whole is not None or "." not in path:
        return whole
    first, rest = path.split(".", 1)
    return at_path(_step(value, first), rest)


def fields_at(value: object, depth: int = _DEEPEST) -> list[Field]:
    """Return all texts and numbers in an output, in order, each with its path.

    Those of dicts, lists, objects' fields and models' messages; documents and other messages are
    left out.

    Args:
        value: Any output.
        depth: How many objects may lie around a text.
    """
    return list(islice(_fields(value, (), depth), _MOST_TEXTS))


def texts_at(value: object) -> list[str]:
    """Return the texts among `fields_at`."""
    return [each.text for each in fields_at(value) if not each.is_number]


def _fields(value: object, way: tuple[str | int, ...], depth: int) -> Iterator[Field]:
    if isinstance(value, AIMessage):
        value = "" if value.tool_calls else str(value.text)
    if isinstance(value, str):
        if value.strip():
            yield Field(json_path(way), value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield Field(json_path(way), _number(value), is_number=True)
    elif depth > 0 and not isinstance(value, BaseMessage | Document):
        for step, item in _items(value):
            yield from _fields(item, (*way, step), depth - 1)


def _number(value: float) -> str:
    """Return a number as models write it: a whole one without a point."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


def _items(value: object) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    elif isinstance(value, BaseModel):
        yield from ((name, getattr(value, name)) for name in type(value).model_fields)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from ((each.name, getattr(value, each.name)) for each in fields(value))


def _step(value: object, key: str) -> object:
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list | tuple) and not hasattr(value, key):
        if key.lstrip("-").isdigit():
            return value[int(key)] if -len(value) <= int(key) < len(value) else None
        found = [inner for item in value if (inner := _step(item, key)) is not None]
        return found or None
    return getattr(value, key, None)
