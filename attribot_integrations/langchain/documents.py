"""Finding retrieved documents in what LangChain hands around, and copying them into chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Final

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, ToolMessage

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError

__all__ = ["checked_documents", "chunks_in", "chunks_of", "documents_of", "tool_chunks"]

# Documents are looked for in the state of a chain or graph, not in data of any size.
_MOST_KEYS: Final = 64


def checked_documents(documents: Iterable[object], taker: str) -> list[Document]:
    """Return documents that a caller has handed in, as a list.

    Args:
        documents: What was handed in.
        taker: Name of the function that takes them, for the message.

    Raises:
        InputError: If something else than a document is among them.
    """
    found: list[Document] = []
    for document in documents:
        if not isinstance(document, Document):
            raise InputError(f"{taker} takes LangChain documents, got {type(document).__name__}")
        found.append(document)
    return found


def chunks_of(documents: Iterable[object]) -> tuple[Chunk, ...]:
    """Copy documents into chunks; later changes to a document do not reach its chunk.

    Args:
        documents: Documents, or the dicts that LangGraph's checkpoints turn them into; anything
            else is left out.
    """
    return tuple(chunk for document in documents if (chunk := _chunk(document)) is not None)


def documents_of(chunks: Iterable[Chunk]) -> list[Document]:
    """Copy chunks back into documents."""
    return [
        Document(page_content=chunk.text, id=chunk.id, metadata=dict(chunk.metadata))
        for chunk in chunks
    ]


def chunks_in(value: object, depth: int = 2) -> tuple[Chunk, ...]:
    """Find the documents in a chain's output, or in a tool's.

    They are the value itself, the items of a list, values of a dict, or the artifact of a tool's
    message, alone or in the update of a LangGraph command.

    Args:
        value: Any output.
        depth: How many dicts may lie around the documents.
    """
    chunk = _chunk(value)
    if chunk is not None:
        return (chunk,)
    if isinstance(value, ToolMessage):
        return chunks_in(value.artifact, depth)
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], BaseMessage):
            tools = (item for item in value if isinstance(item, ToolMessage))
            return tuple(chain.from_iterable(chunks_in(item, depth) for item in tools))
        # Lists are of one kind: where the first item is no document, the others are none.
        return chunks_of(value) if value and _chunk(value[0]) is not None else ()
    if isinstance(value, Mapping):
        items = islice(value.values(), _MOST_KEYS) if depth else ()
        return tuple(chain.from_iterable(chunks_in(item, depth - 1) for item in items))
    update = getattr(value, "update", None)
    return chunks_in(update, depth) if isinstance(update, Mapping) else ()


def tool_chunks(messages: Iterable[BaseMessage]) -> tuple[Chunk, ...]:
    """Copy what tools wrote into chunks, for tools that hand over no documents.

    Args:
        messages: The messages that a model sees.
    """
    return tuple(
        Chunk(
            text=str(message.text),
            id=message.tool_call_id,
            metadata={"source": message.name} if message.name else {},
        )
        for message in messages
        if isinstance(message, ToolMessage)
        and message.status != "error"
        and not chunks_in(message.artifact)
    )


def _chunk(value: object) -> Chunk | None:
    if isinstance(value, Document):
        return Chunk(text=value.page_content, id=value.id, metadata=value.metadata)
    if not isinstance(value, Mapping):
        return None
    text, metadata, name = value.get("page_content"), value.get("metadata"), value.get("id")
    if not isinstance(text, str):
        return None
    return Chunk(
        text=text,
        id=name if isinstance(name, str) else None,
        metadata=metadata if isinstance(metadata, Mapping) else {},
    )
