"""Chunks in the forms that callers have them: documents, nodes, dictionaries.

LangChain's and LlamaIndex's are known by their attributes, so that neither has to be installed.
They are copied, with their ids, metadata and places in the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from attribot_integrations.context.retrieved import Chunk, Origin
from attribot_integrations.errors import InputError

__all__ = [
    "DocumentLike",
    "GivenChunk",
    "NodeLike",
    "ScoredNode",
    "document_origin",
    "given_chunks",
]

_TEXT_KEYS = ("text", "page_content", "content")


class DocumentLike(Protocol):
    """LangChain's `Document`; its `id` is taken, too."""

    @property
    def page_content(self) -> str:
        """The text."""
        ...

    @property
    def metadata(self) -> Any:
        """What is known of it."""
        ...


class NodeLike(Protocol):
    """LlamaIndex's `BaseNode`; its place in the document is taken, too."""

    @property
    def node_id(self) -> str:
        """The node's id."""
        ...

    def get_content(self) -> str:
        """Return the node's own text."""
        ...


class ScoredNode(Protocol):
    """LlamaIndex's `NodeWithScore`."""

    @property
    def node(self) -> Any:
        """The node."""
        ...


GivenChunk: TypeAlias = "str | Chunk | Mapping[str, Any] | DocumentLike | NodeLike | ScoredNode"
"""What is taken for a chunk. A dictionary has `text` (or `page_content`, `content`); `id` and
`metadata` if there are any, and all else of it is metadata, too."""


def given_chunks(chunks: Sequence[GivenChunk]) -> Sequence[str | Chunk]:
    """Copy documents, nodes and dictionaries into chunks; anything else stays as it is.

    Raises:
        InputError: If a dictionary has no text.
    """
    given: object = chunks
    if not isinstance(given, list | tuple):
        return chunks  # type: ignore[return-value]  # checked where the chunks are read
    return [_chunk(chunk, index) for index, chunk in enumerate(given)]


def document_origin(text: str, metadata: Mapping[str, Any]) -> Origin | None:
    """Return where a LangChain document was cut from: a page of a source, and its place if known.

    Splitters write the place with `add_start_index=True`.
    """
    source, page = metadata.get("source"), metadata.get("page")
    if not isinstance(source, str) or not source:
        return None
    start = metadata.get("start_index")
    if not isinstance(start, int) or isinstance(start, bool) or start < 0 or not text:
        return Origin(f"{source}\n{page}")
    return Origin(f"{source}\n{page}", ((0, len(text), start),))


def _chunk(value: Any, index: int) -> Any:
    if isinstance(value, str | Chunk):
        return value
    if isinstance(value, Mapping):
        return _of_mapping(value, index)
    text = getattr(value, "page_content", None)
    if isinstance(text, str):
        metadata = value.metadata
        return Chunk(
            text, getattr(value, "id", None), metadata, origin=document_origin(text, metadata)
        )
    node = getattr(value, "node", value)
    return _of_node(node) if isinstance(getattr(node, "node_id", None), str) else value


def _of_mapping(value: Mapping[str, Any], index: int) -> Chunk:
    key = next((key for key in _TEXT_KEYS if isinstance(value.get(key), str)), None)
    if key is None:
        raise InputError(
            f"chunk {index} is a dictionary without a text under one of {list(_TEXT_KEYS)}; it has "
            f"{list(value)!r:.80}"
        )
    inner = value.get("metadata")
    own = {
        name: item
        for name, item in value.items()
        if name not in (key, "id", "metadata", "type") and item is not None
    }
    metadata = {**own, **inner} if isinstance(inner, Mapping) else own
    name = value.get("id")
    return Chunk(
        value[key],
        None if name is None else str(name),
        metadata,
        origin=document_origin(value[key], metadata),
    )


def _of_node(node: Any) -> Chunk:
    text = node.get_content()
    document = getattr(node, "ref_doc_id", None)
    start, end = getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)
    origin = None
    if isinstance(document, str):
        origin = Origin(document)
        if isinstance(start, int) and isinstance(end, int) and end - start == len(text) > 0:
            origin = Origin(document, ((0, len(text), start),))
    return Chunk(text, node.node_id, node.metadata, origin=origin)
