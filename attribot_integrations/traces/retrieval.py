"""Retrieved documents in what tracing tools record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attribot_integrations.context.sources import Chunk

__all__ = ["documents_of", "parsed"]

_DEEPEST = 4
_HOLDERS = ("documents", "docs", "source_documents", "source_nodes", "nodes", "results", "chunks")
_TEXTS = ("page_content", "document.content", "content", "text", "body")
_TITLES = ("title", "url", "name", "source")


def documents_of(value: Any) -> tuple[Chunk | None, ...]:
    """Return the documents that a retriever gave back, in order.

    Args:
        value: A list of texts, of objects with a text, or of pairs of those and a score; or an
            object that holds such a list, such as LangChain's `{"documents": […]}`.

    Returns:
        The documents; `None` for each that has no text. None at all if it is no such list.
    """
    for _ in range(_DEEPEST):
        value = parsed(value)
        if isinstance(value, Mapping):
            held = [value[key] for key in _HOLDERS if isinstance(value.get(key), list)]
            value = held[0] if held else next(iter(value.values()), None) if len(value) == 1 else ()
        elif isinstance(value, list) and len(value) == 1 and _is_list(value[0]):
            value = value[0]
        else:
            break
    return tuple(map(_document, value)) if isinstance(value, list) else ()


def parsed(value: Any, *, always: bool = False) -> Any:
    """Return what a text holds if it is JSON; anything else as it is.

    Args:
        value: Anything.
        always: Whether all of its kind is JSON; otherwise texts, numbers and the like are taken as
            they are, and only objects and lists are read.
    """
    if isinstance(value, str) and (always or value.lstrip()[:1] in ("{", "[")):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _is_list(value: Any) -> bool:
    """Return whether it is a list of documents, and no document with its score."""
    return isinstance(value, list) and not (len(value) == 2 and isinstance(value[1], int | float))


def _document(value: Any) -> Chunk | None:
    value = parsed(value)
    if isinstance(value, str):
        return Chunk(value) if value.strip() else None
    if isinstance(value, list) and value and not _is_list(value):
        value = value[0]
    for inner in ("document", "node", "kwargs"):
        held = value.get(inner) if isinstance(value, Mapping) else None
        if isinstance(held, Mapping):
            value = held
    if not isinstance(value, Mapping):
        return None
    texts = [value[key] for key in _TEXTS if isinstance(value.get(key), str)]
    if not texts or not texts[0].strip():
        return None
    ids = (value.get(key) for key in ("document.id", "id", "id_", "node_id", "doc_id"))
    id_ = next((one for one in ids if isinstance(one, str | int)), None)
    return Chunk(texts[0], None if id_ is None else str(id_), _metadata(value))


def _metadata(value: Mapping[Any, Any]) -> dict[str, Any]:
    held = parsed(value.get("document.metadata", value.get("metadata")))
    metadata = {str(key): one for key, one in held.items()} if isinstance(held, Mapping) else {}
    for key in _TITLES:
        named = value.get(f"document.{key}", value.get(key))
        if isinstance(named, str) and key not in metadata:
            metadata[key] = named
    return metadata
