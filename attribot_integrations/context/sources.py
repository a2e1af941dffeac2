"""Chunks, and the sources they are divided into.

A chunk is divided into sentences that lose no character: every sentence keeps its offsets in the
chunk, and the white space between sentences belongs to no sentence. Metadata that is shown with the
chunk counts as a sentence of its own. A source is what an ablation can remove: one sentence, or all
sentences of one chunk. Sources are told apart by an integer id and never by their text, so two
equal sentences are two sources; unless they are the same sentence of one document, which several
chunks show.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Protocol

from attribot_integrations.context.passages import shown_again
from attribot_integrations.context.retrieved import Chunk, Part, Span, as_chunks, clean_text
from attribot_integrations.errors import ConfigurationError

__all__ = [
    "Chunk",
    "Level",
    "SentenceSplitter",
    "Source",
    "SourceSet",
    "Span",
    "as_chunks",
    "clean_text",
    "split_sentences",
]

Level = Literal["sentence", "chunk"]
"""What a source is: one sentence of a chunk, or a whole chunk."""

_WORD = re.compile(r"\w")


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
    """Which sentence of the chunk it is, from 0; `None` for a whole chunk, and for metadata."""
    start: int
    """Offset in the chunk's text of the first character."""
    end: int
    """Offset in the chunk's text behind the last character."""
    text: str
    """`chunk.text[start:end]`."""
    sentence_ids: tuple[int, ...]
    """Ids of the sentences that removing this source removes: a sentence's own id, and those of the
    same sentence in chunks that overlap."""
    part: Part = "text"
    """Whether it is retrieved text, or metadata that is shown with it."""


class SentenceSplitter(Protocol):
    """Anything that finds the sentences of a text."""

    def __call__(self, text: str) -> Sequence[Span]:
        """Return the spans of the sentences: in order, not overlapping, none blank."""
        ...


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


@dataclass(frozen=True)
class SourceSet:
    """The sources of one context: all sentences first (ids 0 … n-1), then all chunks."""

    chunks: tuple[Chunk, ...]
    """The chunks, blank ones included so that indexes stay the caller's."""
    sentences: tuple[Source, ...]
    """The sentences of all chunks, in reading order; `sentences[i].id == i`."""
    whole_chunks: tuple[Source, ...]
    """One source for each chunk that holds a sentence; ids follow the sentences'."""
    repeats: frozenset[int] = frozenset()
    """Ids of the sentences that show again what a sentence of another chunk shows of the same
    document; they go with that one, and need no score of their own."""

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
        by_chunk: list[tuple[int, range]] = []
        for index in range(len(chunks)) if shown is None else sorted(shown):
            text = chunks[index].text
            spans = _divided(chunks[index], splitter)
            parts = shown[index] if shown is not None else None
            if parts is not None:
                spans = _shown_of(text, spans, parts)
            first = len(sentences)
            sentences += [
                Source(
                    id=first + offset,
                    level="sentence",
                    chunk_index=index,
                    sentence_index=position,
                    start=start,
                    end=end,
                    text=text[start:end],
                    sentence_ids=(first + offset,),
                    part=chunks[index].part_of(start, end),
                )
                for offset, (position, (start, end)) in enumerate(spans)
            ]
            if spans:
                by_chunk.append((index, range(first, len(sentences))))
        repeats: set[int] = set()
        for best, group in shown_again(chunks, sentences):
            repeats |= group - {best}
            for id_ in group:
                sentences[id_] = replace(sentences[id_], sentence_ids=tuple(sorted(group)))
        wholes = tuple(
            Source(
                id=len(sentences) + position,
                level="chunk",
                chunk_index=index,
                sentence_index=None,
                start=sentences[own[0]].start,
                end=sentences[own[-1]].end,
                text=chunks[index].text[sentences[own[0]].start : sentences[own[-1]].end],
                sentence_ids=tuple(
                    sorted({other for id_ in own for other in sentences[id_].sentence_ids})
                ),
            )
            for position, (index, own) in enumerate(by_chunk)
        )
        return cls(tuple(chunks), tuple(sentences), wholes, frozenset(repeats))

    @property
    def all_ids(self) -> frozenset[int]:
        """Ids of all sentences: the ablation that leaves no context."""
        return frozenset(range(len(self.sentences)))

    def of_chunk(self, index: int) -> tuple[Source, ...]:
        """Return the sentences of one chunk, in order."""
        return self._by_chunk.get(index, ())

    def at(self, levels: Iterable[Level]) -> tuple[Source, ...]:
        """Return the sources of the given levels, sentences first, each stretch of a document once.

        Raises:
            ConfigurationError: If there is no level, or one that is unknown.
        """
        wanted = set(levels)
        unknown = wanted - {"sentence", "chunk"}
        if unknown or not wanted:
            raise ConfigurationError(
                f'levels must hold "sentence", "chunk" or both, not {sorted(map(str, wanted))}'
            )
        own = tuple(each for each in self.sentences if each.id not in self.repeats)
        return (own if "sentence" in wanted else ()) + (
            self.whole_chunks if "chunk" in wanted else ()
        )

    @cached_property
    def _by_chunk(self) -> dict[int, tuple[Source, ...]]:
        found: dict[int, list[Source]] = {}
        for sentence in self.sentences:
            found.setdefault(sentence.chunk_index, []).append(sentence)
        return {index: tuple(own) for index, own in found.items()}


_Numbered = tuple[int | None, Span]
"""A sentence's place among those of its chunk, `None` for metadata, and its span."""


def _divided(chunk: Chunk, splitter: SentenceSplitter) -> list[_Numbered]:
    """Divide a chunk into its sentences and the metadata around them."""
    low, high = chunk.body_span
    found: list[_Numbered] = [
        (None, _visible(chunk.text, start, end))
        for start, end in chunk.shown_metadata
        if _WORD.search(chunk.text, start, end)
    ]
    for number, (start, end) in enumerate(sentence_spans(chunk.text[low:high], splitter)):
        found.append((number, (low + start, low + end)))
    return sorted(found, key=lambda each: each[1])


def _shown_of(text: str, sentences: Sequence[_Numbered], parts: Sequence[Span]) -> list[_Numbered]:
    """Cut sentences, which come with their numbers, to what is shown of them."""
    cut: list[_Numbered] = []
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
