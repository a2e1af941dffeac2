"""YAML: one part for each entry, found by PyYAML, which builds no objects for that."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Final

from attribot_integrations.context.pieces import Leaf, Node, Row

__all__ = ["looks_like_yaml", "yaml_value"]

_MOST: Final = 50_000
"""Characters of the longest text that is parsed, as that is slow."""
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
    """Divide a YAML mapping or sequence by its entries, `None` if it is none.

    One whose entries share something, by an anchor, is not divided.

    Args:
        text: The text that holds it.
        start: Where it starts.
        end: Where it ends.
        depth: How many levels of mappings and sequences are opened; one that is the only entry
            of another counts as one with it.
    """
    import yaml

    piece = text[start:end]
    if len(piece) > _MOST:
        return None
    try:
        root = yaml.compose(piece, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    if not _is_block(root) or _shares(root, set()):
        return None
    node = _entries(root, piece, start, (0, len(piece.rstrip())), depth)
    return node if _in_order(node) else None


def _shares(node: Any, seen: set[int]) -> bool:
    """Tell whether some node stands in several places."""
    if id(node) in seen:
        return True
    seen.add(id(node))
    if node.id == "scalar":
        return False
    inner = [
        each for entry in node.value for each in (entry if isinstance(entry, tuple) else [entry])
    ]
    return any(_shares(each, seen) for each in inner)


def _is_block(node: Any) -> bool:
    kind = getattr(node, "id", None)
    return kind in ("mapping", "sequence") and not node.flow_style and bool(node.value)


def _entries(node: Any, piece: str, offset: int, span: tuple[int, int], depth: int) -> Row:
    """Divide a mapping or sequence; what stands before its first entry is shown with it."""
    low, high = span
    starts: list[int] = []
    for entry in node.value:
        first = entry[0] if isinstance(entry, tuple) else entry
        place = first.start_mark.index
        if node.id == "sequence":
            place = piece.rfind("-", low, place)
        starts.append(place)
    members: list[Node] = []
    edges = [*starts, high]
    for entry, (start, following) in zip(node.value, pairwise(edges), strict=True):
        end = start + len(piece[start:following].rstrip())
        value = entry[1] if isinstance(entry, tuple) else entry
        deeper = depth if len(starts) == 1 else depth - 1
        if deeper and _is_block(value):
            members.append(_entries(value, piece, offset, (start, end), deeper))
        else:
            members.append(Leaf(offset + start, offset + end))
    if starts[0] == low:
        return Row(tuple(members))
    return Row((Leaf(offset + low, offset + starts[0], "frame"), Row(tuple(members))))


def _in_order(node: Node) -> bool:
    from attribot_integrations.context.pieces import leaves

    found = list(leaves(node))
    return all(one.start < one.end <= other.start for one, other in pairwise(found)) and all(
        leaf.start < leaf.end for leaf in found
    )
