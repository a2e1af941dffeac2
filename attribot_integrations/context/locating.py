"""Finding the retrieved chunks in the prompt that the generator saw.

A chunk is searched for word by word, with any run of white space standing for any other, and never
inside a longer word. Longer chunks choose first, so a chunk that is part of another cannot take its
place. Every chunk gets a clear outcome; a chunk that has no place of its own is never guessed at.

Removing a chunk removes its text in every place that it has, from its first visible character to
its last, and nothing else: a label before it ("[1] "), a heading, and the separators around it stay
as they are, so two line breaks may stand where one did. Removing a sentence also removes the white
space to the next one, as long as another sentence of the chunk stays.
"""

from __future__ import annotations

import logging
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from attribot_integrations.context.prompts import Prompt, PromptMessage, Segment, chunk_segments
from attribot_integrations.context.sources import (
    Chunk,
    SentenceSplitter,
    SourceSet,
    Span,
    clean_text,
    split_sentences,
)
from attribot_integrations.context.word_search import WordSearch, prepare
from attribot_integrations.errors import ChunkNotFoundError, InputError

__all__ = [
    "CapturedPrompt",
    "ChunkLocation",
    "Outcome",
    "RawPrompt",
    "capture_prompt",
    "locate_chunks",
]

_logger = logging.getLogger(__name__)

Outcome = Literal["found", "repeated", "overlapping", "not_found", "blank"]
"""What became of a chunk in a captured prompt.

`found`: stands there once. `repeated`: stands there several times, and removing it removes every
copy. `overlapping`: its text stands there, but only where another chunk already is. `not_found`:
not there. `blank`: the chunk has no text.
"""


@dataclass(frozen=True)
class RawPrompt:
    """The very text that the generator continued, chat template and all."""

    text: str
    trusted: bool = False
    """Whether control tokens (`<|im_start|>`, `[INST]`, …) outside the located chunks are honoured,
    as they must be for text that a chat template has rendered. Everything but the located chunks is
    trusted then: the question, earlier messages, and chunks that are not found. Where strangers
    write these, pass the chat messages instead. If false, every control token is plain text."""

    bos_added: bool = False
    """Whether the generator's tokenizer put its BOS before the text whatever that begins with, as
    `HuggingFaceLLM` has it do with rendered chats. If false, a BOS that the text has is enough."""

    def __post_init__(self) -> None:
        for name in ("trusted", "bos_added"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise InputError(
                    f"a raw prompt's {name} must be a bool, not {type(value).__name__}"
                )


CapturedPrompt = str | RawPrompt | Sequence[Mapping[str, str]]
"""Raw prompt text (a str is a `RawPrompt` that is not trusted), or chat messages of the form
`{"role": …, "content": …}`."""

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
    groups: dict[str, list[int]] = {}
    for index, chunk in enumerate(chunks):
        groups.setdefault(prepare(clean_text(chunk.text)), []).append(index)
    searches = [WordSearch(clean_text(text)) for text in texts]
    found = {index: ChunkLocation(index, "blank") for index in groups.pop("", [])}
    for needle, members in sorted(groups.items(), key=lambda item: -len(item[0])):
        places = [search.take(needle) for search in searches]
        free = [(number, *span) for number, spans in enumerate(places) for span in spans or ()]
        stands = any(spans is not None for spans in places)
        for position, index in enumerate(members):
            last = position == len(members) - 1
            own = tuple(free[position:] if last else free[position : position + 1])
            missing: Outcome = "overlapping" if stands else "not_found"
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
        captured: Raw text (used as it stands, no chat template) or chat messages. The control
            tokens of raw text are honoured only in a `RawPrompt` that says that it is trusted.
        chunks: The retrieved chunks.
        splitter: Finds the sentences of a chunk.

    Returns:
        The prompt, the sources of the chunks that were located, and every chunk's location.

    Raises:
        ChunkNotFoundError: If no chunk has a place in the prompt.
        InputError: If `captured` is neither text nor a list of role/content messages.
    """
    if isinstance(captured, str):
        captured = RawPrompt(captured)
    raw = isinstance(captured, RawPrompt)
    trusted = isinstance(captured, RawPrompt) and captured.trusted
    bos_added = isinstance(captured, RawPrompt) and captured.bos_added
    messages = _messages(captured)
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
    if trusted:
        _warn_of_unlocated(locations)
    divided = tuple(_divide(messages, texts, sources, locations, trusted=trusted))
    return Prompt(divided, raw=raw, bos_added=bos_added), sources, locations


def _warn_of_unlocated(locations: Sequence[ChunkLocation]) -> None:
    lost = [location.chunk_index for location in locations if location.outcome == "not_found"]
    if lost:
        _logger.warning(
            "the chunks %s are not found in a trusted prompt; if it shows them in other words, "
            "control tokens in their text are honoured",
            ", ".join(map(str, lost)),
        )


def _messages(
    captured: RawPrompt | Iterable[Mapping[str, str]],
) -> list[tuple[str | None, str]]:
    if isinstance(captured, RawPrompt):
        if not isinstance(captured.text, str):
            raise InputError(f"a raw prompt must hold a str, not {type(captured.text).__name__}")
        return [(None, captured.text)]
    given: object = captured
    if isinstance(given, bytes | Mapping) or not isinstance(given, Iterable):
        raise InputError(
            "the captured prompt must be a str, a RawPrompt or a list of messages "
            f'{{"role": …, "content": …}}, not {type(given).__name__}'
        )
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


def _divide(
    messages: Sequence[tuple[str | None, str]],
    texts: Sequence[str],
    sources: SourceSet,
    locations: Sequence[ChunkLocation],
    *,
    trusted: bool,
) -> Iterator[PromptMessage]:
    """Cut each message into chunks, which can be removed, and the text around them."""
    here: list[list[tuple[int, int, int]]] = [[] for _ in texts]
    for location in locations:
        for number, start, end in location.places:
            here[number].append((start, end, location.chunk_index))
    for (role, _), text, places in zip(messages, texts, here, strict=True):
        segments: list[Segment] = []
        offset = 0
        for start, end, index in sorted(places):
            body = sources.of_chunk(index)
            segments.append(Segment(text[offset:start], trusted=trusted))
            spans = _project(
                clean_text(sources.chunks[index].text),
                text[start:end],
                [(source.start, source.end) for source in body],
            )
            segments += chunk_segments(text[start:end], spans, range(body[0].id, body[-1].id + 1))
            offset = end
        segments.append(Segment(text[offset:], trusted=trusted))
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
