"""Citations in the forms in which providers and frameworks give them.

Each function takes what a provider's library gives, as plain data or as its objects, and the chunks
that were retrieved, and returns the answer's text with its citations. All offsets are characters of
that text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from attribot_integrations.auditing.claims import answer_statements, claims_of
from attribot_integrations.auditing.framework_citations import (
    langchain_answer,
    llama_index_answer,
)
from attribot_integrations.auditing.given import GivenAnswer, GivenCitation
from attribot_integrations.auditing.numbering import match_chunk
from attribot_integrations.auditing.provider_fields import (
    blocks_of,
    byte_span,
    cited_source,
    clipped_span,
    either_field,
    field_of,
    first_known,
    last_number,
    list_of,
    visible_span,
)
from attribot_integrations.context.sources import Chunk, Span, as_chunks
from attribot_integrations.errors import ConfigurationError, InputError

__all__ = [
    "ProviderForm",
    "anthropic_answer",
    "cohere_answer",
    "gemini_answer",
    "given_answer",
    "openai_answer",
]

ProviderForm = Literal["anthropic", "openai", "gemini", "cohere", "langchain", "llama_index"]
"""Whose form of citations."""

_TEXT_TYPES: Final = ("text", "output_text")


def anthropic_answer(message: Any, chunks: Sequence[Chunk]) -> GivenAnswer:
    """Read the `citations` of Anthropic's text blocks; each is for the text of its block.

    A document's place is among the documents of the request, so `chunks` are given in that order.

    Args:
        message: A message, or its `content`: a list of blocks.
        chunks: What was retrieved.

    Raises:
        InputError: If it holds no list of blocks.
    """
    text = ""
    found: list[GivenCitation] = []
    for block in blocks_of(message):
        own = field_of(block, "text")
        if not isinstance(own, str):
            continue
        claim = visible_span(own, len(text))
        for each in list_of(field_of(block, "citations")):
            names = [field_of(each, name) for name in ("url", "source", "document_title", "title")]
            place = first_known(
                field_of(each, "document_index"), field_of(each, "search_result_index")
            )
            quoted = field_of(each, "cited_text")
            # Titles may be shared, so a place counts more; a page of the web has none.
            known = {"names": names, "quotes": [quoted]} if place is None else {}
            chunk = match_chunk(chunks, place=place, **known)
            found.append(cited_source(claim, chunk, names, place, None, each))
        text += own
    return GivenAnswer(text, tuple(found))


def openai_answer(message: Any, chunks: Sequence[Chunk]) -> GivenAnswer:
    """Read `url_citation` and `file_citation` annotations of OpenAI's three interfaces.

    The offsets of an annotation delimit its mark in the text, such as `([title](url))` or
    `【4:0†file.pdf】`, not what it is for: that is the clause before the mark.

    Args:
        message: A message of chat completions, a response or one of its output items, or a message
            of assistants; or its `content`.
        chunks: What was retrieved.

    Raises:
        InputError: If it holds no text.
    """
    text = ""
    marks: list[tuple[Span, Any]] = []
    for own, noted in _openai_texts(message):
        for each in noted:
            marks.append((_openai_span(each, own, len(text)), each))
        text += own
    marks.sort(key=lambda one: one[0])
    claims = claims_of(text, [span for span, _ in marks], answer_statements(text))
    found = []
    for (span, each), claim in zip(marks, claims, strict=True):
        kind = field_of(each, "type")
        inner = field_of(each, kind) if isinstance(kind, str) and field_of(each, kind) else each
        names = [
            field_of(inner, name)
            for name in ("url", "file_id", "filename", "title", "container_id")
        ]
        chunk = match_chunk(chunks, names=names, quotes=[field_of(inner, "quote")])
        marker = span if span[0] < span[1] else None
        found.append(cited_source(claim, chunk, names, None, marker, each))
    return GivenAnswer(text, tuple(found))


def gemini_answer(candidate: Any, chunks: Sequence[Chunk]) -> GivenAnswer:
    """Read the grounding supports of a Gemini candidate; their offsets count UTF-8 bytes.

    Args:
        candidate: A candidate, or a response, whose first candidate is read; names in camel or
            snake case.
        chunks: What was retrieved.

    Raises:
        InputError: If it holds no text.
    """
    candidates = list_of(field_of(candidate, "candidates"))
    chosen = candidates[0] if candidates else candidate
    parts = [
        field_of(part, "text") for part in list_of(field_of(field_of(chosen, "content"), "parts"))
    ]
    texts = [part if isinstance(part, str) else "" for part in parts]
    if not "".join(texts).strip():
        raise InputError("a Gemini candidate must hold content with text parts")
    grounding = either_field(chosen, "groundingMetadata", "grounding_metadata")
    retrieved = list_of(either_field(grounding, "groundingChunks", "grounding_chunks"))
    found: list[GivenCitation] = []
    for support in list_of(either_field(grounding, "groundingSupports", "grounding_supports")):
        segment = field_of(support, "segment")
        part = either_field(segment, "partIndex", "part_index") or 0
        before = sum(map(len, texts[:part]))
        own = texts[part] if part < len(texts) else ""
        edges = [
            either_field(segment, "startIndex", "start_index") or 0,
            either_field(segment, "endIndex", "end_index") or 0,
        ]
        claim = byte_span(own, edges[0], edges[1], before)
        for place in list_of(
            either_field(support, "groundingChunkIndices", "grounding_chunk_indices")
        ):
            source = retrieved[place] if 0 <= place < len(retrieved) else None
            inner = first_known(
                field_of(source, "web"),
                either_field(source, "retrievedContext", "retrieved_context"),
            )
            names = [field_of(inner, name) for name in ("uri", "title")]
            chunk = match_chunk(chunks, names=names, quotes=[field_of(inner, "text")])
            found.append(cited_source(claim, chunk, names, place, None, support))
    return GivenAnswer("".join(texts), tuple(found))


def cohere_answer(message: Any, chunks: Sequence[Chunk]) -> GivenAnswer:
    """Read Cohere's citations: start and end of what they are for, and ids of documents.

    Args:
        message: A response or message, of either version of the chat interface.
        chunks: What was retrieved; documents are found by id, else by the number in `doc:0`.

    Raises:
        InputError: If it holds no text.
    """
    inner = field_of(message, "message") or message
    text = field_of(inner, "text")
    if not isinstance(text, str):
        blocks = [field_of(block, "text") for block in blocks_of(inner)]
        text = "".join(block for block in blocks if isinstance(block, str))
    found: list[GivenCitation] = []
    for each in list_of(field_of(inner, "citations")):
        claim = clipped_span(text, field_of(each, "start"), field_of(each, "end"))
        for source in [
            *list_of(field_of(each, "document_ids")),
            *list_of(field_of(each, "sources")),
        ]:
            id_ = source if isinstance(source, str) else field_of(source, "id")
            document = None if isinstance(source, str) else field_of(source, "document")
            names = [id_, *(field_of(document, name) for name in ("id", "url", "title"))]
            quotes = [field_of(document, name) for name in ("text", "snippet", "data")]
            chunk = match_chunk(chunks, names=names, quotes=quotes, place=last_number(id_))
            found.append(cited_source(claim, chunk, names, None, None, each))
    return GivenAnswer(text, tuple(found))


def _openai_texts(message: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield each text of a message with its annotations."""
    output = list_of(field_of(message, "output"))
    items = (
        [item for item in output if field_of(item, "type") == "message"] if output else [message]
    )
    some = False
    for item in items:
        content = item if isinstance(item, list) else field_of(item, "content")
        if isinstance(content, str):
            some = True
            yield content, list_of(field_of(item, "annotations"))
        for block in list_of(content):
            text = field_of(block, "text")
            holder = block if isinstance(text, str) else text
            own = text if isinstance(text, str) else field_of(text, "value")
            if field_of(block, "type") in _TEXT_TYPES and isinstance(own, str):
                some = True
                yield own, list_of(field_of(holder, "annotations"))
    if not some:
        raise InputError("an OpenAI message must hold text content")


def _openai_span(annotation: Any, text: str, before: int) -> Span:
    kind = field_of(annotation, "type")
    inner = field_of(annotation, kind) if isinstance(kind, str) else None
    start, end = (
        first_known(field_of(annotation, name), field_of(inner, name))
        for name in ("start_index", "end_index")
    )
    if start is None or end is None:
        start = end = field_of(annotation, "index")
    low, high = clipped_span(text, start, end)
    return low + before, high + before


_READERS: Final[Mapping[str, Callable[[Any, Sequence[Chunk]], GivenAnswer]]] = {
    "anthropic": anthropic_answer,
    "openai": openai_answer,
    "gemini": gemini_answer,
    "cohere": cohere_answer,
    "langchain": langchain_answer,
    "llama_index": llama_index_answer,
}


def given_answer(message: Any, chunks: Sequence[str | Chunk], form: ProviderForm) -> GivenAnswer:
    """Read an answer with the citations that a provider gives beside its text, or in it.

    Args:
        message: What the provider's library gives, as its objects or as plain data.
        chunks: What was retrieved, in the order in which it was sent.
        form: Whose form it has.

    Returns:
        The text, and its citations with offsets in characters.

    Raises:
        ConfigurationError: If there is no such form.
        InputError: If the message holds no text, or the chunks none.
    """
    reader = _READERS.get(form)
    if reader is None:
        raise ConfigurationError(f"form must be one of {sorted(_READERS)}, got {form!r}")
    return reader(message, as_chunks(chunks))
