"""Citations in the forms in which providers and frameworks give them.

Each function takes what a provider's library gives, as plain data or as its objects, and the chunks
that were retrieved, and returns the answer's text with its citations. All offsets are characters of
that text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attribot_integrations.auditing.claims import answer_statements, claims_of
from attribot_integrations.auditing.given import GivenAnswer, GivenCitation
from attribot_integrations.auditing.markers import find_citations, find_markers
from attribot_integrations.auditing.numbering import match_chunk
from attribot_integrations.context.sources import Chunk, Span
from attribot_integrations.errors import InputError

__all__ = [
    "anthropic_answer",
    "cohere_answer",
    "gemini_answer",
    "langchain_answer",
    "llama_index_answer",
    "openai_answer",
]

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
    for block in _blocks(message):
        own = _get(block, "text")
        if not isinstance(own, str):
            continue
        claim = _visible(own, len(text))
        for each in _list(_get(block, "citations")):
            names = [_get(each, name) for name in ("url", "source", "document_title", "title")]
            place = _first(_get(each, "document_index"), _get(each, "search_result_index"))
            quoted = _get(each, "cited_text")
            # Titles may be shared, so a place counts more; a page of the web has none.
            known = {"names": names, "quotes": [quoted]} if place is None else {}
            chunk = match_chunk(chunks, place=place, **known)
            found.append(_given(claim, chunk, names, place, None, each))
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
    for own, annotations in _openai_texts(message):
        for each in annotations:
            marks.append((_openai_span(each, own, len(text)), each))
        text += own
    marks.sort(key=lambda one: one[0])
    claims = claims_of(text, [span for span, _ in marks], answer_statements(text))
    found = []
    for (span, each), claim in zip(marks, claims, strict=True):
        kind = _get(each, "type")
        inner = _get(each, kind) if isinstance(kind, str) and _get(each, kind) else each
        names = [
            _get(inner, name) for name in ("url", "file_id", "filename", "title", "container_id")
        ]
        chunk = match_chunk(chunks, names=names, quotes=[_get(inner, "quote")])
        marker = span if span[0] < span[1] else None
        found.append(_given(claim, chunk, names, None, marker, each))
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
    candidates = _list(_get(candidate, "candidates"))
    chosen = candidates[0] if candidates else candidate
    parts = [_get(part, "text") for part in _list(_get(_get(chosen, "content"), "parts"))]
    texts = [part if isinstance(part, str) else "" for part in parts]
    if not "".join(texts).strip():
        raise InputError("a Gemini candidate must hold content with text parts")
    grounding = _either(chosen, "groundingMetadata", "grounding_metadata")
    retrieved = _list(_either(grounding, "groundingChunks", "grounding_chunks"))
    found: list[GivenCitation] = []
    for support in _list(_either(grounding, "groundingSupports", "grounding_supports")):
        segment = _get(support, "segment")
        part = _either(segment, "partIndex", "part_index") or 0
        before = sum(map(len, texts[:part]))
        own = texts[part] if part < len(texts) else ""
        edges = [
            _either(segment, "startIndex", "start_index") or 0,
            _either(segment, "endIndex", "end_index") or 0,
        ]
        claim = _byte_span(own, edges[0], edges[1], before)
        for place in _list(_either(support, "groundingChunkIndices", "grounding_chunk_indices")):
            source = retrieved[place] if 0 <= place < len(retrieved) else None
            inner = _first(
                _get(source, "web"), _either(source, "retrievedContext", "retrieved_context")
            )
            names = [_get(inner, name) for name in ("uri", "title")]
            chunk = match_chunk(chunks, names=names, quotes=[_get(inner, "text")])
            found.append(_given(claim, chunk, names, place, None, support))
    return GivenAnswer("".join(texts), tuple(found))


def cohere_answer(message: Any, chunks: Sequence[Chunk]) -> GivenAnswer:
    """Read Cohere's citations: start and end of what they are for, and ids of documents.

    Args:
        message: A response or message, of either version of the chat interface.
        chunks: What was retrieved; documents are found by id, else by the number in `doc:0`.

    Raises:
        InputError: If it holds no text.
    """
    inner = _get(message, "message") or message
    text = _get(inner, "text")
    if not isinstance(text, str):
        blocks = [_get(block, "text") for block in _blocks(inner)]
        text = "".join(block for block in blocks if isinstance(block, str))
    found: list[GivenCitation] = []
    for each in _list(_get(inner, "citations")):
        claim = _clipped(text, _get(each, "start"), _get(each, "end"))
        for source in [*_list(_get(each, "document_ids")), *_list(_get(each, "sources"))]:
            id_ = source if isinstance(source, str) else _get(source, "id")
            document = None if isinstance(source, str) else _get(source, "document")
            names = [id_, *(_get(document, name) for name in ("id", "url", "title"))]
            quotes = [_get(document, name) for name in ("text", "snippet", "data")]
            chunk = match_chunk(chunks, names=names, quotes=quotes, place=_last_number(id_))
            found.append(_given(claim, chunk, names, None, None, each))
    return GivenAnswer(text, tuple(found))


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
    blocks = _get(message, "content_blocks") or _blocks(message)
    text = ""
    cited: list[tuple[Span, Span | None, Any]] = []
    for block in blocks:
        own = _get(block, "text")
        if not isinstance(own, str):
            continue
        for each in _list(_get(block, "annotations")):
            if _get(each, "type") == "citation":
                start, end = _get(each, "start_index"), _get(each, "end_index")
                whole = not isinstance(start, int) or not isinstance(end, int)
                low, high = (0, len(own)) if whole else _clipped(own, start, end)
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
        extras = _get(each, "extras")
        names = [_get(extras, "chunk_id"), *(_get(each, name) for name in ("url", "title", "id"))]
        place = _first(*(_get(extras, name) for name in ("chunk_index", "document_index")))
        chunk = match_chunk(chunks, names=names, place=place, quotes=[_get(each, "cited_text")])
        found.append(_given(claim, chunk, names, place, marker, each))
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
    text = response if isinstance(response, str) else _get(response, "response")
    if not isinstance(text, str):
        raise InputError(f"a LlamaIndex response must hold text, got {type(text).__name__}")
    numbers: dict[str | int, int] = {place + 1: place for place in range(len(chunks))}
    return GivenAnswer(text, find_citations(text, chunks, numbers=numbers))


def _given(
    claim: Span,
    chunk: int | None,
    names: Sequence[Any],
    place: Any,
    marker: Span | None,
    raw: Any,
) -> GivenCitation:
    named = next((name for name in names if isinstance(name, str) and name), None)
    label = named if named is not None else str(place) if place is not None else "?"
    return GivenCitation(*claim, chunk, label, marker, _plain(raw))


def _openai_texts(message: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield each text of a message with its annotations."""
    output = _list(_get(message, "output"))
    items = [item for item in output if _get(item, "type") == "message"] if output else [message]
    some = False
    for item in items:
        content = item if isinstance(item, list) else _get(item, "content")
        if isinstance(content, str):
            some = True
            yield content, _list(_get(item, "annotations"))
        for block in _list(content):
            text = _get(block, "text")
            holder = block if isinstance(text, str) else text
            own = text if isinstance(text, str) else _get(text, "value")
            if _get(block, "type") in _TEXT_TYPES and isinstance(own, str):
                some = True
                yield own, _list(_get(holder, "annotations"))
    if not some:
        raise InputError("an OpenAI message must hold text content")


def _openai_span(annotation: Any, text: str, before: int) -> Span:
    kind = _get(annotation, "type")
    inner = _get(annotation, kind) if isinstance(kind, str) else None
    start, end = (
        _first(_get(annotation, name), _get(inner, name)) for name in ("start_index", "end_index")
    )
    if start is None or end is None:
        start = end = _get(annotation, "index")
    low, high = _clipped(text, start, end)
    return low + before, high + before


def _is_mark(text: str, start: int, end: int) -> bool:
    """Tell whether a stretch of text is nothing but marks, or links."""
    rest = text[start:end]
    for mark in reversed(find_markers(rest, ())):
        rest = rest[: mark.start] + rest[mark.end :]
    return not any(character.isalnum() for character in rest) or (
        rest.strip(" ()").startswith("[") and rest.strip(" ()").endswith(")")
    )


def _byte_span(text: str, start: int, end: int, before: int) -> Span:
    """Turn offsets in UTF-8 bytes into characters; one inside a character goes to its start."""
    data = text.encode("utf-8", "surrogatepass")
    low, high = (
        len(data[: max(0, edge)].decode("utf-8", "ignore")) for edge in (start, max(start, end))
    )
    return low + before, high + before


def _clipped(text: str, start: Any, end: Any) -> Span:
    if not isinstance(start, int) or not isinstance(end, int):
        return 0, len(text)
    low = min(max(0, start), len(text))
    return low, min(max(low, end), len(text))


def _visible(text: str, before: int) -> Span:
    stripped = text.strip()
    start = before + (text.index(stripped) if stripped else 0)
    return start, start + len(stripped)


def _last_number(id_: Any) -> int | None:
    digits = id_.replace("_", ":").rpartition(":")[2] if isinstance(id_, str) else ""
    return int(digits) if digits.isdigit() and len(digits) < 6 else None


def _blocks(message: Any) -> list[Any]:
    content = message if isinstance(message, list) else _get(message, "content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list | tuple):
        raise InputError(f"a message must hold a list of blocks, got {type(content).__name__}")
    return list(content)


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _either(value: Any, name: str, other: str) -> Any:
    return _first(_get(value, name), _get(value, other))


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _plain(raw: Any) -> Mapping[str, Any] | None:
    if isinstance(raw, Mapping):
        return dict(raw)
    dump = getattr(raw, "model_dump", None)
    data = dump() if callable(dump) else None
    return data if isinstance(data, dict) else None
