"""What frames the parts of a chunk from above: the header of their table, the keys above them.

A row is removed, scored and cited without its header, which stays; and says little without it. So
whoever reads a row alone, a verifier or the reader of a quotation, is given what frames it, too.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attribot_integrations.context.pieces import Leaf, Node, Row, leaves
from attribot_integrations.context.retrieved import Chunk, Span
from attribot_integrations.context.sources import Source, division_of
from attribot_integrations.context.structure import SplitStructure

__all__ = ["frame_text", "frames_above", "frames_of"]

_DEPTH: Final = 4
"""Levels of data below which no frame is looked for."""
_MOST: Final = 8
"""Frames above one part."""
_LONG: Final = 1_000
"""Characters of the longest frame."""
_TAG: Final = re.compile(r"<[^<>]*>")
_FENCE: Final = ("```", "~~~")
_WORD: Final = re.compile(r"\w")


def _undivided(text: str) -> list[Span]:
    """Leave prose whole, as nothing frames its sentences."""
    return [(0, len(text))]


_SPLITTER: Final = SplitStructure(_undivided, _DEPTH)


def frames_of(chunks: Sequence[Chunk], sources: Sequence[Source]) -> list[str]:
    """Return for each source what frames it, see `frame_text`; blank for what nothing frames.

    That is what stays when the source is removed: a header that is a source itself, as it is for
    splitters that know no structure, frames nothing. Whole chunks have their frames in them.

    Args:
        chunks: The chunks.
        sources: Their sources.
    """
    by_chunk: dict[int, list[Source]] = {}
    for source in sources:
        if source.level == "sentence":
            by_chunk.setdefault(source.chunk_index, []).append(source)
    found: dict[int, str] = {}
    for index, own in by_chunk.items():
        above = frames_above(chunks[index])
        starts = [source.start for source in own] if above else []
        texts: dict[tuple[Span, ...], str] = {}
        for source in own if above else ():
            spans = above.get((source.start, source.end), ())
            stay = tuple(span for span in spans if not _is_source(span, starts, own))
            if stay not in texts:
                texts[stay] = frame_text(chunks[index], stay)
            found[source.id] = texts[stay]
    return [found.get(source.id, "") for source in sources]


def frames_above(chunk: Chunk) -> Mapping[Span, tuple[Span, ...]]:
    """Return where the frames stand above each part of a chunk, the outermost first.

    Only frames that have words count, and only parts below some are there: rows and members at
    every level that a splitter may open, by their start and end.

    Args:
        chunk: The chunk.
    """
    division = division_of(chunk, _SPLITTER)
    found: dict[Span, tuple[Span, ...]] = {}
    for span, above in _framed(division, chunk.text, ()):
        found.setdefault(span, above)
    return found


def frame_text(chunk: Chunk, frames: Sequence[Span]) -> str:
    """Return frames on one line, without the lines that have no words, such as brackets and rules.

    Args:
        chunk: The chunk.
        frames: Where they stand in its text.
    """
    lines = (line for low, high in frames for line in chunk.text[low:high].splitlines())
    words = " ".join(line for line in lines if _has_words(line))
    return " ".join(words.split())[:_LONG].rstrip()


def _framed(
    node: Node, text: str, above: tuple[Span, ...]
) -> Iterator[tuple[Span, tuple[Span, ...]]]:
    """Yield the parts below frames, those around others first."""
    if isinstance(node, Leaf):
        return
    for member in node.members:
        if isinstance(member, Row):
            inner = list(leaves(member)) if above else []
            if inner:
                yield (inner[0].start, inner[-1].end), above
            yield from _framed(member, text, above)
        elif member.kind == "frame":
            span = (member.start, member.end)
            if len(above) < _MOST and any(map(_has_words, text[slice(*span)].splitlines())):
                above = (*above, span)
        elif member.kind == "part" and above:
            yield (member.start, member.end), above


def _has_words(line: str) -> bool:
    if line.lstrip().startswith(_FENCE):
        return False
    return _WORD.search(_TAG.sub("", line)) is not None


def _is_source(span: Span, starts: Sequence[int], own: Sequence[Source]) -> bool:
    """Tell whether a source of the same chunk reaches into a stretch.

    Args:
        span: The stretch.
        starts: Where the sources start, in order.
        own: The sources.
    """
    before = bisect_left(starts, span[1])
    return before > 0 and own[before - 1].end > span[0]
