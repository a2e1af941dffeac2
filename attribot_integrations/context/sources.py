"""Chunks, and the sources they are divided into.

A chunk is divided into sentences that lose no character: every sentence keeps its offsets in the
chunk, and the white space between sentences belongs to no sentence. In structured text, rows,
members, items and definitions take the place of sentences, and what frames them (a table's header,
brackets) belongs to none. Metadata that is shown with the chunk counts as a sentence of its own. A
source is what an ablation can remove: one sentence, or all sentences of one chunk. Sources are told
apart by an integer id and never by their text, so two equal sentences are two sources; unless they
are the same sentence of one document, which several chunks show.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any, Literal, Protocol

from attribot_integrations.context.passages import shown_again
from attribot_integrations.context.pieces import (
    Divider,
    Leaf,
    Node,
    Piece,
    Row,
    leaves,
    moved,
    numbered,
    pieces_of,
    shown_of,
)
from attribot_integrations.context.retrieved import Chunk, Part, Span, as_chunks, clean_text
from attribot_integrations.context.scripts import refine_sentences
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
    "division_of",
    "split_sentences",
]

Level = Literal["sentence", "chunk"]
"""What a source is: one sentence of a chunk, or a whole chunk."""

_WORD = re.compile(r"\w")
_BEFORE_STOP = re.compile(r"[^\S\x00-\x7f](?=\.)")
"""White space that `sentencex` takes for one byte: between a capital letter and a full stop, it
panics, and what it raises is no `Exception`."""


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

    Scripts without spaces or full stops are corrected, see `context.scripts`.

    Args:
        text: Any text.
        language: ISO 639 code; chooses the list of abbreviations, no text is rejected.

    Returns:
        Spans of the sentences, stripped of the white space around them. Blank text has none.
    """
    import sentencex

    cleaned = clean_text(text)
    shown = _BEFORE_STOP.sub(" ", cleaned)
    pieces = list(sentencex.segment(language, shown))
    if "".join(pieces) != shown:  # a splitter that loses characters would shift every offset
        pieces = [shown]
    spans: list[Span] = []
    offset = 0
    for piece in pieces:
        stripped = piece.strip()
        if stripped:
            start = offset + (0 if piece[0] == stripped[0] else piece.index(stripped))
            spans.append((start, start + len(stripped)))
        offset += len(piece)
    return list(refine_sentences(cleaned, spans))


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


def division_of(chunk: Chunk, splitter: SentenceSplitter) -> Node:
    """Divide a chunk into its parts, what frames them, and the metadata around them.

    Args:
        chunk: The chunk.
        splitter: Finds the sentences of a chunk, or more than those.

    Raises:
        ConfigurationError: If the splitter returns spans that are blank, out of order or outside
            the text.
    """
    return _divided(chunk, splitter, splitter if isinstance(splitter, Divider) else None)


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
    pieces: Mapping[int, tuple[Piece, ...]] = field(default_factory=dict, repr=False)
    """What each chunk that holds a sentence divides into, by its index: its sentences, and what
    frames them."""

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
        pieces: dict[int, tuple[Piece, ...]] = {}
        divider = splitter if isinstance(splitter, Divider) else None
        for index in range(len(chunks)) if shown is None else sorted(shown):
            chunk = chunks[index]
            division = _divided(chunk, splitter, divider)
            parts = shown[index] if shown is not None else None
            if parts is not None:
                division = _shown(chunk.text, division, parts)
            first = len(sentences)
            numbers = count()
            found = [leaf for leaf in leaves(division) if leaf.removable]
            sentences += [
                Source(
                    id=first + offset,
                    level="sentence",
                    chunk_index=index,
                    sentence_index=_number(leaf, numbers),
                    start=leaf.start,
                    end=leaf.end,
                    text=chunk.text[leaf.start : leaf.end],
                    sentence_ids=(first + offset,),
                    part=chunk.part_of(leaf.start, leaf.end),
                )
                for offset, leaf in enumerate(found)
            ]
            if found:
                pieces[index] = pieces_of(division, first)
        repeats: set[int] = set()
        for best, group in shown_again(chunks, sentences):
            repeats |= group - {best}
            for id_ in group:
                sentences[id_] = replace(sentences[id_], sentence_ids=tuple(sorted(group)))
        wholes = tuple(
            _whole_chunk(len(sentences) + position, index, chunks[index].text, own, sentences)
            for position, (index, own) in enumerate(pieces.items())
        )
        return cls(tuple(chunks), tuple(sentences), wholes, frozenset(repeats), pieces)

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


def _whole_chunk(
    id_: int, index: int, text: str, pieces: Sequence[Piece], sentences: Sequence[Source]
) -> Source:
    start, end = _visible(text, pieces[0].start, pieces[-1].end)
    own = (sentences[each.sentence_id] for each in pieces if each.sentence_id is not None)
    removed = sorted({other for each in own for other in each.sentence_ids})
    return Source(id_, "chunk", index, None, start, end, text[start:end], tuple(removed))


def _divided(chunk: Chunk, splitter: SentenceSplitter, divider: Divider | None) -> Node:
    """Divide a chunk into its sentences, what frames them, and the metadata around them."""
    low, high = chunk.body_span
    body = chunk.text[low:high]
    if divider is not None:
        division = divider.divide(body, _described(chunk))
    else:
        division = Row(tuple(Leaf(*span) for span in sentence_spans(body, splitter)))
    found: list[Node] = [
        Leaf(*_visible(chunk.text, start, end), "metadata")
        for start, end in chunk.shown_metadata
        if _WORD.search(chunk.text, start, end)
    ]
    if not found:
        return moved(division, low)
    if next(leaves(division), None) is not None:
        found.append(moved(division, low))
    return Row(tuple(sorted(found, key=lambda each: next(leaves(each)).start)))


def _described(chunk: Chunk) -> Mapping[str, Any]:
    """Return a chunk's metadata, and where it starts in its document if that is not the start."""
    stretches = chunk.origin.stretches if chunk.origin is not None else ()
    if not stretches or not stretches[0][2] or "start_index" in chunk.metadata:
        return chunk.metadata
    return {**chunk.metadata, "start_index": stretches[0][2]}


def _number(leaf: Leaf, numbers: Iterator[int]) -> int | None:
    if leaf.kind == "metadata" or leaf.number is not None:
        return leaf.number
    return next(numbers)


def _shown(text: str, division: Node, parts: Sequence[Span]) -> Node:
    """Cut a division to what is shown of a text."""
    cut = shown_of(numbered(division), text, parts)
    if cut is None or not any(leaf.removable for leaf in leaves(cut)):
        return Leaf(*_visible(text, parts[0][0], parts[-1][1]), number=0)  # it is in no sentence
    return cut


def _visible(text: str, start: int, end: int) -> Span:
    """Return a span without the white space at its ends."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _whole(text: str) -> list[Span]:
    stripped = text.strip()
    start = text.index(stripped)
    return [(start, start + len(stripped))] if stripped else []
