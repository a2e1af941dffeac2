"""How the prompt of an answer numbers its chunks, which is what the answer's marks copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import regex

from attribot_integrations.context.locating import ChunkLocation, RawPrompt

if TYPE_CHECKING:
    from attribot_integrations.context.locating import CapturedPrompt
    from attribot_integrations.context.prompts import PromptTemplate
    from attribot_integrations.context.sources import Chunk

__all__ = ["marked_chunks", "prompt_numbers"]

_NOUN: Final = (
    r"(?:document|doc|source|src|passage|chunk|context|excerpt|snippet|result|reference|ref|citation"
    r"|article|text)"
)
_LABEL: Final = regex.compile(
    rf"^[ \t*#<>-]{{0,4}}(?:[\[(【]?{_NOUN}[ _]?(?:id|index|number|no)?"
    r"[ :=#.\"'_\[]{0,3}(\d{1,3})\b"
    r"|[\[(【](\d{1,3})[\])】]|(\d{1,3})[.):](?=\s|$))",
    regex.IGNORECASE | regex.MULTILINE,
)
_FURTHEST: Final = 300
"""Characters before a chunk that are looked at."""


def prompt_numbers(
    prompt: CapturedPrompt | PromptTemplate | None,
    locations: Sequence[ChunkLocation],
    chunks: Sequence[Chunk],
) -> dict[str | int, int] | None:
    """Read the numbers before the chunks in a prompt, or at the start of their own texts.

    Args:
        prompt: The captured prompt.
        locations: Where each chunk stands in it.
        chunks: The chunks.

    Returns:
        Chunk indexes by number; `None` where chunks are not all numbered, or twice the same, or
        just in their order from 1.
    """
    chunks = marked_chunks(chunks)
    locations = [each for each in locations if each.chunk_index < len(chunks)]
    found = [_of_chunk(chunk.text[:40]) for chunk in chunks]
    texts = _texts(prompt)
    if not all(found) and texts and locations:
        found = _before(texts, locations, len(chunks))
    if not all(found) or len({*found}) < len(found):
        return None
    numbers: dict[str | int, int] = {
        str(number): place for place, number in enumerate(found) if number is not None
    }
    plain = {str(place + 1): place for place in range(len(chunks))}
    return None if numbers == plain else numbers


def marked_chunks(chunks: Sequence[Chunk]) -> Sequence[Chunk]:
    """Return the chunks that marks can mean: those retrieved, which come first, if there are any.

    No prompt numbers what was said in the conversation.
    """
    retrieved = [chunk for chunk in chunks if chunk.said is None]
    return chunks[: len(retrieved)] or chunks


def _of_chunk(text: str) -> str | None:
    match = _LABEL.match(text)
    return (
        _number(match) if match is not None and regex.match(rf"\W*{_NOUN}", text, regex.I) else None
    )


def _before(
    texts: Sequence[str], locations: Sequence[ChunkLocation], count: int
) -> list[str | None]:
    """Return the label between each chunk and the one before it."""
    found: list[str | None] = [None] * count
    places = sorted(
        (place[0], place[1], place[2], location.chunk_index)
        for location in locations
        for place in location.places[:1]
    )
    message, done = -1, 0
    for own, start, end, chunk in places:
        if own >= len(texts):
            continue
        done = done if own == message else 0
        labels = [*_LABEL.finditer(texts[own][max(done, start - _FURTHEST) : start])]
        if labels:
            found[chunk] = _number(labels[-1])
        message, done = own, end
    return found


def _number(match: regex.Match[str]) -> str:
    number = next(group for group in match.groups() if group is not None)
    return str(int(number))


def _texts(prompt: CapturedPrompt | PromptTemplate | None) -> list[str]:
    if isinstance(prompt, str):
        return [prompt]
    if isinstance(prompt, RawPrompt):
        return [prompt.text]
    if isinstance(prompt, Sequence):
        contents = [each.get("content") if isinstance(each, Mapping) else None for each in prompt]
        return [content if isinstance(content, str) else "" for content in contents]
    return []
