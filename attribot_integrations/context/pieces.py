"""How a text divides: parts that can be removed, the frame that holds them, and what joins them.

Prose is a row of sentences. A table is a header, which stays, and a row of rows; a JSON object is
an opening bracket, a row of members, and a closing one. A division is a tree of such rows. What is
shown of a text when some of its parts are removed follows from the tree: between two members of a
row stands what joins them (white space, a comma), and it goes with the second, or, if the first
ones are all gone, with nothing before it. So what is left is as well formed as the whole was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from attribot_integrations.context.retrieved import Span

__all__ = [
    "Divider",
    "Leaf",
    "Node",
    "Piece",
    "Row",
    "cut_pieces",
    "kept_spans",
    "leaves",
    "moved",
    "numbered",
    "pieces_of",
    "shown_of",
]

Kind = Literal["part", "metadata", "frame", "heading"]
"""What a stretch of text is: a part that can be removed, of the text or of metadata shown with it;
a frame, which stays while anything of the chunk does; or a heading, which stays while anything of
its row does."""


class Leaf(NamedTuple):  # there is one for every sentence, and tuples are made fastest
    """A stretch of text that is shown or dropped as a whole."""

    start: int
    end: int
    kind: Kind = "part"
    number: int | None = None
    """A part's place among those of its text, from 0, where it is known."""

    @property
    def removable(self) -> bool:
        """Whether it is a part."""
        return self.kind in ("part", "metadata")


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


class Piece(NamedTuple):
    """A leaf as it stands in a prompt, and what it needs to be shown there."""

    start: int
    end: int
    sentence_id: int | None
    needs: tuple[range, ...]
    """Ranges of sentence ids, each of which must keep one."""
    joint: tuple[range, ...]
    """What the text before it needs."""


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield the leaves of a division, in order."""
    if isinstance(node, Leaf):
        yield node
        return
    for member in node.members:
        if isinstance(member, Leaf):
            yield member
        else:
            yield from leaves(member)


def numbered(node: Node) -> Node:
    """Return a division with its parts numbered in order, metadata aside."""
    return _numbered(node, count())


def _numbered(node: Node, numbers: Iterator[int]) -> Node:
    if isinstance(node, Leaf):
        return node._replace(number=next(numbers)) if node.kind == "part" else node
    return Row(tuple(_numbered(member, numbers) for member in node.members))


def moved(node: Node, offset: int) -> Node:
    """Return a division of a text that starts further behind."""
    if not offset:
        return node
    if isinstance(node, Leaf):
        return node._replace(start=node.start + offset, end=node.end + offset)
    return Row(tuple(moved(member, offset) for member in node.members))


def shown_of(node: Node, text: str, parts: Sequence[Span]) -> Node | None:
    """Cut a division to what is shown of a text, `None` if nothing of it is.

    Args:
        node: The division.
        text: The text.
        parts: The spans that are shown, in order.
    """
    if not isinstance(node, Leaf):
        found = (shown_of(member, text, parts) for member in node.members)
        members = tuple(member for member in found if member is not None)
        return Row(members) if members else None
    edges: list[int] = []
    for low, high in parts:
        start, end = max(low, node.start), min(high, node.end)
        piece = text[start:end] if start < end else ""
        if piece.strip():
            edges += [start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())]
    return node._replace(start=edges[0], end=edges[-1]) if edges else None


def pieces_of(node: Node, first: int) -> tuple[Piece, ...]:
    """Give ids to the parts of a division, and say what each of its leaves needs.

    Args:
        node: The division, with a part.
        first: The id of its first part; the others follow.
    """
    if isinstance(node, Row):
        found = [each for each in node.members if isinstance(each, Leaf) and each.kind == "part"]
        if len(found) == len(node.members):
            return tuple(_sentences(found, first))
    whole = (_extent(node, first).ids,)
    return tuple(_pieces(node, first, whole, whole, whole))


def _sentences(parts: Sequence[Leaf], first: int) -> Iterator[Piece]:
    """Yield the pieces of a row of parts: of prose, so of most chunks, and faster."""
    joint: tuple[range, ...] = (range(first, first + len(parts)),)
    for id_, (start, end, _, _) in enumerate(parts, first):
        own = range(id_, id_ + 1)
        yield Piece(start, end, id_, (own,), joint)
        joint = (range(first, id_ + 1), range(id_ + 1, id_ + 2))


def cut_pieces(pieces: Sequence[Piece]) -> list[Piece]:
    """Return what pieces need where the others of their chunk are not shown, a part among them."""
    ids = [each.sentence_id for each in pieces if each.sentence_id is not None]
    whole = range(ids[0], ids[-1] + 1)

    def within(needs: Sequence[range]) -> tuple[range, ...]:
        cut = (range(max(each.start, ids[0]), min(each.stop, whole.stop)) for each in needs)
        return tuple(each for each in cut if each) or (whole,)

    cut = [each._replace(needs=within(each.needs), joint=within(each.joint)) for each in pieces]
    return [cut[0]._replace(joint=(whole,)), *cut[1:]]


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


class _Extent(NamedTuple):
    """Which ids a node holds, and whether something of it stays in any case."""

    ids: range
    lasting: bool


def _extent(node: Node, first: int) -> _Extent:
    if isinstance(node, Leaf):
        return _Extent(range(first, first + node.removable), node.kind == "frame")
    stop, lasting = first, False
    for member in node.members:
        inner = _extent(member, stop)
        stop, lasting = inner.ids.stop, lasting or inner.lasting
    return _Extent(range(first, stop), lasting)


_Needs = tuple[range, ...]


def _pieces(node: Node, first: int, joint: _Needs, row: _Needs, whole: _Needs) -> Iterator[Piece]:
    """Yield the pieces of a node.

    Args:
        node: The node.
        first: The id of its first part.
        joint: What the text before it needs.
        row: What the row needs in which it stands.
        whole: What the chunk needs.
    """
    if isinstance(node, Leaf):
        own = node.removable
        needs = (range(first, first + 1),) if own else (row if node.kind == "heading" else whole)
        yield Piece(node.start, node.end, first if own else None, needs, joint)
        return
    own_extent = _extent(node, first)
    row = (own_extent.ids,) if own_extent.ids and not own_extent.lasting else whole
    lasting, start = False, first
    for place, member in enumerate(node.members):
        extent = _extent(member, start)
        if place:
            before = () if lasting or start == first else (range(first, start),)
            after = () if extent.lasting or not extent.ids else (extent.ids,)
            joint = (*before, *after) or whole
        yield from _pieces(member, start, joint, row, whole)
        lasting, start = lasting or extent.lasting, extent.ids.stop
