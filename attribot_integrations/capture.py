"""Finding the retrieved chunks in the prompt that the generator saw.

A chunk is searched for word by word, with any run of white space standing for any other. Longer
chunks choose first, so a chunk that is part of another cannot take its place. Every chunk gets a
clear outcome; a chunk that has no place of its own is never guessed at.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from attribot_integrations.errors import ChunkNotFoundError, InputError
from attribot_integrations.prompts import Prompt, PromptMessage, Segment, chunk_segments
from attribot_integrations.sources import (
    Chunk,
    SentenceSplitter,
    SourceSet,
    Span,
    clean_text,
    split_sentences,
)

__all__ = ["CapturedPrompt", "ChunkLocation", "Outcome", "capture_prompt", "locate_chunks"]

Outcome = Literal["found", "repeated", "overlapping", "not_found", "blank"]
"""What became of a chunk in a captured prompt.

`found`: stands there once. `repeated`: stands there several times, and removing it removes every
copy. `overlapping`: its text stands there, but only where another chunk already is. `not_found`:
not there. `blank`: the chunk has no text.
"""

CapturedPrompt = str | Sequence[Mapping[str, str]]
"""Raw prompt text, or chat messages of the form `{"role": …, "content": …}`."""

Place = tuple[int, int, int]
"""Message index, start and end of an occurrence."""


@dataclass(frozen=True)
class ChunkLocation:
    """Where a chunk stands in a captured prompt."""

    chunk_index: int
    outcome: Outcome
    places: tuple[Place, ...] = ()
    """Message index, start and end of every occurrence that belongs to this chunk."""

    @property
    def located(self) -> bool:
        """Whether the chunk has a place of its own, so that it can be removed."""
        return bool(self.places)


def locate_chunks(texts: Sequence[str], chunks: Sequence[Chunk]) -> tuple[ChunkLocation, ...]:
    """Find every chunk in the texts of a captured prompt.

    Chunks of the same words share their occurrences in order: the first chunk gets the first, and
    the last of them whatever is left.

    Args:
        texts: The prompt's messages, or the one text of a raw prompt.
        chunks: The retrieved chunks.

    Returns:
        One location for each chunk, in the order of `chunks`.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, chunk in enumerate(chunks):
        groups.setdefault(tuple(clean_text(chunk.text).split()), []).append(index)
    taken = [bytearray(len(text)) for text in texts]  # one flag for each character
    found: dict[int, ChunkLocation] = {}
    for words, members in sorted(groups.items(), key=lambda item: -sum(map(len, item[0]))):
        if not words:
            found.update((index, ChunkLocation(index, "blank")) for index in members)
            continue
        places = list(_occurrences(texts, words))
        free: list[Place] = []
        for number, start, end in places:
            if not any(taken[number][start:end]):
                taken[number][start:end] = b"\x01" * (end - start)
                free.append((number, start, end))
        for position, index in enumerate(members):
            last = position == len(members) - 1
            own = tuple(free[position:] if last else free[position : position + 1])
            missing: Outcome = "overlapping" if places else "not_found"
            outcome: Outcome = "repeated" if len(own) > 1 else "found" if own else missing
            found[index] = ChunkLocation(index, outcome, own)
    return tuple(found[index] for index in range(len(chunks)))


def capture_prompt(
    captured: CapturedPrompt,
    chunks: Sequence[Chunk],
    splitter: SentenceSplitter = split_sentences,
) -> tuple[Prompt, SourceSet, tuple[ChunkLocation, ...]]:
    """Turn the prompt that the generator saw into one whose chunks can be removed.

    Args:
        captured: Raw text (used as it stands, no chat template) or chat messages.
        chunks: The retrieved chunks.
        splitter: Finds the sentences of a chunk.

    Returns:
        The prompt, the sources of the chunks that were located, and every chunk's location.

    Raises:
        ChunkNotFoundError: If no chunk has a place in the prompt.
        InputError: If `captured` is neither text nor a list of role/content messages.
    """
    raw = isinstance(captured, str)
    messages = [(None, captured)] if isinstance(captured, str) else _messages(captured)
    texts = [clean_text(text) for _, text in messages]
    locations = locate_chunks(texts, chunks)
    if not any(location.located for location in locations):
        outcomes = ", ".join(f"{place.chunk_index}: {place.outcome}" for place in locations)
        raise ChunkNotFoundError(
            f"none of the {len(chunks)} chunks stands in the captured prompt ({outcomes}); "
            "pass the prompt that the generator saw, or leave it out to use a template"
        )
    located = [location.chunk_index for location in locations if location.located]
    sources = SourceSet.build(chunks, splitter, located)
    return (
        Prompt(tuple(_divide(messages, texts, sources, locations)), raw=raw),
        sources,
        locations,
    )


def _messages(captured: Iterable[Mapping[str, str]]) -> list[tuple[str | None, str]]:
    messages: list[tuple[str | None, str]] = []
    for number, message in enumerate(captured):
        try:
            role, content = message["role"], message["content"]
        except (KeyError, TypeError) as error:
            raise InputError(
                f"message {number} of the captured prompt must be a mapping with "
                f'"role" and "content", got {message!r:.80}'
            ) from error
        if not isinstance(role, str) or not isinstance(content, str):
            raise InputError(
                f"message {number} of the captured prompt must hold text, got role "
                f"{type(role).__name__} and content {type(content).__name__}"
            )
        messages.append((role, content))
    if not messages:
        raise InputError("the captured prompt holds no message, at least one is needed")
    return messages


def _occurrences(texts: Sequence[str], words: Sequence[str]) -> Iterator[Place]:
    """Find every place of the words, places that overlap included."""
    pattern = r"\s+".join(map(re.escape, words))
    compiled = re.compile(f"(?=({pattern}))")
    for number, text in enumerate(texts):
        for match in compiled.finditer(text):
            yield number, *match.span(1)


def _divide(
    messages: Sequence[tuple[str | None, str]],
    texts: Sequence[str],
    sources: SourceSet,
    locations: Sequence[ChunkLocation],
) -> Iterator[PromptMessage]:
    """Cut each message into chunks, which can be removed, and the text around them."""
    for number, ((role, _), text) in enumerate(zip(messages, texts, strict=True)):
        here = sorted(
            (start, end, location.chunk_index)
            for location in locations
            for place_number, start, end in location.places
            if place_number == number
        )
        segments: list[Segment] = []
        offset = 0
        for start, end, index in here:
            body = sources.of_chunk(index)
            segments.append(Segment(text[offset:start]))
            spans = _project(
                clean_text(sources.chunks[index].text),
                text[start:end],
                [(source.start, source.end) for source in body],
            )
            segments += chunk_segments(text[start:end], spans, range(body[0].id, body[-1].id + 1))
            offset = end
        segments.append(Segment(text[offset:]))
        yield PromptMessage(role, tuple(segment for segment in segments if segment.text))


def _project(chunk: str, captured: str, spans: Sequence[Span]) -> list[Span]:
    """Map spans of a chunk to its captured copy, which differs in white space only."""
    here = [match.start() for match in re.finditer(r"\S+", chunk)]
    there = [match.start() for match in re.finditer(r"\S+", captured)]
    projected: list[Span] = []
    for start, end in spans:
        inner = chunk[start:end]
        first = start + len(inner) - len(inner.lstrip())
        last = start + len(inner.rstrip()) - 1
        word, last_word = bisect_right(here, first) - 1, bisect_right(here, last) - 1
        projected.append(
            (there[word] + first - here[word], there[last_word] + last - here[last_word] + 1)
        )
    return projected
