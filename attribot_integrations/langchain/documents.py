"""Finding retrieved documents in what LangChain hands around, and copying them into chunks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Final

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from attribot_integrations.context.conversation import read_messages, turns_of
from attribot_integrations.context.kinds import ConversationPart
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError
from attribot_integrations.langchain.chat_messages import prompt_messages
from attribot_integrations.langchain.found import block_chunk, chunk_of

__all__ = [
    "checked_documents",
    "chunks_in",
    "chunks_of",
    "documents_of",
    "in_tool_output",
    "retrieved",
    "tool_chunks",
    "unread",
]

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
        documents: Anything that `chunk_of` takes; anything else is left out.
    """
    return tuple(chunk for document in documents if (chunk := chunk_of(document)) is not None)


def retrieved(found: object) -> tuple[Chunk, ...]:
    """Copy what a retriever found into chunks; it may find plain text, too."""
    if isinstance(found, str) or not isinstance(found, Iterable):
        return (Chunk(found),) if isinstance(found, str) and found else ()
    made = (Chunk(one) if isinstance(one, str) else chunk_of(one) for one in found)
    return tuple(chunk for chunk in made if chunk is not None)


def unread(found: object) -> str:
    """Say what a retriever found, if it found something of which nothing was understood."""
    items = list(found) if isinstance(found, list | tuple) else [found]
    if found is None or not items or retrieved(found):
        return ""
    return f"{len(items)} objects of type {type(items[0]).__name__}"


def documents_of(chunks: Iterable[Chunk]) -> list[Document]:
    """Copy chunks back into documents."""
    return [
        Document(page_content=chunk.text, id=chunk.id, metadata=dict(chunk.metadata))
        for chunk in chunks
    ]


def chunks_in(value: object, depth: int = 2) -> tuple[Chunk, ...]:
    """Find the documents in a chain's output, or in a tool's.

    They are the value itself, the items of a list, values of a dict, what a tool's message holds as
    its artifact, as content blocks or as JSON, alone or in the update of a LangGraph command; and
    the documents that the user's messages hold as content blocks.

    Args:
        value: Any output.
        depth: How many dicts may lie around the documents.
    """
    chunk = chunk_of(value)
    if chunk is not None:
        return (chunk,)
    if isinstance(value, BaseMessage):
        return _in_message(value)
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], BaseMessage):
            messages = (item for item in value if isinstance(item, BaseMessage))
            return tuple(chain.from_iterable(map(_in_message, messages)))
        if any(hasattr(item, "update") and not isinstance(item, Mapping) for item in value[:1]):
            return tuple(chain.from_iterable(chunks_in(item, depth) for item in value))
        # Lists are of one kind: where the first item is no document, the others are none.
        return chunks_of(value) if value and chunk_of(value[0]) is not None else ()
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
    seen = list(messages)
    if not any(isinstance(message, ToolMessage) for message in seen):
        return ()
    plain = prompt_messages(seen)
    turns = turns_of(read_messages(plain, said=True))
    return tuple(
        Chunk(
            text=str(message.text),
            id=message.tool_call_id,
            metadata={"source": message.name} if message.name else {},
            said=ConversationPart("tool", turn, one["role"], one.get("name")),
        )
        for message, one, turn in zip(seen, plain, turns, strict=True)
        if isinstance(message, ToolMessage)
        and message.status != "error"
        and not _in_message(message)
    )


def in_tool_output(output: object) -> tuple[Chunk, ...]:
    """Find the documents in what a tool returned, which may be JSON."""
    return _in_json(output) if isinstance(output, str) else chunks_in(output)


def _in_message(message: BaseMessage) -> tuple[Chunk, ...]:
    if not isinstance(message, ToolMessage):
        return _in_blocks(message) if isinstance(message, HumanMessage) else ()
    return chunks_in(message.artifact) or _in_blocks(message) or _in_json(message.content)


def _in_blocks(message: BaseMessage) -> tuple[Chunk, ...]:
    if isinstance(message.content, str):
        return ()
    found = (block_chunk(block) for block in message.content)
    return tuple(chunk for chunk in found if chunk is not None)


def _in_json(content: object) -> tuple[Chunk, ...]:
    """Return a web search's results, which agents get as JSON."""
    if not isinstance(content, str) or content.lstrip()[:1] not in ("{", "["):
        return ()
    try:
        return chunks_in(json.loads(content))
    except (ValueError, RecursionError):
        return ()
