"""Texts inside outputs: by their path, or all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage
from pydantic import BaseModel

__all__ = ["at_path", "texts_at"]

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


def texts_at(value: object, depth: int = _DEEPEST, *, lists: bool = True) -> list[str]:
    """Return all texts in an output, in order: of dicts, lists, objects' fields, models' messages.

    Documents and other messages are left out, and numbers are none.

    Args:
        value: Any output.
        depth: How many objects may lie around a text.
        lists: Whether the items of lists count.
    """
    found = []
    for text in _texts(value, depth, lists):
        found.append(text)
        if len(found) == _MOST_TEXTS:
            break
    return found


def _texts(value: object, depth: int, lists: bool) -> Iterator[str]:
    if isinstance(value, str):
        if value.strip():
            yield value
        return
    if isinstance(value, AIMessage):
        if not value.tool_calls and str(value.text).strip():
            yield str(value.text)
        return
    if depth == 0 or isinstance(value, BaseMessage | Document):
        return
    if isinstance(value, list | tuple) and not lists:
        return
    for item in _items(value):
        yield from _texts(item, depth - 1, lists)


def _items(value: object) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, BaseModel):
        yield from (getattr(value, name) for name in type(value).model_fields)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from (getattr(value, each.name) for each in fields(value))


def _step(value: object, key: str) -> object:
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list | tuple) and not hasattr(value, key):
        if key.lstrip("-").isdigit():
            return value[int(key)] if -len(value) <= int(key) < len(value) else None
        found = [inner for item in value if (inner := _step(item, key)) is not None]
        return found or None
    return getattr(value, key, None)
