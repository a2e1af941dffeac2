"""Dividing text by its structure: tables by row, data by member, lists by item, prose by sentence.

Structure is found block by block, so a page of prose with a table in it divides into sentences and
rows. What is not clearly structured is prose, and prose divides as it would without this module.
No text is refused: what is broken is prose, too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from json import JSONDecoder
from typing import Any, Final

from attribot_integrations.context.formats import lines as line_formats
from attribot_integrations.context.formats.code import LANGUAGES, code
from attribot_integrations.context.formats.html_tables import HTML_STARTS, html_blocks
from attribot_integrations.context.formats.markdown_blocks import (
    MARKS,
    Heading,
    fences,
    markdown_blocks,
)
from attribot_integrations.context.formats.values import json_lines, json_value, literal
from attribot_integrations.context.formats.yaml_values import looks_like_yaml, yaml_value
from attribot_integrations.context.pieces import Leaf, Node, Row, leaves
from attribot_integrations.context.places import file_format
from attribot_integrations.context.retrieved import Span
from attribot_integrations.context.sources import SentenceSplitter, sentence_spans, split_sentences
from attribot_integrations.errors import ConfigurationError

__all__ = ["SplitStructure"]

_MOST: Final = 1_000_000
"""Characters of the longest text in which structure is looked for."""
_LINE = re.compile(r"[^\r\n]+")
_BRACKETS = ("{", "[", "(")
_DECODER = JSONDecoder()
_LINE_END = re.compile(r"[ \t]*(?:[\r\n]|$)")

Block = tuple[Span, Node | Heading]


@dataclass(frozen=True)
class SplitStructure:
    """Divides structured text by its structure, and prose into sentences.

    Tables (Markdown, HTML, CSV, as databases print them) divide by row and keep their header; JSON,
    YAML and Python's literals by member; lists by item; code by definition; records of one line
    each by line. A heading stays as long as anything below it does.

    Called as a function, it finds the sentences of a text, as answers need them.
    """

    sentences: SentenceSplitter = split_sentences
    """Finds the sentences of prose, such as a `SplitByScript`."""
    depth: int = 1
    """How many levels of JSON and YAML are opened: 1 divides `{"a": {"b": 1, "c": 2}, "d": 3}` into
    `a` and `d`, 2 into `b`, `c` and `d`. What is alone in another thing counts as one with it."""

    def __post_init__(self) -> None:
        if isinstance(self.sentences, type) or not callable(self.sentences):
            raise ConfigurationError(f"sentences must be callable, got {self.sentences!r:.60}")
        depth: object = self.depth
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
            raise ConfigurationError(f"depth must be an int of at least 1, got {depth!r:.60}")

    def __call__(self, text: str) -> Sequence[Span]:
        """Return the spans of the sentences of a text that is taken for prose."""
        return self.sentences(text)

    def divide(self, text: str, metadata: Mapping[str, Any]) -> Node:
        """Divide a text.

        Args:
            text: Any text.
            metadata: What is known of it; a file's name or a language tells the format.

        Raises:
            ConfigurationError: If the sentence splitter returns spans that are blank, out of order
                or outside the text.
        """
        known = file_format(metadata)
        if len(text) <= _MOST and (known or _may_hold_structure(text)):
            whole = _whole(text, known, self.depth)
            if whole is not None and _is_sound(whole, text):
                return whole
            blocks = list(_Blocks(text, self.depth).found())
            if blocks:
                division = self._with_prose(text, blocks)
                if _is_sound(division, text):
                    return division
        return self._prose(text, 0, len(text))

    def _prose(self, text: str, start: int, end: int) -> Row:
        spans = sentence_spans(text[start:end], self.sentences)
        return Row(tuple(Leaf(start + low, start + high) for low, high in spans))

    def _with_prose(self, text: str, blocks: Sequence[Block]) -> Node:
        """Put the sentences between blocks, and all of it below its headings."""
        entries: list[Block] = []
        done = 0
        for (start, end), block in (*blocks, ((len(text), len(text)), Row(()))):
            if text[done:start].strip():
                entries.append(((done, start), self._prose(text, done, start)))
            if start < end:
                entries.append(((start, end), block))
            done = end
        return Row(tuple(_sections(entries)))


def _sections(entries: Sequence[Block]) -> Iterator[Node]:
    """Yield blocks, with those below a heading as one of them."""
    place = 0
    while place < len(entries):
        span, block = entries[place]
        place += 1
        if not isinstance(block, Heading):
            yield block
            continue
        first = place
        while place < len(entries):
            other = entries[place][1]
            if isinstance(other, Heading) and other.level <= block.level:
                break
            place += 1
        below = tuple(_sections(entries[first:place]))
        if below:
            start = next(leaves(Row(below))).start
            yield Row((Leaf(span[0], start, "heading"), Row(below)))
        else:
            yield Leaf(*span)


def _may_hold_structure(text: str) -> bool:
    if "\n" in text or "\r" in text:
        return True
    if text.lstrip()[:1] in _BRACKETS and text.rstrip()[-1:] in ("}", "]", ")"):
        return True
    return "<" in text and HTML_STARTS.search(text) is not None


def _whole(text: str, known: str | None, depth: int) -> Node | None:
    """Divide a text that is of one format from start to end, `None` if it is of none."""
    if known is not None:
        found = _of_format(text, 0, len(text), known, depth)
        if found is not None:
            return found
    start = text.lstrip()[:1]
    if start not in _BRACKETS or not start:
        return None
    return _bracketed(text, 0, len(text), depth)


def _bracketed(text: str, start: int, end: int, depth: int) -> Node | None:
    found = json_value(text, start, end, depth)
    if found is None:
        found = literal(text, start, end)
        if found is not None and _count(found) < 2:
            return None
    return found


def _of_format(text: str, start: int, end: int, known: str, depth: int) -> Node | None:
    """Divide a stretch of which the format is known."""
    lines = line_formats.line_spans(text, start, end)
    formats: dict[str, Callable[[], Node | None]] = {
        "json": lambda: json_value(text, start, end, depth) or json_lines(text, lines),
        "jsonl": lambda: json_lines(text, lines),
        "ndjson": lambda: json_lines(text, lines),
        "yaml": lambda: yaml_value(text, start, end, depth),
        "yml": lambda: yaml_value(text, start, end, depth),
        "csv": lambda: line_formats.separated(text, start, end, sure=True),
        "tsv": lambda: line_formats.separated(text, start, end, "\t", sure=True),
    }
    if known in formats:
        return formats[known]()
    return code(text, start, end, known) if known in LANGUAGES else None


class _Blocks:
    """Finds the structured blocks of a text."""

    def __init__(self, text: str, depth: int) -> None:
        self._text = text
        self._depth = depth
        self._taken: list[Block] = []

    def found(self) -> list[Block]:
        """Return the blocks, in order and apart."""
        text = self._text
        if "```" in text or "~~~" in text:
            for span, inside, language in fences(text):
                self._taken.append((span, self._fenced(span, inside, language)))
        if HTML_STARTS.search(text):
            self._add(html_blocks(text))
        self._add([block for span in self._free() for block in self._paragraphs(*span)])
        masked = self._masked()
        if MARKS.search(masked):
            self._add(markdown_blocks(masked))
        return self._taken

    def _add(self, blocks: Sequence[Block]) -> None:
        """Take blocks that stand apart from those that are taken, and from each other."""
        starts = [span[0] for span, _ in self._taken]
        kept: list[Block] = []
        for (start, end), block in blocks:
            after = bisect_right(starts, start)
            behind = not after or self._taken[after - 1][0][1] <= start
            before = after == len(starts) or end <= starts[after]
            if behind and before and (not kept or kept[-1][0][1] <= start):
                kept.append(((start, end), block))
        self._taken = sorted([*self._taken, *kept], key=lambda block: block[0])

    def _free(self) -> list[Span]:
        edges = [0, *(edge for span, _ in self._taken for edge in span), len(self._text)]
        return [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True)]

    def _fenced(self, span: Span, inside: Span, language: str) -> Node:
        text = self._text
        found = _of_format(text, *inside, language, self._depth) if language else None
        if found is None and text[slice(*inside)].lstrip()[:1] in _BRACKETS:
            found = _bracketed(text, *inside, self._depth)
        if found is None:
            found = code(text, *inside, language)
        if found is None:
            return Leaf(*span)
        edges = list(leaves(found))
        return Row(
            (
                Leaf(span[0], edges[0].start, "frame"),
                found,
                Leaf(edges[-1].end, span[1], "frame"),
            )
        )

    def _paragraphs(self, start: int, end: int) -> Iterator[Block]:
        """Yield the paragraphs of a stretch that are data or records."""
        text, done = self._text, start
        for spans in line_formats.paragraphs(text, start, end):
            spans = [span for span in spans if span[0] >= done]
            for below in (spans, spans[1:]):  # as a whole, or below a line that introduces it
                division = below and (self._paragraph(below) or self._data(below[0][0], end))
                if division:
                    done = max(leaf.end for leaf in leaves(division))
                    yield (below[0][0], done), division
                    break
                if len(spans) < 2 or text[spans[0][1] - 1] != ":":
                    break

    def _data(self, start: int, end: int) -> Node | None:
        """Divide a JSON value that may go over several paragraphs, and ends with a line."""
        if self._text[start] not in ("{", "["):
            return None
        try:
            stop = _DECODER.raw_decode(self._text, start)[1]
        except (ValueError, RecursionError):
            return None
        if stop > end or not _LINE_END.match(self._text, stop):
            return None
        return json_value(self._text, start, stop, self._depth)

    def _paragraph(self, spans: Sequence[Span]) -> Node | None:
        text, (start, end) = self._text, (spans[0][0], spans[-1][1])
        if text[start] in _BRACKETS:
            found = _bracketed(text, start, end, self._depth) or json_lines(text, spans)
            if found is not None:
                return found
        if len(spans) < 2:
            return None
        if looks_like_yaml(text[start:end]):
            found = yaml_value(text, start, end, self._depth)
            if found is not None:
                return found
        if line_formats.fields(text, spans) or line_formats.triplets(text, spans):
            return Row(tuple(Leaf(*span) for span in spans))
        ruled = line_formats.ruled_table(text, spans)
        return ruled or line_formats.separated(text, start, end)

    def _masked(self) -> str:
        """Return the text with lines between paragraphs in the place of what is taken."""
        parts: list[str] = []
        done = 0
        for (start, end), _ in self._taken:
            stars = _LINE.sub(lambda line: "*" * len(line[0]), self._text[start:end])
            parts += [self._text[done:start], stars]
            done = end
        return "".join([*parts, self._text[done:]])


def _count(node: Node) -> int:
    return sum(leaf.removable for leaf in leaves(node))


def _is_sound(node: Node, text: str) -> bool:
    """Tell whether a division's leaves are in order, its parts not blank and at least one."""
    found = list(leaves(node))
    return (
        all(one.end <= other.start for one, other in pairwise(found))
        and all(0 <= leaf.start < leaf.end <= len(text) for leaf in found)
        and all(text[leaf.start : leaf.end].strip() for leaf in found if leaf.removable)
        and any(leaf.removable for leaf in found)
    )
