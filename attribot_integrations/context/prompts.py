"""The prompt as a list of segments, some of which disappear when sources are removed.

An ablation is a set of sentence ids. Rendering a prompt under an ablation drops the segments that
stand for the removed sentences, and the separators that would be left dangling between them, so
the text reads as if the removed sentences had never been retrieved. Nothing else changes.

Two ways lead to a prompt: a `PromptTemplate` renders question and chunks (this module), or a
captured prompt is searched for its chunks (`attribot_integrations.context.locating`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Protocol

from attribot_integrations.context.pieces import Piece
from attribot_integrations.context.sources import Chunk, Source, SourceSet, Span, clean_text
from attribot_integrations.errors import AttribotError, ConfigurationError, InputError, PromptError

__all__ = [
    "BEGUN",
    "DEFAULT_TEMPLATE",
    "ContextTemplate",
    "Prompt",
    "PromptMessage",
    "PromptTemplate",
    "Rendered",
    "Segment",
    "fill_template",
]

BEGUN = "begun"
"""Role of a last message that holds what the model has written already, and is about to go on
with: it stands behind all that a chat template writes."""

DEFAULT_TEMPLATE = (
    "Answer the question using only the context.\n\nContext:\n{context}\n\nQuestion: {question}"
)
"""Text of the user message that the template mode renders by default."""

_ROLE = re.compile(r"[A-Za-z][\w-]{0,31}", re.ASCII)


@dataclass(frozen=True)
class Segment:
    """A run of prompt text that is shown or dropped as a whole."""

    text: str
    needs: tuple[range, ...] = ()
    """Ranges of sentence ids; the segment is shown while each range keeps at least one."""
    sentence_id: int | None = None
    """The sentence this segment is the text of, if it is one."""
    trusted: bool = False
    """Whether the text is the chat template's own and may hold control tokens."""

    def __post_init__(self) -> None:
        # A lone surrogate stops a tokenizer, wherever the text comes from.
        cleaned = clean_text(self.text)
        if cleaned is not self.text:
            object.__setattr__(self, "text", cleaned)

    def shown(self, removed: frozenset[int]) -> bool:
        """Tell whether the segment stays when the sentences `removed` are taken out."""
        return all(any(id_ not in removed for id_ in ids) for ids in self.needs)


@dataclass(frozen=True)
class Rendered:
    """The text of a prompt under one ablation."""

    text: str
    trusted: tuple[Span, ...]
    """Spans of the chat template's own text; everything else may be hostile."""
    sentences: tuple[tuple[int, Span], ...]
    """Sentence id and span of every sentence shown, in the order of the text."""


def render(segments: Iterable[Segment], removed: frozenset[int] = frozenset()) -> Rendered:
    """Join the segments that stay when the sentences `removed` are taken out."""
    texts: list[str] = []
    trusted: list[Span] = []
    sentences: list[tuple[int, Span]] = []
    offset = 0
    for segment in segments:
        if not segment.shown(removed):
            continue
        span = (offset, offset + len(segment.text))
        texts.append(segment.text)
        if segment.trusted:
            trusted.append(span)
        if segment.sentence_id is not None:
            sentences.append((segment.sentence_id, span))
        offset = span[1]
    return Rendered("".join(texts), tuple(trusted), tuple(sentences))


@dataclass(frozen=True)
class PromptMessage:
    """One message of a chat, or raw text when it has no role."""

    role: str | None
    """Role for the chat template, such as "user"; `None` for text that no template wraps.

    At most 32 ASCII letters, digits, "_" and "-", a letter first: chat templates write roles
    between their control tokens, so a role must not be able to hold one."""
    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        if self.role is not None and not _ROLE.fullmatch(self.role):
            raise InputError(
                "a message's role must be at most 32 letters, digits, _ and -, a letter first; "
                f"got {self.role!r:.80}"
            )

    @property
    def text(self) -> str:
        """The message's full text, nothing removed."""
        return "".join(segment.text for segment in self.segments)


@dataclass(frozen=True)
class Prompt:
    """A prompt whose sources are known; every model renders and tokenises it for itself."""

    messages: tuple[PromptMessage, ...]
    raw: bool = False
    """Whether the text is used as it stands, without the model's chat template."""
    bos_added: bool = False
    """Whether a raw prompt gets the tokenizer's BOS even where its text begins with one, see
    `RawPrompt.bos_added`."""

    @property
    def asked(self) -> tuple[PromptMessage, ...]:
        """The messages but for one of the role `BEGUN` at the end."""
        return self.messages[: len(self.messages) - bool(self._begins)]

    @property
    def begun(self) -> tuple[Segment, ...]:
        """What the model has written already; mostly nothing."""
        return self.messages[-1].segments if self._begins else ()

    @property
    def _begins(self) -> bool:
        return len(self.messages) > 1 and self.messages[-1].role == BEGUN


class PromptTemplate(Protocol):
    """Anything that renders a question and its context."""

    def __call__(self, question: str, sources: SourceSet) -> Prompt:
        """Return the prompt for a question over the sources of its context."""
        ...


def fill_template(template: PromptTemplate, question: str, sources: SourceSet) -> Prompt:
    """Render a prompt, and check that removing any sentence will really change it.

    Args:
        template: Any template.
        question: The user's question.
        sources: The sources of the context.

    Raises:
        PromptError: If the template fails, or does not show every sentence once, in order, in a
            segment that goes when the sentence is removed.
    """
    try:
        prompt = template(question, sources)
    except AttribotError:
        raise
    except Exception as error:  # it is the caller's code, anything may happen there
        raise PromptError(f"the template failed: {type(error).__name__}: {error}") from error
    if not isinstance(prompt, Prompt):
        raise PromptError(f"a template must return a Prompt, not {type(prompt).__name__}")
    _check_sentences(prompt, sources)
    return prompt


def _check_sentences(prompt: Prompt, sources: SourceSet) -> None:
    expected = 0
    for message in prompt.messages:
        for segment in message.segments:
            id_ = segment.sentence_id
            if id_ is None:
                continue
            if not 0 <= id_ < len(sources.sentences):
                raise PromptError(
                    f"the template shows sentence {id_}, but the context has only "
                    f"{len(sources.sentences)} sentences, numbered from 0"
                )
            named = f"the template shows {_describe(sources, id_)}"
            if id_ < expected:
                raise PromptError(f"{named} twice or out of order")
            if id_ > expected:
                raise PromptError(f"{named} before {_describe(sources, expected)}, or without it")
            if segment.shown(frozenset({id_})):
                raise PromptError(f"{named} even when that is removed")
            expected += 1
    if expected < len(sources.sentences):
        raise PromptError(
            f"the template leaves out {_describe(sources, expected)}; removing what is not in the "
            "prompt would score 0"
        )


def _describe(sources: SourceSet, id_: int) -> str:
    source = sources.sentences[id_]
    return f"sentence {id_} (of chunk {source.chunk_index}: {source.text!r:.60})"


@dataclass(frozen=True)
class ContextTemplate:
    """The default template: an instruction, the chunks, the question.

    A tokenizer with a chat template gets the text as one user message; other models get it as
    plain text, followed by "Answer:".
    """

    text: str = DEFAULT_TEMPLATE
    """Text with the fields `{context}` and `{question}`, each once, the context first."""
    chunk_format: str = "{text}"
    """Text of one chunk: `{text}` once, and if wanted `{number}` (from 1) and `{title}`."""
    separator: str = "\n\n"
    """Text between two chunks."""
    system: str | None = None
    """System message; models whose template has none get it in the user message."""
    _parts: tuple[str, str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        before, names = _parse(self.text, {"context", "question"}, "text")
        if names != ["context", "question"]:
            raise ConfigurationError(
                "a template's text must hold {context} and then {question}, each once; "
                f"got the fields {names}"
            )
        _, fields = _parse(self.chunk_format, {"text", "number", "title"}, "chunk_format")
        if fields.count("text") != 1:
            raise ConfigurationError(
                f"chunk_format must hold {{text}} once, got {self.chunk_format!r}"
            )
        object.__setattr__(self, "_parts", tuple(before))

    def __call__(self, question: str, sources: SourceSet) -> Prompt:
        """Render question and chunks; chunks without text are left out."""
        head, middle, tail = self._parts
        segments = [Segment(head)]
        for whole in sources.whole_chunks:
            ids = _range([each.id for each in sources.of_chunk(whole.chunk_index)])
            if ids.start > 0:
                segments.append(Segment(self.separator, (range(ids.start), ids)))
            segments.extend(self._chunk(sources.chunks[whole.chunk_index], whole, sources))
        segments += [Segment(middle), Segment(question), Segment(tail)]
        user = PromptMessage("user", tuple(segment for segment in segments if segment.text))
        if self.system is None:
            return Prompt((user,))
        return Prompt((PromptMessage("system", (Segment(self.system),)), user))

    def _chunk(self, chunk: Chunk, whole: Source, sources: SourceSet) -> list[Segment]:
        pieces = sources.pieces[whole.chunk_index]
        ids = _range([source.id for source in sources.of_chunk(whole.chunk_index)])
        segments: list[Segment] = []
        for literal, name, _, _ in Formatter().parse(self.chunk_format):
            segments.append(Segment(literal, (ids,)))
            if name == "text":
                spans = [(piece.start, piece.end) for piece in pieces]
                segments += chunk_segments(chunk.text, spans, pieces)
            elif name is not None:
                value = str(whole.chunk_index + 1) if name == "number" else chunk.title or ""
                segments.append(Segment(value, (ids,)))
        return segments


def chunk_segments(text: str, spans: Sequence[Span], pieces: Sequence[Piece]) -> list[Segment]:
    """Divide a chunk's text into its sentences, what frames them, and what joins them.

    The gap between two sentences is shown while the second stays and any before it does, so a
    removed sentence takes one gap with it and no chunk starts or ends with a leftover. The gap
    between metadata and the text is shown while both are.

    Args:
        text: The chunk as it stands in the prompt.
        spans: The pieces' spans in `text`.
        pieces: What the chunk divides into, in order, a sentence among them.
    """
    ids = [each.sentence_id for each in pieces if each.sentence_id is not None]
    segments: list[Segment] = []
    done = 0
    for (start, end), piece in zip(spans, pieces, strict=True):
        if done < start:
            segments.append(Segment(text[done:start], piece.joint))
        segments.append(Segment(text[start:end], piece.needs, sentence_id=piece.sentence_id))
        done = end
    if done < len(text):
        segments.append(Segment(text[done:], (_range(ids),)))
    return segments


def _range(ids: Sequence[int]) -> range:
    return range(ids[0], ids[-1] + 1)


def _parse(text: str, allowed: set[str], option: str) -> tuple[list[str], list[str]]:
    """Split a format string at its fields: the literal texts around them, and their names."""
    literals = [""]
    names: list[str] = []
    try:
        for literal, name, spec, conversion in Formatter().parse(text):
            literals[-1] += literal
            if name is None:
                continue
            if name not in allowed or spec or conversion:
                raise ConfigurationError(
                    f"{option} may hold only the fields {sorted(allowed)}, got {{{name}}}"
                )
            names.append(name)
            literals.append("")
    except ValueError as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"{option} is no valid format string: {error}") from error
    return literals, names
