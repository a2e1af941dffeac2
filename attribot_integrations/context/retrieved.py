"""What is retrieved or said: a text, what of it is metadata, and where it was cut from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from attribot_integrations.context.kinds import ConversationPart, SourceKind
from attribot_integrations.context.mappings import ReadOnlyMapping
from attribot_integrations.context.places import base_name
from attribot_integrations.errors import EmptyContextError, InputError

__all__ = ["Chunk", "Origin", "Part", "Span", "as_chunks", "clean_text"]

Span = tuple[int, int]
"""Half-open range of Python characters, `text[start:end]`."""

Part = Literal["text", "metadata"]
"""What a stretch of a chunk is: of the retrieved text, or of metadata that is shown with it."""

_TITLE_KEYS = ("title", "source", "file_name", "file_path")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Replace lone surrogates, which no tokenizer takes, by U+FFFD; offsets stay as they are."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


@dataclass(frozen=True)
class Origin:
    """Where a chunk was cut from; chunks of one document may show the same stretch of it."""

    document: str
    """Id of the document."""
    stretches: tuple[tuple[int, int, int], ...] = ()
    """Stretches of the chunk's text that stand in the document as they are, in order: start and end
    in the chunk's text, and start in the document. None if that is unknown."""

    def place(self, start: int, end: int) -> Span | None:
        """Return where a span of the chunk's text stands in the document, `None` if unknown."""
        first = next((one for one in self.stretches if one[0] <= start < one[1]), None)
        last = next((one for one in self.stretches if one[0] < end <= one[1]), None)
        if first is None or last is None:
            return None
        return first[2] + start - first[0], last[2] + end - last[0]


@dataclass(frozen=True)
class Chunk:
    """One retrieved piece of text."""

    text: str
    """The text as it was retrieved, with the metadata that the prompt shows with it, if any."""
    id: str | None = None
    """The caller's identifier, handed back on citations."""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The caller's metadata (title, link, page, …), handed back on citations; read-only."""
    body: Span | None = field(default=None, repr=False)
    """Where the retrieved text itself stands in `text`; by default it is all of it."""
    shown_metadata: tuple[Span, ...] = field(default=(), repr=False)
    """Stretches of `text` outside of `body` that are metadata, such as a file's name above it; each
    is a source of its own."""
    origin: Origin | None = field(default=None, repr=False)
    """Where it was cut from. What several chunks of a document show of the same stretch is one
    source, which is removed from all of them."""
    said: ConversationPart | None = field(default=None, repr=False)
    """Where in the conversation it was said; `None` for what was retrieved."""

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise InputError(f"a chunk's text must be a str, not {type(self.text).__name__}")
        id_: object = self.id
        if id_ is not None and not isinstance(id_, str):
            raise InputError(f"a chunk's id must be a str or None, not {type(id_).__name__}")
        metadata: object = self.metadata
        if not isinstance(metadata, Mapping):
            raise InputError(f"a chunk's metadata must be a mapping, not {type(metadata).__name__}")
        object.__setattr__(self, "metadata", ReadOnlyMapping(metadata))
        said: object = self.said
        if said is not None and not isinstance(said, ConversationPart):
            raise InputError(
                f"a chunk's said must be a ConversationPart or None, not {type(said).__name__}"
            )
        spans = sorted([self.body_span, *self.shown_metadata])
        inside = all(0 <= start <= end <= len(self.text) for start, end in spans)
        if not inside or any(one[1] > other[0] for one, other in pairwise(spans)):
            raise InputError(
                "a chunk's body and shown_metadata must be spans in its text that do not overlap, "
                f"got {self.body} and {self.shown_metadata} in {len(self.text)} characters"
            )

    @property
    def body_span(self) -> Span:
        """Where the retrieved text itself stands in `text`."""
        return (0, len(self.text)) if self.body is None else self.body

    @property
    def kind(self) -> SourceKind:
        """What kind of source it is."""
        return "retrieved" if self.said is None else self.said.kind

    @property
    def title(self) -> str | None:
        """The chunk's `title`, `source`, `file_name` or `file_path` metadata, else its id.

        Of a path on a server, it is the file's name alone. Of what was said, it is what and when.
        """
        if self.said is not None:
            return self.said.title
        for value in (*map(self.metadata.get, _TITLE_KEYS), self.id):
            if isinstance(value, str) and value:
                return base_name(value)
        return None

    def part_of(self, start: int, end: int) -> Part:
        """Tell whether a span of the text is nothing but metadata."""
        if not self.shown_metadata:
            return "text"
        inside = any(low <= start and end <= high for low, high in self.shown_metadata)
        return "metadata" if inside else "text"

    def __reduce__(self) -> tuple[Any, ...]:
        # Built anew, so that a copy's metadata is read-only too.
        metadata = dict(self.metadata)
        place = self.body, self.shown_metadata, self.origin, self.said
        return Chunk, (self.text, self.id, metadata, *place)


def as_chunks(chunks: Iterable[str | Chunk], *, may_be_blank: bool = False) -> tuple[Chunk, ...]:
    """Wrap plain strings as chunks.

    Args:
        chunks: The chunks.
        may_be_blank: Whether there may be none, or none with text.

    Raises:
        InputError: If `chunks` is itself a chunk or no sequence, or holds something else.
        EmptyContextError: If there is no chunk, or none with text.
    """
    given: object = chunks
    one = "one " if isinstance(given, str | bytes | Chunk | Mapping) else ""
    if one or not isinstance(given, Iterable):
        raise InputError(
            "chunks must be a sequence of strings or Chunk objects, not "
            f"{one}{type(given).__name__}"
        )
    wrapped: list[Chunk] = []
    for index, chunk in enumerate(chunks):
        if isinstance(chunk, Chunk):
            wrapped.append(chunk)
        elif isinstance(chunk, str):
            wrapped.append(Chunk(chunk))
        else:
            raise InputError(f"chunk {index} must be a str or Chunk, not {type(chunk).__name__}")
    if may_be_blank:
        return tuple(wrapped)
    if not wrapped:
        raise EmptyContextError("no chunks were given, at least one is needed")
    if not any(chunk.text.strip() for chunk in wrapped):
        raise EmptyContextError(f"all {len(wrapped)} chunks are blank, at least one needs text")
    return tuple(wrapped)
