"""An answer's Markdown as blocks of plain text, each stretch with its place in the answer.

Read is only what gives a text its shape: headings, lists, quotations, tables, code, emphasis and
line breaks. Links, images, HTML and character references stay the text that they are, so nothing
that a model or a document wrote becomes an address or an element.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal

from attribot_integrations.context.segmentation import line_starts
from attribot_integrations.results.fields import json_fields

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from attribot_integrations.context.retrieved import Span

__all__ = ["Block", "BlockKind", "Run", "answer_blocks", "leaf_blocks", "only_shape", "plain_block"]

BlockKind = Literal[
    "text", "heading", "code", "plain", "list", "item", "quote", "table", "head", "row", "cell",
    "rule",
]  # fmt: skip
"""What a block is; `plain` is text of which every character counts, such as JSON."""

# As where statements are found: indented text, HTML and link definitions are rarely meant as such.
_BLOCK_RULES: Final = ("code", "html_block", "reference")
_INLINE_RULES: Final = ("link", "image", "autolink", "html_inline", "entity")
_STYLES: Final = {"strong": "strong", "em": "em", "s": "s"}
_KINDS: Final[dict[str, BlockKind]] = {
    "paragraph_open": "text",
    "heading_open": "heading",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "list_item_open": "item",
    "blockquote_open": "quote",
    "table_open": "table",
    "tr_open": "row",
    "th_open": "head",
    "td_open": "cell",
}
_LEAVES: Final = ("text", "heading", "code", "plain", "head", "cell")
_SHAPE: Final = ("heading", "code", "head")


@dataclass(frozen=True)
class Run:
    """A stretch of a block that looks the same from start to end."""

    start: int
    """Offset in the answer of the first character."""
    end: int
    """Offset in the answer behind the last character."""
    text: str
    """What is shown of it: without Markdown's marks."""
    styles: tuple[str, ...] = ()
    """`strong`, `em`, `s` and `code`, outer ones first."""


@dataclass(frozen=True)
class Block:
    """A block of an answer: one that holds text, or others."""

    kind: BlockKind
    runs: tuple[Run, ...] = ()
    inside: tuple[Block, ...] = ()
    number: int | None = None
    """Level of a heading, from 1; first number of a numbered list."""


def leaf_blocks(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield the blocks that hold text, in the order of the answer."""
    for block in blocks:
        if block.kind in _LEAVES:
            yield block
        yield from leaf_blocks(block.inside)


def only_shape(answer: str, spans: Sequence[Span]) -> list[bool]:
    """Tell of spans of an answer whether they are nothing but headings, heads of tables or code.

    Such text names what follows, or does something, and states nothing by itself.
    """
    runs = _shaped_runs(answer)
    return [
        bool(near := {shape for low, high, shape in runs if low < end and start < high})
        and all(near)
        for start, end in spans
    ]


@lru_cache(maxsize=64)
def _shaped_runs(answer: str) -> tuple[tuple[int, int, bool], ...]:
    return tuple(
        (run.start, run.end, block.kind in _SHAPE)
        for block in leaf_blocks(answer_blocks(answer))
        for run in block.runs
        if run.text.strip()
    )


@lru_cache(maxsize=64)
def answer_blocks(answer: str) -> tuple[Block, ...]:
    """Read an answer as Markdown; one that is JSON is a single `plain` block.

    Args:
        answer: The answer's text.
    """
    if json_fields(answer):
        return (plain_block(answer),)
    return _Reader(answer).blocks()


def plain_block(answer: str) -> Block:
    """Return the whole answer as text in which every character is shown."""
    return Block("plain", (Run(0, len(answer), answer),))


class _Reader:
    """Reads the tokens of a text once, from start to end."""

    def __init__(self, answer: str) -> None:
        self._answer = answer
        self._edges = line_starts(answer)
        self._done = 0  # all before it is read

    def blocks(self) -> tuple[Block, ...]:
        """Return the outer blocks."""
        return self._inside(iter(_parser().parse(self._answer)))

    def _inside(self, tokens: Iterator[Token]) -> tuple[Block, ...]:
        """Take tokens up to the one that closes the block around them."""
        found: list[Block] = []
        for token in tokens:
            kind = _KINDS.get(token.type)
            if token.type == "fence":
                found.append(Block("code", (self._fence(token),)))
            elif token.type == "hr":
                found.append(Block("rule"))
            elif kind is not None and kind in _LEAVES:
                found.append(Block(kind, self._leaf(tokens), number=_level(token)))
            elif kind is not None:
                found.append(Block(kind, inside=self._inside(tokens), number=_first(token)))
            elif token.type in ("thead_open", "tbody_open"):
                found += self._inside(tokens)
            elif token.nesting == -1:
                break
        return tuple(found)

    def _fence(self, token: Token) -> Run:
        low, high = token.map or (0, 0)
        start, end = self._edges[low], self._edges[min(high, len(self._edges) - 1)]
        self._done = max(self._done, end)
        return Run(start, end, token.content.removesuffix("\n"), ("code",))

    def _leaf(self, tokens: Iterator[Token]) -> tuple[Run, ...]:
        runs: list[Run] = []
        for token in tokens:
            if token.nesting == -1:
                break
            low, high = token.map or (0, 0)
            self._done = max(self._done, self._edges[low])
            end = self._edges[min(high, len(self._edges) - 1)]
            runs += self._inline(token.children or (), end)
        return tuple(runs)

    def _inline(self, tokens: Sequence[Token], end: int) -> Iterator[Run]:
        styles: list[str] = []
        for token in tokens:
            if token.nesting == 1:
                styles.append(_STYLES[token.tag])
            elif token.nesting == -1:
                styles.pop()
            elif token.type in ("softbreak", "hardbreak"):
                yield self._run("\n", end, ())
            elif token.content:
                code = ("code",) if token.type == "code_inline" else ()
                yield self._run(token.content, end, (*styles, *code))

    def _run(self, text: str, end: int, styles: tuple[str, ...]) -> Run:
        """Find a text behind what is read; what the parser has changed in it is stepped over."""
        start = self._answer.find(text, self._done, end)
        if start >= 0:
            self._done = start + len(text)
            return Run(start, self._done, text, styles)
        first = place = self._done
        for number, character in enumerate(text):
            found = self._answer.find(character, place, end)
            if found >= 0:
                first, place = found if number == 0 else first, found + 1
        self._done = place
        return Run(first, place, text, styles)


def _level(token: Token) -> int | None:
    return int(token.tag[1:]) if token.type == "heading_open" else None


def _first(token: Token) -> int | None:
    return int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return parser.disable([*_BLOCK_RULES, *_INLINE_RULES, "text_join"])
