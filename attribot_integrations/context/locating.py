"""Finding the retrieved chunks in the prompt that the generator saw.

A chunk is searched for word by word, with any run of white space standing for any other, and never
inside a larger unit (`borders`); then in the forms in which formatters show texts (`dress`): with
escapes undone, without marks before its lines, with hyphens mended; then in part (`cuts`). Longer
chunks choose first, so a chunk that is part of another cannot take its place. Every chunk gets a
clear outcome; a chunk that has no place of its own is never guessed at.

Removing a chunk removes its text in every place that it has, from its first visible character to
its last, and nothing else: a label before it ("[1] "), a heading, and the separators around it stay
as they are, so two line breaks may stand where one did. Removing a sentence also removes the white
space to the next one, as long as another sentence of the chunk stays.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import get_args

from attribot_integrations.context.conversation import (
    Message,
    Stretch,
    read_messages,
    stretches_said,
)
from attribot_integrations.context.copies import Copy
from attribot_integrations.context.dress import Dress
from attribot_integrations.context.kinds import SourceKind
from attribot_integrations.context.matching import Match, Outcome, match_chunks
from attribot_integrations.context.pieces import Piece, cut_pieces
from attribot_integrations.context.prompts import (
    BEGUN,
    Prompt,
    PromptMessage,
    Segment,
    chunk_segments,
)
from attribot_integrations.context.sources import (
    Chunk,
    SentenceSplitter,
    SourceSet,
    Span,
    clean_text,
    split_sentences,
)
from attribot_integrations.errors import ChunkNotFoundError, EmptyContextError, InputError

__all__ = [
    "CapturedPrompt",
    "ChunkLocation",
    "Dress",
    "Outcome",
    "RawPrompt",
    "capture_prompt",
    "locate_chunks",
]

_THOUGHT_MARK = re.compile(
    r"\s*</?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)>\s*"
)
"""What may be a control token in what the model has begun to write: these words and no others."""

_logger = logging.getLogger(__name__)


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
`{"role": …, "content": …}`. A message may also have, as text, the `name` of its tools, the `calls`
that it makes, the `memory` at the start of its content, and the `kind` "summary" or "memory"; they
matter where `EngineOptions.sources` names more than what was retrieved."""

Place = tuple[int, int, int]
"""Message index, start and end of an occurrence."""


@dataclass(frozen=True)
class ChunkLocation:
    """Where a chunk stands in a captured prompt."""

    chunk_index: int
    outcome: Outcome
    places: tuple[Place, ...] = ()
    """Message index, start and end of every occurrence that belongs to this chunk."""
    dress: Dress = "exact"
    """How the prompt shows the chunk; of several occurrences, the one that differs most."""
    shown: tuple[Span, ...] = ()
    """Which spans of the chunk's text stand in the prompt, if it is `partial`."""
    traces: bool = False
    """Whether text of the chunk may stand in the prompt outside of all places: it is not located,
    but many of its words are there, or a part of it stands somewhere else."""

    @property
    def located(self) -> bool:
        """Whether the chunk has a place of its own, so that it can be removed."""
        return bool(self.places)


def locate_chunks(
    texts: Sequence[str], chunks: Sequence[Chunk], question: str = ""
) -> tuple[ChunkLocation, ...]:
    """Find every chunk in the texts of a captured prompt.

    Chunks of the same words share their occurrences in order: the first chunk gets the first, and
    the last of them whatever is left.

    Args:
        texts: The prompt's messages, or the one text of a raw prompt.
        chunks: The retrieved chunks.
        question: The question that the prompt asks; its own place belongs to no chunk.

    Returns:
        One location for each chunk, in the order of `chunks`.
    """
    return tuple(
        _location(index, match) for index, match in enumerate(_matches(texts, chunks, question))
    )


def _matches(texts: Sequence[str], chunks: Sequence[Chunk], question: str) -> list[Match]:
    return match_chunks(
        [clean_text(text) for text in texts],
        [clean_text(chunk.text) for chunk in chunks],
        clean_text(question),
    )


def _location(index: int, match: Match) -> ChunkLocation:
    return ChunkLocation(
        index,
        match.outcome,
        tuple(copy.place for copy in match.copies),
        max((copy.dress for copy in match.copies), key=get_args(Dress).index, default="exact"),
        _shown(match),
        match.traces,
    )


def _shown(match: Match) -> tuple[Span, ...]:
    """Return the spans of a chunk that its partial copies show, joined where they touch."""
    if match.outcome != "partial":
        return ()
    joined: list[Span] = []
    for start, end in sorted(run.shown for copy in match.copies for run in copy.runs):
        if joined and start <= joined[-1][1]:
            start, end = joined[-1][0], max(joined.pop()[1], end)
        joined.append((start, end))
    return tuple(joined)


def capture_prompt(
    captured: CapturedPrompt,
    chunks: Sequence[Chunk],
    splitter: SentenceSplitter = split_sentences,
    question: str = "",
    kinds: frozenset[SourceKind] = frozenset(),
) -> tuple[Prompt, SourceSet, tuple[ChunkLocation, ...]]:
    """Turn the prompt that the generator saw into one whose chunks can be removed.

    Args:
        captured: Raw text (used as it stands, no chat template) or chat messages. The control
            tokens of raw text are honoured only in a `RawPrompt` that says that it is trusted.
        chunks: The retrieved chunks.
        splitter: Finds the sentences of a chunk.
        question: The question that the prompt asks; its own place belongs to no chunk.
        kinds: What else is a source: what earlier messages say, as chunks behind those given.

    Returns:
        The prompt, the sources of the chunks that were located, and every chunk's location.

    Raises:
        ChunkNotFoundError: If no chunk has a place in the prompt.
        EmptyContextError: If no chunk is given, and there is nothing else.
        InputError: If `captured` is neither text nor a list of role/content messages.
    """
    if isinstance(captured, str):
        captured = RawPrompt(captured)
    raw: RawPrompt | None = None
    messages: list[Message] = []
    if isinstance(captured, RawPrompt):
        raw = captured
    else:
        messages = read_messages(captured, said=bool(kinds))
    texts = [each.text for each in messages] if raw is None else [_raw_text(raw)]
    matches = _matches(texts, chunks, question)
    found = [_location(index, match) for index, match in enumerate(matches)]
    taken: dict[int, list[Span]] = {}
    for number, start, end in sorted(place for each in found for place in each.places):
        taken.setdefault(number, []).append((start, end))
    said = stretches_said(messages, taken, kinds) if kinds else []
    found += (
        ChunkLocation(index, "found", ((each.message, each.start, each.end),))
        for index, each in enumerate(said, start=len(chunks))
    )
    _check_located(found, len(chunks), kinds)
    shown = {each.chunk_index: each.shown or None for each in found if each.located}
    sources = SourceSet.build([*chunks, *(each.chunk for each in said)], splitter, shown)
    trusted = raw is not None and raw.trusted
    if trusted:
        _warn_of_unlocated(found)
    here = [*_retrieved_segments(texts, sources, matches), *_said_segments(sources, said)]
    roles = [each.role for each in messages] if raw is None else [None]
    divided = tuple(_divide(roles, texts, here, trusted=trusted))
    bos_added = raw is not None and raw.bos_added
    return Prompt(divided, raw=raw is not None, bos_added=bos_added), sources, tuple(found)


def _check_located(
    locations: Sequence[ChunkLocation], chunks: int, kinds: frozenset[SourceKind]
) -> None:
    if any(location.located for location in locations):
        return
    if not chunks:
        raise EmptyContextError(
            "no chunks were given, and beside its question the captured prompt has no messages of "
            f"the kinds {sorted(kinds)}"
        )
    outcomes = ", ".join(f"{place.chunk_index}: {place.outcome}" for place in locations)
    raise ChunkNotFoundError(
        f"none of the {chunks} chunks stands in the captured prompt ({outcomes}); "
        "pass the prompt that the generator saw, or leave it out to use a template"
    )


def _warn_of_unlocated(locations: Sequence[ChunkLocation]) -> None:
    lost = [location.chunk_index for location in locations if location.outcome == "not_found"]
    if lost:
        _logger.warning(
            "the chunks %s are not found in a trusted prompt; if it shows them in other words, "
            "control tokens in their text are honoured",
            ", ".join(map(str, lost)),
        )


def _raw_text(prompt: RawPrompt) -> str:
    if not isinstance(prompt.text, str):
        raise InputError(f"a raw prompt must hold a str, not {type(prompt.text).__name__}")
    return clean_text(prompt.text)


_Removable = tuple[int, int, int, list[Segment]]
"""Message, start and end of what can be removed, and its segments."""


def _divide(
    roles: Sequence[str | None],
    texts: Sequence[str],
    removable: Iterable[_Removable],
    *,
    trusted: bool,
) -> Iterator[PromptMessage]:
    """Cut each message into what can be removed and the text around that."""
    here: list[list[_Removable]] = [[] for _ in texts]
    for each in removable:
        here[each[0]].append(each)
    for role, text, inside in zip(roles, texts, here, strict=True):

        def around(text: str, role: str | None = role) -> Segment:
            mark = role == BEGUN and _THOUGHT_MARK.fullmatch(text) is not None
            return Segment(text, trusted=trusted or mark)

        segments: list[Segment] = []
        offset = 0
        for _, start, end, own in sorted(inside, key=itemgetter(1)):
            segments.append(around(text[offset:start]))
            segments += own
            offset = end
        segments.append(around(text[offset:]))
        yield PromptMessage(role, tuple(segment for segment in segments if segment.text))


def _retrieved_segments(
    texts: Sequence[str], sources: SourceSet, matches: Sequence[Match]
) -> Iterator[_Removable]:
    for index, match in enumerate(matches):
        for copy in match.copies:
            number, start, end = copy.place
            text = texts[number][start:end]
            yield number, start, end, _copy_segments(text, start, copy, sources.pieces[index])


def _said_segments(sources: SourceSet, said: Sequence[Stretch]) -> Iterator[_Removable]:
    for index, each in enumerate(said, start=len(sources.chunks) - len(said)):
        pieces = sources.pieces[index]
        spans = [(piece.start, piece.end) for piece in pieces]
        segments = chunk_segments(each.chunk.text, spans, pieces)
        yield each.message, each.start, each.end, segments


def _copy_segments(text: str, offset: int, copy: Copy, pieces: Sequence[Piece]) -> list[Segment]:
    """Divide a copy of a chunk into the pieces that it shows."""
    spans: list[Span] = []
    shown: list[Piece] = []
    done = 0
    for piece in pieces:
        projected = copy.project(piece.start, piece.end)
        if projected is None:
            continue
        start, end = (place - offset for place in projected[1])
        start = max(start, done)  # one character of the prompt may stand for two of the chunk
        if start < end:
            spans.append((start, end))
            shown.append(piece)
            done = end
    if all(piece.sentence_id is None for piece in shown):
        ids = [piece.sentence_id for piece in pieces if piece.sentence_id is not None]
        return [Segment(text, (range(ids[0], ids[-1] + 1),))]
    if len(shown) < len(pieces):
        shown = cut_pieces(shown)
    return chunk_segments(text, spans, shown)
