"""One retrieved thing as a chunk: documents, results of web searches, content blocks, text.

Searches hand over what they find in many forms. Whatever holds a text and says where it is from is
taken whole: with its id, its link, its page and all else that it says of itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.documents import Document

from attribot_integrations.context.given_chunks import document_origin
from attribot_integrations.context.retrieved import Chunk

__all__ = ["block_chunk", "chunk_of"]

_TEXTS: Final = ("page_content", "content", "text", "snippet", "body", "raw_content", "description")
_PLACES: Final = ("url", "link", "href", "source", "metadata")
"""Keys one of which tells a retrieved text from any other dict that holds text."""
_BLOCKS: Final = ("search_result", "document", "text-plain", "file")


def chunk_of(value: object) -> Chunk | None:
    """Return a retrieved thing as a chunk, `None` if it is none.

    Args:
        value: A document, or the dict that LangGraph's checkpoints turn it into; a pair of a
            document and its score; a web search's result, `{"url": …, "content": …}` and the like;
            or a content block that holds a document.
    """
    if isinstance(value, Document):
        text, metadata = value.page_content, value.metadata
        return Chunk(
            text=text, id=value.id, metadata=metadata, origin=document_origin(text, metadata)
        )
    if isinstance(value, tuple | list):
        pair = len(value) == 2 and isinstance(value[1], int | float | type(None) | str)
        return chunk_of(value[0]) if pair and not isinstance(value[0], tuple | list) else None
    if not isinstance(value, Mapping):
        return None
    return block_chunk(value) or _result(value)


def block_chunk(block: object) -> Chunk | None:
    """Return the document that a content block holds as text, `None` if it holds none.

    Args:
        block: A block of a message's content: Anthropic's `search_result` and `document`, or
            LangChain's `text-plain`.
    """
    if not isinstance(block, Mapping) or block.get("type") not in _BLOCKS:
        return None
    text = _block_text(block)
    if text is None:
        return None
    source = block.get("source")
    metadata = {key: block[key] for key in ("title", "url", "context", "file_id") if block.get(key)}
    if isinstance(source, str):
        metadata["source"] = source
    extras = block.get("extras")
    if isinstance(extras, Mapping):
        metadata = {**extras, **metadata}
    name = block.get("id")
    return Chunk(text=text, id=name if isinstance(name, str) else None, metadata=metadata)


def _block_text(block: Mapping[str, Any]) -> str | None:
    source = block.get("source")
    holders = [block, source] if isinstance(source, Mapping) else [block]
    for holder in holders:
        for key in ("text", "data", "content"):
            text = _joined(holder.get(key))
            if text is not None and not _is_encoded(holder, key):
                return text
    return None


def _is_encoded(holder: Mapping[str, Any], key: str) -> bool:
    return key == "data" and holder.get("type") != "text"


def _joined(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return None
    texts = [item.get("text") for item in value if isinstance(item, Mapping)]
    found = [text for text in texts if isinstance(text, str)]
    return "\n".join(found) if found else None


def _result(value: Mapping[Any, Any]) -> Chunk | None:
    if "role" in value or ("type" in value and "page_content" not in value):
        return None  # a message, or a block of one
    key = next((key for key in _TEXTS if isinstance(value.get(key), str) and value[key]), None)
    if key is None or not (key == "page_content" or any(value.get(place) for place in _PLACES)):
        return None
    name, inner = value.get("id"), value.get("metadata")
    own = {
        str(other): item
        for other, item in value.items()
        if other not in (key, "id", "metadata", "type") and item is not None
    }
    return Chunk(
        text=value[key],
        id=name if isinstance(name, str) else None,
        metadata={**own, **inner} if isinstance(inner, Mapping) else own,
    )
