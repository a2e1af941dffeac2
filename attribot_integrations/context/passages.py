"""Chunks that overlap: which of their sentences are the same sentence of one document.

Splitters let neighbouring chunks overlap, and sentence windows share most of their text. A fact in
the shared part stands in the prompt several times, and is still one fact of one document: it is one
source, removed everywhere at once, and no second document that says the same.

Where chunks know their offsets in the document, these decide, and the texts have to agree. Where
they know the document alone, the end of one chunk is compared with the start of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Final

from attribot_integrations.context.retrieved import Chunk, Span

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source

__all__ = ["repeated_in", "shown_again"]

_LEAST: Final = 16
"""Characters of the shortest overlap that is told by its text alone."""


def shown_again(
    chunks: Sequence[Chunk], sentences: Sequence[Source]
) -> Iterator[tuple[int, frozenset[int]]]:
    """Yield groups of sentences that are the same sentence of one document.

    Args:
        chunks: The chunks.
        sentences: Their sentences, with ids that are their places.

    Yields:
        The id of the one that shows most of it, of several the first, and the ids of all.
    """
    documents: dict[str, dict[int, list[Source]]] = {}
    for each in sentences:
        origin = chunks[each.chunk_index].origin
        if origin is not None and each.part == "text":
            documents.setdefault(origin.document, {}).setdefault(each.chunk_index, []).append(each)
    leader = list(range(len(sentences)))
    for by_chunk in documents.values():
        if len(by_chunk) > 1:
            for one, other in _same(chunks, by_chunk):
                low, high = sorted((_root(leader, one), _root(leader, other)))
                leader[high] = low
    groups: dict[int, list[int]] = {}
    for id_ in range(len(sentences)):
        groups.setdefault(_root(leader, id_), []).append(id_)
    for ids in groups.values():
        if len(ids) > 1:
            yield max(ids, key=lambda id_: (len(sentences[id_].text), -id_)), frozenset(ids)


def repeated_in(chunks: Sequence[Chunk], index: int, span: Span) -> list[int]:
    """Return which other chunks show the same stretch of the same document.

    Args:
        chunks: The chunks.
        index: The chunk that holds the stretch.
        span: Where it stands in its text.
    """
    chunk = chunks[index]
    if chunk.origin is None or chunk.part_of(*span) == "metadata":
        return []
    words = " ".join(chunk.text[span[0] : span[1]].split())
    return [
        place
        for place, other in enumerate(chunks)
        if place != index
        and other.origin is not None
        and other.origin.document == chunk.origin.document
        and words in " ".join(other.text[slice(*other.body_span)].split())
    ]


def _root(leader: list[int], id_: int) -> int:
    while leader[id_] != id_:
        leader[id_] = id_ = leader[leader[id_]]
    return id_


def _same(chunks: Sequence[Chunk], by_chunk: dict[int, list[Source]]) -> Iterator[tuple[int, int]]:
    """Yield pairs of sentences of one document's chunks that are the same."""
    placed: list[tuple[Span, Source]] = []
    unplaced: set[int] = set()
    for index, own in by_chunk.items():
        for each in own:
            origin = chunks[index].origin
            span = None if origin is None else origin.place(each.start, each.end)
            if span is None:
                unplaced.add(index)
            else:
                placed.append((span, each))
    yield from _overlapping(placed)
    for one, other in combinations(by_chunk, 2):
        if one in unplaced or other in unplaced:
            yield from _joined(by_chunk[one], by_chunk[other])


def _overlapping(placed: list[tuple[Span, Source]]) -> Iterator[tuple[int, int]]:
    """Yield pairs of sentences that stand in the same place of the document."""
    placed.sort(key=lambda each: each[0])
    for number, ((start, end), one) in enumerate(placed):
        for (low, high), other in placed[number + 1 :]:
            if low >= end:
                break
            shared = min(end, high) - low
            if 2 * shared >= min(end - start, high - low) and _agree(one, other):
                yield one.id, other.id


def _agree(one: Source, other: Source) -> bool:
    """Tell whether two sentences hold the same words, as far as both are shown."""
    short, long = sorted((_words(one), _words(other)), key=len)
    return one.chunk_index != other.chunk_index and short in long


def _joined(one: Sequence[Source], other: Sequence[Source]) -> Iterator[tuple[int, int]]:
    """Yield pairs of sentences by which the end of a chunk is the start of another, or all of it.

    The first and the last of them may be cut.
    """
    runs = [run for pair in ((one, other), (other, one)) for run in _runs(*pair)]
    longest = max(runs, key=len, default=[])
    if sum(min(len(left.text), len(right.text)) for left, right in longest) >= _LEAST:
        yield from ((left.id, right.id) for left, right in longest)


def _runs(
    before: Sequence[Source], after: Sequence[Source]
) -> Iterator[list[tuple[Source, Source]]]:
    for start in range(len(before)):
        count = min(len(before) - start, len(after))
        pairs = list(zip(before[start : start + count], after, strict=False))
        if all(
            _matches(
                _words(left),
                _words(right),
                first=place == 0,
                last=place == count - 1,
            )
            for place, (left, right) in enumerate(pairs)
        ):
            yield pairs
            return


def _matches(left: str, right: str, *, first: bool, last: bool) -> bool:
    """Tell whether two sentences are equal, or one is cut by the end of its chunk."""
    if left == right:
        return True
    cut = right.startswith(left) or left.startswith(right)
    return (first and left.endswith(right)) or (last and cut)


def _words(source: Source) -> str:
    return " ".join(source.text.split())
