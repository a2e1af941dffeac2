"""`Layout`: a prompt whose chunks are known by their places, so that none is searched for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attribot_integrations.context.prompts import Prompt, PromptMessage, Segment, chunk_segments
from attribot_integrations.context.sources import SourceSet, clean_text

__all__ = ["Layout", "Place", "TemplateMessage", "Value"]


@dataclass(frozen=True)
class Value:
    """The value of a template's variable."""

    text: str
    listed: bool = False
    """Whether it was passed as a list of one text, which is then shown as Python writes it."""

    @property
    def shown(self) -> str:
        """The text as it stands in the prompt."""
        return str([self.text]) if self.listed else self.text

    def piece(self, start: int, end: int | None = None) -> str:
        """Return a part of the text as it is shown."""
        return self.write(self.text[start:end])

    def write(self, piece: str) -> str:
        """Return a text as it would be shown."""
        if not self.listed:
            return clean_text(piece)
        # Which quotes are escaped depends on the quotes in the whole text.
        quote = "'" if "'" in self.text and '"' not in self.text else '"'
        return repr(clean_text(piece) + quote)[1:-2]


@dataclass(frozen=True)
class TemplateMessage:
    """A message as literal texts of the template, and the numbers of the values between them."""

    role: str | None
    literals: tuple[str, ...]
    values: tuple[int, ...]

    def text(self, values: Sequence[Value]) -> str:
        """Return the message with its values."""
        parts = [self.literals[0]]
        for number, literal in zip(self.values, self.literals[1:], strict=True):
            parts += [values[number].shown, literal]
        return "".join(parts)


@dataclass(frozen=True)
class Place:
    """Where a chunk stands in the value that holds the context."""

    chunk: int
    start: int
    """Where what is shown of it starts, such as its metadata."""
    body: int
    """Where its text starts."""
    end: int


@dataclass(frozen=True)
class Layout:
    """Renders the prompt that a model saw; a prompt template of one request.

    The chunks of the request that hold text must be those of `places`, in that order.
    """

    messages: tuple[TemplateMessage, ...]
    values: tuple[Value, ...]
    context: int
    """Which of the values holds the chunks."""
    places: tuple[Place, ...]
    raw: bool
    """Whether the prompt is text that no chat template wraps."""
    bos_added: bool = False
    """Whether the tokenizer put its BOS before the text whatever that begins with."""

    def __call__(self, question: str, sources: SourceSet) -> Prompt:
        """Render the prompt; the question stands in it already."""
        return Prompt(
            tuple(
                PromptMessage(message.role, tuple(self._segments(message, sources)))
                for message in self.messages
            ),
            raw=self.raw,
            bos_added=self.bos_added,
        )

    def _segments(self, message: TemplateMessage, sources: SourceSet) -> list[Segment]:
        # Markup of a raw prompt is the template's own, and may hold control tokens.
        segments = [Segment(message.literals[0], trusted=self.raw)]
        for number, literal in zip(message.values, message.literals[1:], strict=True):
            if number == self.context:
                segments += self._context(sources)
            else:
                segments.append(Segment(self.values[number].shown))
            segments.append(Segment(literal, trusted=self.raw))
        return [segment for segment in segments if segment.text]

    def _context(self, sources: SourceSet) -> list[Segment]:
        value = self.values[self.context]
        around = value.shown.split(value.piece(0), 1) if value.listed else ["", ""]
        segments = [Segment(around[0])]
        cursor = 0
        for place in self.places:
            body = sources.of_chunk(place.chunk)
            ids = range(body[0].id, body[-1].id + 1)
            text = sources.chunks[place.chunk].text
            pieces = sources.pieces[place.chunk]
            before = (range(ids.start), ids) if ids.start else ()
            segments += [
                Segment(value.piece(cursor, place.start), before),
                Segment(value.piece(place.start, place.body), (ids,)),
            ]
            segments += [
                replace(segment, text=value.write(segment.text))
                for segment in chunk_segments(
                    text, [(one.start, one.end) for one in pieces], pieces
                )
            ]
            segments.append(Segment(value.piece(place.body + len(text), place.end), (ids,)))
            cursor = place.end
        return [*segments, Segment(value.piece(cursor)), Segment(around[1])]
