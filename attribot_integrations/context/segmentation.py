"""Dividing an answer into statements: sentences, but list items, table rows and code as they stand.

Answers of chat models are Markdown more often than not, and a sentence splitter alone joins a
heading with the list below it. Blocks are found by markdown-it; sentences inside paragraphs by the
splitter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from attribot_integrations.context.formats import lines as line_formats
from attribot_integrations.context.formats.separated_values import separated
from attribot_integrations.context.sources import SentenceSplitter, Span, sentence_spans

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["line_starts", "split_answer"]

# Indented text, HTML and link definitions are rarely meant as such in an answer, and stay text.
_IGNORED_RULES = ("code", "html_block", "reference")
_WHOLE_BLOCKS = {"fence", "tr_open"}


def split_answer(answer: str, splitter: SentenceSplitter) -> Sequence[Span]:
    """Find the statements of an answer.

    Each heading, table row and code block is one, and each sentence of a paragraph, a list item or
    a quotation; so are lines that are rows between separators, or names with values. Their markers
    (`#`, `-`, `1.`, `>`) belong to no statement.

    Args:
        answer: The answer's text, plain or Markdown.
        splitter: Finds the sentences of a paragraph.

    Returns:
        Spans in order, none blank; blank text has none.

    Raises:
        ConfigurationError: If the splitter returns spans that are blank, out of order or outside
            the text.
    """
    spans: list[Span] = []
    for outer_start, outer_end, divisible in _blocks(answer):
        start, end = _stripped(answer, outer_start, outer_end)
        if start == end:
            continue
        lines = _rows(answer, start, end) if divisible else []
        if lines:
            spans += lines
            continue
        inner = sentence_spans(answer[start:end], splitter) if divisible else [(0, end - start)]
        spans += [(start + low, start + high) for low, high in inner]
    return spans or sentence_spans(answer, splitter)


def _rows(answer: str, start: int, end: int) -> list[Span]:
    """Return the lines of a paragraph each of which says something by itself: fields, rows."""
    spans = line_formats.line_spans(answer, start, end) if "\n" in answer[start:end] else []
    if len(spans) < 2:
        return []
    if found := line_formats.fields(answer, spans):
        return found
    return spans if separated(answer, start, end) else []


def _blocks(answer: str) -> Iterator[tuple[int, int, bool]]:
    """Yield start and end of each block of text, and whether it is made of sentences."""
    edges = line_starts(answer)
    done = 0  # a table row's cells lie inside it
    heading = False
    for token in _parser().parse(answer):
        if token.type in ("heading_open", "heading_close"):
            heading = token.type == "heading_open"
        if token.map is None or not (token.type in _WHOLE_BLOCKS or token.type == "inline"):
            continue
        low, high = token.map
        start = max(done, edges[low])
        end = edges[min(high, len(edges) - 1)]
        if end <= done:
            continue
        if token.type == "inline":
            start = _content_start(answer, start, end, token)
        yield start, end, token.type == "inline" and not heading
        done = end


def _content_start(answer: str, start: int, end: int, token: Token) -> int:
    """Skip the marker of a heading, list item or quotation."""
    first = token.content.split("\n", 1)[0]
    found = answer.find(first, start, end)
    return start if found < 0 else found


def line_starts(answer: str) -> list[int]:
    """Return where each line starts, as markdown-it counts lines, and the end of the text."""
    starts = [0]
    for place, character in enumerate(answer):
        if character == "\n" or (character == "\r" and answer[place + 1 : place + 2] != "\n"):
            starts.append(place + 1)
    return [*starts, len(answer)]


def _stripped(answer: str, start: int, end: int) -> Span:
    text = answer[start:end]
    left = start + len(text) - len(text.lstrip())
    return left, left + len(text.strip())


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").disable([*_IGNORED_RULES])
