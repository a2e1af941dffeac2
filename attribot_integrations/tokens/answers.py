"""The token ids of an answer: of its words, or those that the scoring model itself has written."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from attribot_integrations.context.sources import clean_text
from attribot_integrations.results.wording import Wording
from attribot_integrations.tokens.encoding import EncodedText, TextEncoder

__all__ = ["encode_answer"]


def encode_answer(
    encoder: TextEncoder,
    answer: str,
    wording: Wording,
    generated_ids: Sequence[int] | None = None,
) -> EncodedText:
    """Return the ids that an answer is scored by, with spans in the answer.

    Tokenising a text anew may give other ids than those that a model wrote it with. Where these are
    known and give the answer, they are scored, marks and line breaks included.

    Args:
        encoder: The model's tokenizer.
        answer: The answer.
        wording: Its words, which are scored otherwise.
        generated_ids: Ids of the prompt and, behind it, the answer, as the model wrote them.

    Raises:
        EmptyAnswerError: If the tokenizer makes nothing of the answer.
        ControlTokenError: If the answer cannot be kept from becoming a control token.
    """
    text = clean_text(answer)
    for shown in dict.fromkeys((text, text.strip())):  # frameworks strip what was written, or not
        written = _ending(encoder, generated_ids or (), shown) if shown else None
        if written is not None:
            shift = text.index(shown)
            spans = tuple((start + shift, end + shift) for start, end in written.offsets)
            return EncodedText(written.ids, spans)
    encoded = encoder.encode_text(wording.text)
    return EncodedText(encoded.ids, tuple(wording.span(*span) for span in encoded.offsets))


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
