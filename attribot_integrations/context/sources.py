"""Chunks, and the sources they are divided into.

A chunk is divided into sentences that lose no character: every sentence keeps its offsets in the
chunk, and the white space between sentences belongs to no sentence. A source is what an ablation
can remove: one sentence, or all sentences of one chunk. Sources are told apart by an integer id
and never by their text, so two equal sentences are two sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from attribot_integrations.context.mappings import ReadOnlyMapping
from attribot_integrations.errors import ConfigurationError, EmptyContextError, InputError

__all__ = [
    "Chunk",
    "Level",
    "SentenceSplitter",
    "Source",
    "SourceSet",
    "Span",
    "as_chunks",
    "split_sentences",
]

Level = Literal["sentence", "chunk"]
"""What a source is: one sentence of a chunk, or a whole chunk."""

Span = tuple[int, int]
"""Half-open range of Python characters, `text[start:end]`."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Chunk:
    """One retrieved piece of text."""

    text: str
    """The text as it was retrieved."""
    id: str | None = None
    """The caller's identifier, handed back on citations."""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The caller's metadata (title, link, page, …), handed back on citations; read-only."""

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise InputError(f"a chunk's text must be a str, not {type(self.text).__name__}")
        id_: object = self.id
        if id_ is not None and not isinstance(id_, str):
            raise InputError(f"a chunk's id must be a str or None, not {type(id_).__name__}")
        metadata: object = self.metadata
        if not isinstance(metadata, Mapping):
            raise InputError(f"a chunk's metadata must be a mapping, not {type(metadata).__name__}")
        object.__setattr__(self, "metadata", ReadOnlyMapping(metadata))

    @property
    def title(self) -> str | None:
        """The chunk's `title` or `source` metadata, else its id."""
        for key in ("title", "source"):
            value = self.metadata.get(key)
            if isinstance(value, str) and value:
                return value
        return self.id

    def __reduce__(self) -> tuple[type[Chunk], tuple[str, str | None, dict[str, Any]]]:
        # Built anew, so that a copy's metadata is read-only too.
        return Chunk, (self.text, self.id, dict(self.metadata))


@dataclass(frozen=True)
class Source:
    """A piece of the context that an ablation can remove."""

    id: int
    """Number within one attribution, sentences before chunks; a source's only identity."""
    level: Level
    """Whether this is a sentence or a whole chunk."""
    chunk_index: int
    """Which chunk it belongs to, from 0."""
    sentence_index: int | None
    """Which sentence of the chunk it is, from 0; `None` for a whole chunk."""
    start: int
    """Offset in the chunk's text of the first character."""
    end: int
    """Offset in the chunk's text behind the last character."""
    text: str
    """`chunk.text[start:end]`."""
    sentence_ids: tuple[int, ...]
    """Ids of the sentences that removing this source removes (its own id for a sentence)."""


class SentenceSplitter(Protocol):
    """Anything that finds the sentences of a text."""

    def __call__(self, text: str) -> Sequence[Span]:
        """Return the spans of the sentences: in order, not overlapping, none blank."""
        ...


def clean_text(text: str) -> str:
    """Replace lone surrogates, which no tokenizer takes, by U+FFFD; offsets stay as they are."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def first_visible(text: str, span: Span) -> int:
    """Return the place of the first character in a span that is no white space (else its start)."""
    start, end = span
    piece = text[start:end]
    stripped = piece.lstrip()
    return start + len(piece) - len(stripped) if stripped else start


def split_sentences(text: str, language: str = "en") -> list[Span]:
    """Find the sentences of a text with `sentencex`, a rule-based splitter for ~300 languages.

    Args:
        text: Any text.
        language: ISO 639 code; chooses the list of abbreviations, no text is rejected.

    Returns:
        Spans of the sentences, stripped of the white space around them. Blank text has none.
    """
    import sentencex

    cleaned = clean_text(text)
    pieces = list(sentencex.segment(language, cleaned))
    if "".join(pieces) != cleaned:  # a splitter that loses characters would shift every offset
        pieces = [cleaned]
    spans: list[Span] = []
    offset = 0
    for piece in pieces:
        stripped = piece.strip()
        if stripped:
            start = offset + piece.index(stripped)
            spans.append((start, start + len(stripped)))
        offset += len(piece)
    return spans


def sentence_spans(text: str, splitter: SentenceSplitter) -> Sequence[Span]:
    """Apply a splitter and check what it returns; text in which it finds nothing stays whole.

    Raises:
        ConfigurationError: If the spans are blank, out of order or outside the text.
    """
    spans = splitter(text) or _whole(text)
    previous = 0
    for start, end in spans:
        if not previous <= start < end <= len(text) or not text[start:end].strip():
            raise ConfigurationError(
                "a sentence splitter must return spans in order, inside the text and not blank; "
                f"got {(start, end)} after {previous} in a text of {len(text)} characters"
            )
        previous = end
    return spans


def as_chunks(chunks: Iterable[str | Chunk]) -> tuple[Chunk, ...]:
    """Wrap plain strings as chunks.

    Raises:
        InputError: If `chunks` is itself a chunk or no sequence, or holds something else.
        EmptyContextError: If there is no chunk, or none with text.
    """
    given: object = chunks
    one = "one " if isinstance(given, str | bytes | Chunk | Mapping) else ""
    if one or not isinstance(given, Iterable):
        raise InputError(
            "chunks must be a sequence of strings or Chunk objects, not "
            f"{one}{type(given).__name__}"
        )
    wrapped: list[Chunk] = []
    for index, chunk in enumerate(chunks):
        if isinstance(chunk, Chunk):
            wrapped.append(chunk)
        elif isinstance(chunk, str):
            wrapped.append(Chunk(chunk))
        else:
            raise InputError(f"chunk {index} must be a str or Chunk, not {type(chunk).__name__}")
    if not wrapped:
        raise EmptyContextError("no chunks were given, at least one is needed")
    if not any(chunk.text.strip() for chunk in wrapped):
        raise EmptyContextError(f"all {len(wrapped)} chunks are blank, at least one needs text")
    return tuple(wrapped)


@dataclass(frozen=True)
class SourceSet:
    """The sources of one context: all sentences first (ids 0 … n-1), then all chunks."""

    chunks: tuple[Chunk, ...]
    """The chunks, blank ones included so that indexes stay the caller's."""
    sentences: tuple[Source, ...]
    """The sentences of all chunks, in reading order; `sentences[i].id == i`."""
    whole_chunks: tuple[Source, ...]
    """One source for each chunk that holds a sentence; ids follow the sentences'."""

    @classmethod
    def build(
        cls,
        chunks: Sequence[Chunk],
        splitter: SentenceSplitter = split_sentences,
        shown: Mapping[int, Sequence[Span] | None] | None = None,
    ) -> SourceSet:
        """Divide chunks into sources.

        Args:
            chunks: The retrieved chunks.
            splitter: Finds the sentences of a chunk.
            shown: The chunks to divide (those found in a captured prompt), and which spans of
                their text are shown if that is not all of it: a sentence of which only a part is
                shown is cut to that, and one of which nothing is shown is no source. By default,
                all chunks and all of their text.

        Raises:
            ConfigurationError: If the splitter returns spans that are blank, out of order or
                outside the text.
        """
        sentences: list[Source] = []
        by_chunk: list[tuple[int, list[Source]]] = []
        for index in range(len(chunks)) if shown is None else sorted(shown):
            text = chunks[index].text
            spans: Sequence[tuple[int, Span]] = list(enumerate(sentence_spans(text, splitter)))
            parts = shown[index] if shown is not None else None
            if parts is not None:
                spans = _shown_of(text, spans, parts)
            own = [
                Source(
                    id=(number := len(sentences) + offset),
                    level="sentence",
                    chunk_index=index,
                    sentence_index=position,
                    start=start,
                    end=end,
                    text=text[start:end],
                    sentence_ids=(number,),
                )
                for offset, (position, (start, end)) in enumerate(spans)
            ]
            sentences.extend(own)
            if own:
                by_chunk.append((index, own))
        wholes = tuple(
            Source(
                id=len(sentences) + position,
                level="chunk",
                chunk_index=index,
                sentence_index=None,
                start=own[0].start,
                end=own[-1].end,
                text=chunks[index].text[own[0].start : own[-1].end],
                sentence_ids=tuple(source.id for source in own),
            )
            for position, (index, own) in enumerate(by_chunk)
        )
        return cls(tuple(chunks), tuple(sentences), wholes)

    @property
    def all_ids(self) -> frozenset[int]:
        """Ids of all sentences: the ablation that leaves no context."""
        return frozenset(range(len(self.sentences)))

    def of_chunk(self, index: int) -> tuple[Source, ...]:
        """Return the sentences of one chunk, in order."""
        return self._by_chunk.get(index, ())

    def at(self, levels: Iterable[Level]) -> tuple[Source, ...]:
        """Return the sources of the given levels, sentences first.

        Raises:
            ConfigurationError: If there is no level, or one that is unknown.
        """
        wanted = set(levels)
        unknown = wanted - {"sentence", "chunk"}
        if unknown or not wanted:
            raise ConfigurationError(
                f'levels must hold "sentence", "chunk" or both, not {sorted(map(str, wanted))}'
            )
        return (self.sentences if "sentence" in wanted else ()) + (
            self.whole_chunks if "chunk" in wanted else ()
        )

    @cached_property
    def _by_chunk(self) -> dict[int, tuple[Source, ...]]:
        return {
            whole.chunk_index: tuple(self.sentences[id_] for id_ in whole.sentence_ids)
            for whole in self.whole_chunks
        }


def _shown_of(
    text: str, sentences: Sequence[tuple[int, Span]], parts: Sequence[Span]
) -> list[tuple[int, Span]]:
    """Cut sentences, which come with their numbers, to what is shown of them."""
    cut: list[tuple[int, Span]] = []
    for position, (start, end) in sentences:
        edges = [
            edge
            for low, high in parts
            if text[max(low, start) : min(high, end)].strip()
            for edge in _visible(text, max(low, start), min(high, end))
        ]
        if edges:
            cut.append((position, (edges[0], edges[-1])))
    if not cut:  # what is shown is in no sentence
        cut.append((0, _visible(text, parts[0][0], parts[-1][1])))
    return cut


def _visible(text: str, start: int, end: int) -> Span:
    """Return a span without the white space at its ends."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _whole(text: str) -> list[Span]:
    stripped = text.strip()
    start = text.index(stripped)
    return [(start, start + len(stripped))] if stripped else []
