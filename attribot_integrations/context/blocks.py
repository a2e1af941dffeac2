"""Finding what of a text is structured: one format from start to end, or blocks with prose between.

What is not clearly structured is left out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from json import JSONDecoder
from typing import Final

from attribot_integrations.context.formats import lines as line_formats
from attribot_integrations.context.formats.code import LANGUAGES, code
from attribot_integrations.context.formats.html_pages import page_blocks
from attribot_integrations.context.formats.html_tables import HTML_STARTS, html_blocks
from attribot_integrations.context.formats.markdown_blocks import (
    Heading,
    fences,
    has_marks,
    markdown_blocks,
    underlined,
)
from attribot_integrations.context.formats.ruled_tables import (
    aligned_table,
    bar_rows,
    ruled_table,
)
from attribot_integrations.context.formats.separated_values import separated
from attribot_integrations.context.formats.values import json_lines, json_value, literal
from attribot_integrations.context.formats.yaml_values import (
    front_matter,
    looks_like_yaml,
    yaml_value,
)
from attribot_integrations.context.pieces import Leaf, Node, Row, leaves
from attribot_integrations.context.retrieved import Span

__all__ = ["Block", "Blocks", "may_hold_structure", "whole"]

_LINE = re.compile(r"\S[^\r\n]*")
_BRACKETS = ("{", "[", "(")
_DECODER: Final = JSONDecoder()
_LINE_END = re.compile(r"[ \t]*(?:[\r\n]|$)")

Block = tuple[Span, Node | Heading]
"""Where a block stands, and how it divides; a heading's level."""


def may_hold_structure(text: str) -> bool:
    """Tell whether a text may hold any structure, as most short prose does not."""
    if "\n" in text or "\r" in text:
        return True
    if text.lstrip()[:1] in _BRACKETS and text.rstrip()[-1:] in ("}", "]", ")"):
        return True
    return "<" in text and ("</" in text or HTML_STARTS.search(text) is not None)


def whole(text: str, known: str | None, depth: int, header: bool) -> Node | None:
    """Divide a text that is of one format from start to end, `None` if it is of none.

    Args:
        text: The text.
        known: Its format, if it is known.
        depth: How many levels of data are opened.
        header: Whether the first row of a table may be a header.
    """
    if known is not None:
        found = _of_format(text, 0, len(text), known, depth, header)
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
        if found is not None and sum(leaf.removable for leaf in leaves(found)) < 2:
            return None
    return found


def _of_format(
    text: str, start: int, end: int, known: str, depth: int, header: bool = True
) -> Node | None:
    """Divide a stretch of which the format is known, and whether it starts with a file's start."""
    lines = line_formats.line_spans(text, start, end)
    formats: dict[str, Callable[[], Node | None]] = {
        "json": lambda: json_value(text, start, end, depth) or json_lines(text, lines),
        "jsonl": lambda: json_lines(text, lines),
        "ndjson": lambda: json_lines(text, lines),
        "yaml": lambda: yaml_value(text, start, end, depth),
        "yml": lambda: yaml_value(text, start, end, depth),
        "csv": lambda: (
            _record(text, lines) or separated(text, start, end, sure=True, header=header)
        ),
        "tsv": lambda: separated(text, start, end, "\t", sure=True, header=header),
    }
    if known in formats:
        return formats[known]()
    return code(text, start, end, known) if known in LANGUAGES else None


def _record(text: str, spans: Sequence[Span]) -> Node | None:
    """Divide what a loader wrote of one row of a table."""
    found = line_formats.fields(text, spans, sure=True)
    return Row(tuple(Leaf(*span) for span in found)) if found else None


class Blocks:
    """Finds the structured blocks of a text."""

    def __init__(self, text: str, depth: int) -> None:
        """Take a text, and how many levels of data are opened in it."""
        self._text = text
        self._depth = depth
        self._taken: list[Block] = []

    def found(self) -> list[Block]:
        """Return the blocks, in order and apart."""
        text = self._text
        if "```" in text or "~~~" in text:
            for span, inside, language in fences(text):
                self._taken.append((span, self._fenced(span, inside, language)))
        if "<" in text and HTML_STARTS.search(text):
            self._add(html_blocks(text))
        if "</" in text:
            self._add(page_blocks(text))
        if (front := front_matter(text, self._depth)) is not None:
            self._add([front])
        self._add([block for span in self._free() for block in self._paragraphs(*span)])
        masked = self._masked()
        if "\n--" in masked or "\n==" in masked:
            self._add(underlined(masked))
        if has_marks(masked):
            self._add(markdown_blocks(masked))
        return self._taken

    def _add(self, blocks: Sequence[Block]) -> None:
        """Take blocks that stand apart from those that are taken, and from each other.

        Of one around others, the parts that stand apart are taken.
        """
        starts = [span[0] for span, _ in self._taken]
        kept: list[Block] = []
        for (start, end), block in blocks:
            if kept and kept[-1][0][1] > start:
                continue
            if self._apart(starts, start) >= end:
                kept.append(((start, end), block))
            elif isinstance(block, Row):
                kept += self._around(starts, block)
        self._taken = sorted([*self._taken, *kept], key=lambda block: block[0])

    def _apart(self, starts: Sequence[int], start: int) -> int:
        """Return up to where nothing is taken behind a place, which it is itself if it is taken."""
        after = bisect_right(starts, start)
        if after and self._taken[after - 1][0][1] > start:
            return start
        return starts[after] if after < len(starts) else len(self._text)

    def _around(self, starts: Sequence[int], block: Row) -> Iterator[Block]:
        for leaf in leaves(block):
            end = min(leaf.end, self._apart(starts, leaf.start))
            end = leaf.start + len(self._text[leaf.start : end].rstrip())
            if leaf.kind == "part" and leaf.start < end:
                yield (leaf.start, end), Leaf(leaf.start, end)

    def _free(self) -> list[Span]:
        edges = [0, *(edge for span, _ in self._taken for edge in span), len(self._text)]
        return [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True)]

    def _fenced(self, span: Span, inside: Span, language: str) -> Node:
        text = self._text
        found = _of_format(text, *inside, language, self._depth) if language else None
        if found is None and text[slice(*inside)].lstrip()[:1] in _BRACKETS:
            found = _bracketed(text, *inside, self._depth)
        if found is None and language not in LANGUAGES:
            lines = list(line_formats.paragraphs(text, *inside))
            found = self._paragraph(lines[0]) if len(lines) == 1 else None
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
        """Yield the stretches of paragraphs that are data or records."""
        done = start
        if not line_formats.may_tell(self._text, start, end):
            return
        for spans in line_formats.paragraphs(self._text, start, end):
            if len(spans) == 1:  # of one line, only data are told from prose
                if self._text[spans[0][0]] not in _BRACKETS:
                    continue
            elif not line_formats.may_tell(self._text, spans[0][0], spans[-1][1]):
                continue
            for found in self._in_paragraph([span for span in spans if span[0] >= done], end):
                inside = list(leaves(found))
                done = inside[-1].end
                yield (inside[0].start, done), found

    def _in_paragraph(self, spans: Sequence[Span], end: int) -> Iterator[Node]:
        """Yield a paragraph that is data or records as a whole, or those of its lines that are."""
        left = spans
        for below in (spans, spans[1:]):
            found = below and (self._paragraph(below) or self._data(below[0][0], end))
            if found:
                yield found
                done = max(leaf.end for leaf in leaves(found))
                left = [span for span in spans if span[0] >= done]
                break
            # the first line may introduce what is below it
            if len(spans) < 2 or self._text[spans[0][1] - 1] not in ":\uff1a":
                break
        for run in line_formats.runs(self._text, left) if len(left) > 2 else ():
            if found := self._paragraph(run):
                yield found

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
        alone = line_formats.fields(text, spans) or line_formats.items(text, spans)
        if not alone and line_formats.triplets(text, spans):
            alone = list(spans)
        if alone:
            return Row(tuple(Leaf(*span) for span in alone))
        piece = text[start:end]
        ruled = ruled_table(text, spans) if "--" in piece or "==" in piece else None
        if ruled is None and "|" in piece:
            ruled = bar_rows(text, spans)
        if ruled is None and "  " in piece:
            ruled = aligned_table(text, spans)
        return ruled or separated(text, start, end)

    def _masked(self) -> str:
        """Return the text with lines between paragraphs in the place of what is taken."""
        if not self._taken:
            return self._text
        parts: list[str] = []
        done = 0
        for (start, end), _ in self._taken:
            stars = _LINE.sub(lambda line: "*" * len(line[0]), self._text[start:end])
            parts += [self._text[done:start], stars]
            done = end
        return "".join([*parts, self._text[done:]])
