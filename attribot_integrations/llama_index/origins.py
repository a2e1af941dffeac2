"""Where nodes come from: the stretch of a document that they show, and the node they were cut from.

A node knows its own offsets in its document; of a window that has taken a sentence's place, only
the sentence's are known, and the rest is reckoned from how windows are put together. What a query
engine cuts retrieved nodes into has neither their ids nor their offsets, but their text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from llama_index.core.schema import BaseNode, MetadataMode

from attribot_integrations.context.retrieved import Span

__all__ = ["Stretch", "Whence", "homes", "stretches_of"]

Stretch = tuple[int, int, int]
"""Start and end in a node's own text, and start in its document."""

_JOINT: Final = re.compile(r"(?<=\s) (?=\S)")
"""A space that was put between two sentences, the first of which has kept its own."""
_SENTENCE_END: Final = re.compile(
    r"[.!?\u2026:;\"'\u201d\u2019)\]\u00bb\u3002\uff01\uff1f]\s+\Z|\n\s*\Z"
)


def stretches_of(node: BaseNode) -> tuple[Stretch, ...]:
    """Return which stretches of a node's own text stand in its document, and where.

    None if that is unknown: splitters are known to report offsets that are not the node's own.
    """
    own = node.get_content(metadata_mode=MetadataMode.NONE)
    first, last = getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)
    if first is None or last is None or not own:
        return ()
    if last - first == len(own):
        return ((0, len(own), first),)
    # A window has been put in the place of a sentence, which stands in the metadata.
    for value in node.metadata.values():
        if isinstance(value, str) and len(value) == last - first and own.count(value) == 1:
            start = own.index(value)
            return tuple(_window(own, (start, start + len(value)), first))
    return ()


def _window(own: str, sentence: Span, first: int) -> Iterator[Stretch]:
    """Yield the stretches of a window: its sentences follow each other in the document."""
    edges = [0, *(place for joint in _JOINT.finditer(own) for place in joint.span()), len(own)]
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    if sentence not in spans:
        yield (*sentence, first)
        return
    center = spans.index(sentence)
    ends = [bool(_SENTENCE_END.search(own[start:end])) for start, end in spans]
    low, high = center, center
    while low > 0 and ends[low - 1]:
        low -= 1
    while high + 1 < len(spans) and ends[high]:
        high += 1
    place = first - sum(end - start for start, end in spans[low:center])
    for start, end in spans[low : high + 1]:
        yield start, end, place
        place += end - start


@dataclass(frozen=True)
class Whence:
    """The retrieved node that a piece was cut from."""

    node: BaseNode
    offset: int | None
    """Where the piece's own text starts in the node's; `None` if it holds metadata alone."""
    metadata: int = 0
    """How many characters at the piece's start are metadata of the node."""


def homes(pieces: Sequence[str], retrieved: Sequence[BaseNode]) -> list[Whence | None]:
    """Return which retrieved node each piece was cut from.

    Args:
        pieces: Texts, in the order in which they were cut: node by node.
        retrieved: The nodes, in order.
    """
    found: list[Whence | None] = []
    at, least = 0, 0
    for piece in pieces:
        whence = None
        for index in range(at, len(retrieved)):
            whence = _cut_from(piece, retrieved[index], least if index == at else 0)
            if whence is not None:
                at, least = index, 0 if whence.offset is None else whence.offset + 1
                break
        found.append(whence)
    return found


def _cut_from(piece: str, node: BaseNode, least: int) -> Whence | None:
    own = node.get_content(metadata_mode=MetadataMode.NONE)
    offset = own.find(piece, least)
    if offset >= 0:
        return Whence(node, offset)
    whole = node.get_content(metadata_mode=MetadataMode.LLM)
    at, body = whole.find(piece), whole.find(own.strip())
    if not 0 <= at < body:  # a place in the text alone lies before the last piece's
        return None
    lead = len(own) - len(own.lstrip())
    metadata = min(body - at, len(piece))
    return Whence(node, lead if metadata < len(piece) else None, metadata)
