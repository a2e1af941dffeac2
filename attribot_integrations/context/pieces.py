"""How a text divides: parts that can be removed, the frame that holds them, and what joins them.

Prose is a row of sentences. A table is a header, which stays, and a row of rows; a JSON object is
an opening bracket, a row of members, and a closing one. A division is a tree of such rows. What is
shown of a text when some of its parts are removed follows from the tree: between two members of a
row stands what joins them (white space, a comma), and it goes with the second, or, if the first
ones are all gone, with nothing before it. So what is left is as well formed as the whole was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from attribot_integrations.context.retrieved import Span

__all__ = [
    "Divider",
    "Leaf",
    "Node",
    "Piece",
    "Row",
    "kept_spans",
    "leaves",
    "moved",
    "numbered",
    "pieces_of",
    "shown_of",
]

Kind = Literal["part", "frame", "heading"]
"""What a stretch of text is: a part that can be removed; a frame, which stays while anything of the
chunk does; or a heading, which stays while anything of its row does."""


@dataclass(frozen=True)
class Leaf:
    """A stretch of text that is shown or dropped as a whole."""

    start: int
    end: int
    kind: Kind = "part"
    number: int | None = None
    """A part's place among those of its chunk, from 0; `None` for metadata."""


@dataclass(frozen=True)
class Row:
    """Things that stand side by side, in order; the text between two of them joins them."""

    members: tuple[Node, ...]


Node = Leaf | Row


@runtime_checkable
class Divider(Protocol):
    """A splitter that finds more than sentences."""

    def divide(self, text: str, metadata: Mapping[str, Any]) -> Node:
        """Divide a text, of which metadata may tell the format."""
        ...


@dataclass(frozen=True)
class Piece:
    """A leaf as it stands in a prompt, and what it needs to be shown there."""

    start: int
    end: int
    sentence_id: int | None
    needs: tuple[range, ...]
    """Ranges of sentence ids, each of which must keep one; none: it stays with the chunk."""
    joint: tuple[range, ...]
    """What the text before it needs."""


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield the leaves of a division, in order."""
    if isinstance(node, Leaf):
        yield node
    else:
        for member in node.members:
            yield from leaves(member)


def numbered(node: Node, numbers: Iterator[int]) -> Node:
    """Return a division with its parts numbered in order."""
    if isinstance(node, Leaf):
        if node.kind != "part":
            return node
        return Leaf(node.start, node.end, number=next(numbers))
    return Row(tuple(numbered(member, numbers) for member in node.members))


def moved(node: Node, offset: int) -> Node:
    """Return a division of a text that starts further behind."""
    if not offset:
        return node
    if isinstance(node, Leaf):
        return replace(node, start=node.start + offset, end=node.end + offset)
    return Row(tuple(moved(member, offset) for member in node.members))


def shown_of(node: Node, text: str, parts: Sequence[Span]) -> Node | None:
    """Cut a division to what is shown of a text, `None` if nothing of it is.

    Args:
        node: The division.
        text: The text.
        parts: The spans that are shown, in order.
    """
    if isinstance(node, Row):
        found = (shown_of(member, text, parts) for member in node.members)
        members = tuple(member for member in found if member is not None)
        return Row(members) if members else None
    edges: list[int] = []
    for low, high in parts:
        start, end = max(low, node.start), min(high, node.end)
        piece = text[start:end] if start < end else ""
        if piece.strip():
            edges += [start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())]
    return replace(node, start=edges[0], end=edges[-1]) if edges else None


def pieces_of(node: Node, first: int) -> tuple[Piece, ...]:
    """Give ids to the parts of a division, and say what each of its leaves needs.

    Args:
        node: The division.
        first: The id of its first part; the others follow.
    """
    return tuple(_pieces(node, first, (), ()))


def kept_spans(pieces: Sequence[Piece], end: int, kept: Set[int]) -> tuple[Span, ...]:
    """Return the spans of a chunk's text that stay when only some of its sentences do.

    Args:
        pieces: What the chunk divides into.
        end: The length of its text.
        kept: Ids of the sentences that stay; if none is of this chunk, nothing of it does.
    """
    if not any(piece.sentence_id in kept for piece in pieces):
        return ()
    spans: list[Span] = []
    done = 0
    for piece in (*pieces, Piece(end, end, None, (), ())):
        for span, needs in (
            ((done, piece.start), piece.joint),
            ((piece.start, piece.end), piece.needs),
        ):
            if span[0] == span[1] or not all(any(id_ in kept for id_ in ids) for ids in needs):
                continue
            start = spans.pop()[0] if spans and spans[-1][1] == span[0] else span[0]
            spans.append((start, span[1]))
        done = piece.end
    return tuple(spans)


@dataclass(frozen=True)
class _Extent:
    """Which ids a node holds, and whether something of it stays in any case."""

    ids: range
    lasting: bool

    @property
    def needs(self) -> tuple[range, ...]:
        return () if self.lasting or not self.ids else (self.ids,)


def _extent(node: Node, first: int) -> _Extent:
    if isinstance(node, Leaf):
        count = 1 if node.kind == "part" else 0
        return _Extent(range(first, first + count), node.kind == "frame")
    stop, lasting = first, False
    for member in node.members:
        inner = _extent(member, stop)
        stop, lasting = inner.ids.stop, lasting or inner.lasting
    return _Extent(range(first, stop), lasting)


def _pieces(
    node: Node, first: int, joint: tuple[range, ...], row: tuple[range, ...]
) -> Iterator[Piece]:
    """Yield the pieces of a node.

    Args:
        node: The node.
        first: The id of its first part.
        joint: What the text before it needs.
        row: What the row needs in which it stands.
    """
    if isinstance(node, Leaf):
        part = node.kind == "part"
        needs = (range(first, first + 1),) if part else (row if node.kind == "heading" else ())
        yield Piece(node.start, node.end, first if part else None, needs, joint)
        return
    extents: list[_Extent] = []
    for member in node.members:
        extents.append(_extent(member, extents[-1].ids.stop if extents else first))
    own = _extent(node, first).needs
    lasting = False
    for member, extent in zip(node.members, extents, strict=True):
        start = extent.ids.start
        if extent is not extents[0]:
            before = range(first, start)
            joint = (*(() if lasting or not before else (before,)), *extent.needs)
        yield from _pieces(member, start, joint, own)
        lasting = lasting or extent.lasting
