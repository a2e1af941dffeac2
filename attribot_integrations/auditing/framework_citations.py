"""Citations in the forms of LangChain and LlamaIndex; neither is imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import regex

from attribot_integrations.auditing.claims import answer_statements, claims_of
from attribot_integrations.auditing.given import GivenAnswer
from attribot_integrations.auditing.markers import find_citations, find_markers
from attribot_integrations.auditing.numbering import match_chunk
from attribot_integrations.auditing.provider_fields import (
    blocks_of,
    cited_source,
    clipped_span,
    field_of,
    first_known,
    list_of,
)
from attribot_integrations.context.sources import Chunk, Span
from attribot_integrations.errors import InputError

__all__ = ["langchain_answer", "llama_index_answer"]

_LINK: Final = regex.compile(r"\W*\[[^\[\]]*\]\([^()\s]*\)\W*")


def langchain_answer(message: Any, chunks: Sequence[Chunk]) -> GivenAnswer:
    """Read the `citation` annotations of a LangChain message, and the marks in its text.

    Of some providers' annotations the offsets delimit the mark, of others what it is for; what the
    text holds there tells them apart.

    Args:
        message: An `AIMessage`, or its `content_blocks`.
        chunks: What was retrieved.

    Raises:
        InputError: If it holds no text.
    """
    blocks = field_of(message, "content_blocks") or blocks_of(message)
    text = ""
    cited: list[tuple[Span, Span | None, Any]] = []
    for block in blocks:
        own = field_of(block, "text")
        if not isinstance(own, str):
            continue
        for each in list_of(field_of(block, "annotations")):
            if field_of(each, "type") == "citation":
                start, end = field_of(each, "start_index"), field_of(each, "end_index")
                whole = not isinstance(start, int) or not isinstance(end, int)
                low, high = (0, len(own)) if whole else clipped_span(own, start, end)
                marker = None if whole or not _is_mark(own, low, high) else (low, high)
                shift = len(text)
                moved = None if marker is None else (low + shift, high + shift)
                cited.append(((low + shift, high + shift), moved, each))
        text += own
    if not text.strip():
        raise InputError("a LangChain message must hold text")
    if not cited:
        return GivenAnswer(text, find_citations(text, chunks))
    statements = answer_statements(text)
    found = []
    for span, marker, each in cited:
        claim = span if marker is None else claims_of(text, [marker], statements)[0]
        extras = field_of(each, "extras")
        names = [
            field_of(extras, "chunk_id"),
            *(field_of(each, name) for name in ("url", "title", "id")),
        ]
        place = first_known(*(field_of(extras, name) for name in ("chunk_index", "document_index")))
        chunk = match_chunk(chunks, names=names, place=place, quotes=[field_of(each, "cited_text")])
        found.append(cited_source(claim, chunk, names, place, marker, each))
    return GivenAnswer(text, tuple(found))


def llama_index_answer(response: Any, chunks: Sequence[Chunk]) -> GivenAnswer:
    """Read the marks in a response of LlamaIndex's `CitationQueryEngine`.

    Its prompt numbers the source nodes from 1, in order.

    Args:
        response: A response, or its text.
        chunks: Its source nodes, in order.

    Raises:
        InputError: If it holds no text.
    """
    text = response if isinstance(response, str) else field_of(response, "response")
    if not isinstance(text, str):
        raise InputError(f"a LlamaIndex response must hold text, got {type(text).__name__}")
    numbers: dict[str | int, int] = {place + 1: place for place in range(len(chunks))}
    return GivenAnswer(text, find_citations(text, chunks, numbers=numbers))


def _is_mark(text: str, start: int, end: int) -> bool:
    """Tell whether a stretch of text is nothing but marks, or links."""
    rest = text[start:end]
    for mark in reversed(find_markers(rest, ())):
        rest = rest[: mark.start] + rest[mark.end :]
    return not any(character.isalnum() for character in rest) or _LINK.fullmatch(rest) is not None
