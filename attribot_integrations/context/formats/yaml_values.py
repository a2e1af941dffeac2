"""YAML: one part for each entry, found by PyYAML, which builds no objects for that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from attribot_integrations.context.pieces import Leaf, Node, Row, leaves
from attribot_integrations.context.retrieved import Span

__all__ = ["front_matter", "looks_like_yaml", "yaml_value"]

_MOST: Final = 50_000
"""Characters of the longest text that is parsed, as that is slow."""
_DOCUMENT = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)
_FRONT = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.MULTILINE | re.DOTALL)
_KEY = re.compile(r"(?:[A-Za-z_][\w.\-]*|\"[^\"\n]*\"|'[^'\n]*'):(?:[ \t]|$)")
_NESTED = re.compile(r"^[\w.\-\"']+:[ \t]*\r?\n(?:[ \t]+\S|-[ \t])", re.MULTILINE)
_INNER = re.compile(r"[ \t]+\S|-[ \t]|#|$")


def looks_like_yaml(text: str) -> bool:
    """Tell whether a text is sure to be YAML: keys of one word, one of them with entries below."""
    lines = text.splitlines()
    if not _KEY.match(lines[0] if lines else "") or not _NESTED.search(text):
        return False
    keys = sum(bool(_KEY.match(line)) for line in lines)
    return keys > 1 and all(_KEY.match(line) or _INNER.match(line) for line in lines)


def yaml_value(text: str, start: int, end: int, depth: int = 1) -> Node | None:
    """Divide YAML by the entries of its mapping or sequence, or by its documents if it has several.

    Entries that share something, by an anchor, are one part with those between them.

    Args:
        text: The text that holds it.
        start: Where it starts.
        end: Where it ends.
        depth: How many levels are opened, documents among them; a mapping or sequence that is the
            only entry of another counts as one with it.

    Returns:
        The division, `None` if it is none.
    """
    piece = text[start:end]
    if len(piece) > _MOST:
        return None
    edges = [0, *(edge for found in _DOCUMENT.finditer(piece) for edge in found.span()), len(piece)]
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    try:
        roots = [(low, high, _root(piece[low:high])) for low, high in spans]
    except (ValueError, RecursionError):
        return None
    found = [each for each in roots if each[2] is not None]
    if not found or not all(_is_block(root) for _, _, root in found):
        return None
    inner = depth if len(found) == 1 else depth - 1
    nodes = [_document(piece[low:high], root, start + low, inner) for low, high, root in found]
    node = nodes[0] if len(nodes) == 1 else Row(tuple(nodes))
    return node if _in_order(node) else None


def front_matter(text: str, depth: int = 1) -> tuple[Span, Node] | None:
    """Find YAML between two lines of "---" at the start of a text, `None` if there is none.

    Args:
        text: The text.
        depth: As `yaml_value` takes it.

    Returns:
        Where it stands, and how it divides; the lines around it stay.
    """
    found = _FRONT.match(text)
    node = found and yaml_value(text, *found.span(1), depth)
    if not found or not node:
        return None
    inside = list(leaves(node))
    low, high = inside[0].start, inside[-1].end
    around = Leaf(0, low, "frame"), node, Leaf(high, len(found[0].rstrip()), "frame")
    return (0, around[2].end), Row(around)


def _root(piece: str) -> Any:
    """Return the root node of a document, `None` if it is empty.

    Raises:
        ValueError: If it is no YAML.
    """
    import yaml

    try:
        return yaml.compose(piece, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError("not YAML") from error


def _document(piece: str, root: Any, offset: int, depth: int) -> Node:
    span = len(piece) - len(piece.lstrip()), len(piece.rstrip())
    if not depth:
        return Leaf(offset + span[0], offset + span[1])
    return _entries(root, piece, offset, span, depth)


def _nodes(node: Any, seen: set[int]) -> set[int]:
    """Return the ids of a node and those inside it."""
    if id(node) not in seen:
        seen.add(id(node))
        for entry in () if node.id == "scalar" else node.value:
            for each in entry if isinstance(entry, tuple) else (entry,):
                _nodes(each, seen)
    return seen


def _groups(entries: Sequence[Any]) -> list[range]:
    """Return runs of entries between which nothing is shared."""
    held = [
        set[int]().union(
            *(_nodes(each, set()) for each in (entry if isinstance(entry, tuple) else (entry,)))
        )
        for entry in entries
    ]
    last = {id_: place for place, ids in enumerate(held) for id_ in ids}
    groups: list[range] = []
    start, stop = 0, 0
    for place, ids in enumerate(held):
        stop = max(stop, *(last[id_] for id_ in ids))
        if stop == place:
            groups.append(range(start, place + 1))
            start = place + 1
    return groups


def _is_block(node: Any) -> bool:
    kind = getattr(node, "id", None)
    return kind in ("mapping", "sequence") and not node.flow_style and bool(node.value)


def _entries(node: Any, piece: str, offset: int, span: Span, depth: int) -> Row:
    """Divide a mapping or sequence; what stands before its first entry is shown with it."""
    low, high = span
    starts = [_start(piece, low, entry, sequence=node.id == "sequence") for entry in node.value]
    edges = [starts[0], *(_with_comments(piece, low, place) for place in starts[1:]), high]
    groups = _groups(node.value)
    members: list[Node] = []
    for group in groups:
        start, following = edges[group.start], edges[group.stop]
        end = start + len(piece[start:following].rstrip())
        entry = node.value[group.start]
        value = entry[1] if isinstance(entry, tuple) else entry
        deeper = depth if len(groups) == 1 else depth - 1
        if deeper and len(group) == 1 and _is_block(value):
            members.append(_entries(value, piece, offset, (start, end), deeper))
        else:
            members.append(Leaf(offset + start, offset + end))
    if starts[0] == low:
        return Row(tuple(members))
    return Row((Leaf(offset + low, offset + starts[0], "frame"), Row(tuple(members))))


def _start(piece: str, low: int, entry: Any, *, sequence: bool) -> int:
    """Return where an entry starts, with the mark that stands before it."""
    place: int = (entry[0] if isinstance(entry, tuple) else entry).start_mark.index
    if sequence:
        return piece.rfind("-", low, place)
    before = piece[low:place].rstrip(" ")
    return low + len(before) - 1 if before.endswith("?") else place


def _with_comments(piece: str, low: int, place: int) -> int:
    """Return where the comments start that stand right above an entry, else its start."""
    line = piece.rfind("\n", low, place) + 1
    margin = piece[line:place]
    while line > low and not margin.strip():
        above = max(low, piece.rfind("\n", low, line - 1) + 1)
        if not piece.startswith(f"{margin}#", above):
            break
        line, place = above, above + len(margin)
    return place


def _in_order(node: Node) -> bool:
    found = list(leaves(node))
    return all(one.start < one.end <= other.start for one, other in pairwise(found)) and all(
        leaf.start < leaf.end for leaf in found
    )
