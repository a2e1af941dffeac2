"""Dividing text by its structure: tables by row, data by member, lists by item, prose by sentence.

Structure is found block by block, so a page of prose with a table in it divides into sentences and
rows. What is not clearly structured is prose, and prose divides as it would without this module.
No text is refused: what is broken is prose, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from attribot_integrations.context.blocks import Block, Blocks, may_hold_structure, whole
from attribot_integrations.context.formats.markdown_blocks import Heading
from attribot_integrations.context.pieces import Leaf, Node, Row, leaves, moved
from attribot_integrations.context.places import file_format
from attribot_integrations.context.retrieved import Span
from attribot_integrations.context.sources import SentenceSplitter, sentence_spans, split_sentences
from attribot_integrations.errors import ConfigurationError

__all__ = ["SplitStructure"]

_MOST: Final = 1_000_000
"""Characters of the longest text in which structure is looked for."""
_MARK: Final = "\ufeff"
"""What the first character of a file is that says how it is encoded."""


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
            metadata: What is known of it; a file's name or a language tells the format, and
                `start_index` where it stands in its document.

        Raises:
            ConfigurationError: If the sentence splitter returns spans that are blank, out of order
                or outside the text.
        """
        if text[:1] == _MARK and text[1:].strip():
            return moved(self.divide(text[1:], metadata), 1)
        known = file_format(metadata)
        if len(text) <= _MOST and (known or may_hold_structure(text)):
            found = whole(text, known, self.depth, not metadata.get("start_index"))
            if found is not None and _is_sound(found, text):
                return found
            blocks = Blocks(text, self.depth).found()
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


def _is_sound(node: Node, text: str) -> bool:
    """Tell whether a division's leaves are in order, its parts not blank and at least one."""
    found = list(leaves(node))
    return (
        all(one.end <= other.start for one, other in pairwise(found))
        and all(0 <= leaf.start < leaf.end <= len(text) for leaf in found)
        and all(text[leaf.start : leaf.end].strip() for leaf in found if leaf.removable)
        and any(leaf.removable for leaf in found)
    )
