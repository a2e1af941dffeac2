"""What a cited row or member stands below: the header of its table, the keys above it.

A row is removed, scored and cited without its header, and says little without it; so outputs that
quote the row alone write the header before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from attribot_integrations.context.pieces import Leaf
from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from attribot_integrations.context.pieces import Node
    from attribot_integrations.context.retrieved import Chunk

__all__ = ["below_frame", "frame_above"]

_LONG: Final = 200
_TAG: Final = re.compile(r"<[^<>]*>")
_FENCE: Final = ("```", "~~~")
_WORD: Final = re.compile(r"\w")


def frame_above(chunk: Chunk, start: int, end: int) -> str:
    """Return on one line what frames a part of a chunk from above, without its marks.

    Args:
        chunk: The chunk.
        start: Offset in its text where the part starts.
        end: Offset behind it.

    Returns:
        Such as "| Canal | Opened |" for a row of that table; blank for prose, and for what is no
        part by the structure of the text.
    """
    before = chunk.text[:start]
    if "\n" not in before and "<" not in before:  # nothing that has words can frame it
        return ""
    frames = _frames(SplitStructure().divide(chunk.text, chunk.metadata), start, end)
    lines = [
        line
        for low, high in frames
        for line in chunk.text[low:high].splitlines()
        if _WORD.search(_TAG.sub("", line)) and not line.lstrip().startswith(_FENCE)
    ]
    shown = one_line(" ".join(lines))
    return shown if len(shown) <= _LONG else f"{shown[:_LONG].rstrip()}…"


def below_frame(frame: str, text: str) -> str:
    """Return a quotation with what frames it, if anything does."""
    return f"{frame} … {text}" if frame else text


def _frames(node: Node, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the frames above a part stand, if there is such a part."""
    if isinstance(node, Leaf):
        return
    for place, member in enumerate(node.members):
        if isinstance(member, Leaf):
            if member.removable and (member.start, member.end) == (start, end):
                yield start, start  # found, and below nothing
        else:
            inner = list(_frames(member, start, end))
            if inner:
                above = (each for each in node.members[:place] if isinstance(each, Leaf))
                yield from ((each.start, each.end) for each in above if each.kind == "frame")
                yield from inner
