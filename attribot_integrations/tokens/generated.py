"""The ids of an answer that the scoring model itself has generated.

Tokenising a text anew may give other ids than those that the model wrote it with.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from attribot_integrations.tokens.encoding import EncodedText, TextEncoder

__all__ = ["encode_generated"]


def encode_generated(encoder: TextEncoder, text: str, ids: Sequence[int]) -> EncodedText:
    """Return the ids that a model generated a text with, or tokenise it where they don't give it.

    Args:
        encoder: The model's tokenizer.
        text: The answer.
        ids: Ids of the prompt and, behind it, the answer; none if they are unknown.
    """
    found = _ending(encoder, ids, text) if text else None
    return found or encoder.encode_text(text)


def _ending(encoder: TextEncoder, ids: Sequence[int], text: str) -> EncodedText | None:
    """Return the longest run of plain ids at the end that decodes to exactly a text."""
    last = len(ids)
    while last and ids[last - 1] in encoder.control_ids:
        last -= 1
    first = last
    while first and ids[first - 1] not in encoder.control_ids:
        first -= 1
    for start in range(last - 1, first - 1, -1):
        decoded = encoder.decode(ids[start:last])
        if decoded == text:
            return EncodedText(tuple(ids[start:last]), _offsets(encoder, ids[start:last], text))
        if len(decoded) > len(text):
            break
    return None


def _offsets(encoder: TextEncoder, ids: Sequence[int], text: str) -> tuple[tuple[int, int], ...]:
    """Return the span of each id; a character of several ids belongs to all of them."""
    edges = [0]
    for count in range(1, len(ids) + 1):
        # An unfinished character is shown as U+FFFD, which the text has not at that place.
        piece = encoder.decode(ids[:count])
        same = len(piece) if text.startswith(piece) else len(piece.rstrip("\ufffd"))
        edges.append(max(edges[-1], min(same, len(text))))
    edges[-1] = len(text)
    return tuple(
        (start, end) if end > start else (start, min(start + 1, len(text)))
        for start, end in pairwise(edges)
    )
