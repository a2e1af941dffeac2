"""Quotations of rows and members, below what frames them, for they say little without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attribot_integrations.context.framing import frame_text, frames_above
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from attribot_integrations.context.retrieved import Chunk

__all__ = ["below_frame", "frame_above"]

_LONG: Final = 200


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
    frames = frames_above(chunk).get((start, end), ())
    shown = one_line(frame_text(chunk, frames))
    return shown if len(shown) <= _LONG else f"{shown[:_LONG].rstrip()}…"


def below_frame(frame: str, text: str) -> str:
    """Return a quotation with what frames it, if anything does."""
    return f"{frame} … {text}" if frame else text
