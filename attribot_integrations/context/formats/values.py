"""JSON, JSON lines and Python's literals: one part for each member.

Members are found by the parsers of the standard library, which say where each value ends.
"""

from __future__ import annotations

import io
import json
import re
import tokenize
from collections.abc import Iterator, Sequence

from attribot_integrations.context.pieces import Leaf, Node, Row
from attribot_integrations.context.retrieved import Span

__all__ = ["json_lines", "json_value", "literal", "members"]

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_CONSTANTS = {"None", "True", "False", "null", "true", "false", "nan", "inf"}
_NUMBER = re.compile(r"[-+]?[0-9.][0-9.eE+-]*")
_OPEN, _CLOSE = "([{", ")]}"


def members(start: int, parts: Sequence[Node], inner: Span, end: int) -> Node:
    """Put members between what opens and what closes them, which stays.

    Args:
        start: Where it opens.
        parts: The members.
        inner: Where the first of them starts and the last ends.
        end: Behind what closes it.
    """
    return Row((Leaf(start, inner[0], "frame"), Row(tuple(parts)), Leaf(inner[1], end, "frame")))


def json_value(text: str, start: int, end: int, depth: int = 1) -> Node | None:
    """Divide a JSON object or array by its members, `None` if it is none or is empty.

    Args:
        text: The text that holds it.
        start: Where it starts, white space before it allowed.
        end: Where it ends, likewise.
        depth: How many levels of objects and arrays are opened. One that is the only member of
            another, as in `{"results": […]}`, counts as one with it.
    """
    first = _skip(text, start)
    try:
        value, stop = _DECODER.raw_decode(text, first)
        if text[stop:end].strip() or stop > end or not _opens(value):
            return None
        return _container(text, first, first, depth)
    except (ValueError, RecursionError):
        return None


def json_lines(text: str, spans: Sequence[Span]) -> Node | None:
    """Divide lines each of which is a JSON object or array; `None` if one is not, or is alone.

    The last one may have been cut off.
    """
    for start, end in spans:
        try:
            value, stop = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            if start == spans[-1][0] and text[start] in "{[" and text[end - 1] not in "}]":
                break
            return None
        if stop != end or not isinstance(value, dict | list):
            return None
    return Row(tuple(Leaf(*span) for span in spans)) if len(spans) > 1 else None


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _opens(value: object) -> bool:
    """Tell whether a value is divided: one with members, that is no row of numbers."""
    if isinstance(value, list):
        return any(not isinstance(each, int | float) for each in value)
    return isinstance(value, dict) and bool(value)


def _container(text: str, start: int, opening: int, depth: int) -> Node:
    """Divide a container whose bracket is at `opening`; what is before it is shown with it."""
    found = list(_values(text, opening))
    parts: list[Node] = []
    for low, at, high, value in found:
        deeper = depth if len(found) == 1 else depth - 1
        if deeper and _opens(value):
            parts.append(_container(text, low, at, deeper))
        else:
            parts.append(Leaf(low, high))
    low, high = found[0][0], found[-1][2]
    return members(start, parts, (low, high), _skip(text, high) + 1)


def _values(text: str, opening: int) -> Iterator[tuple[int, int, int, object]]:
    """Yield where each member starts, where its value starts and ends, and the value."""
    place = _skip(text, opening + 1)
    while True:
        start = place
        value, stop = _DECODER.raw_decode(text, place)
        if text[opening] == "{":
            place = _skip(text, _skip(text, stop) + 1)
            value, stop = _DECODER.raw_decode(text, place)
        yield start, place, stop, value
        place = _skip(text, stop)
        if text[place] != ",":
            return
        place = _skip(text, place + 1)


def literal(text: str, start: int, end: int) -> Node | None:
    """Divide a list, tuple, set or dict as Python writes it, such as the rows of a SQL query.

    `None` if it is none, is empty or a row of numbers, or holds more than literals and calls such
    as `Decimal('1.5')`.
    """
    piece = text[start:end].strip()
    if piece[:1] not in _OPEN or not piece or piece[-1] not in _CLOSE:
        return None
    first = text.index(piece, start)
    try:
        spans = _literal_members(piece)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
    if not spans or all(_NUMBER.fullmatch(piece[low:high]) for low, high in spans):
        return None
    inner = (first + spans[0][0], first + spans[-1][1])
    parts = [Leaf(first + low, first + high) for low, high in spans]
    return members(first, parts, inner, first + len(piece))


def _literal_members(piece: str) -> list[Span]:
    """Return the spans between the commas of the outer brackets.

    Raises:
        ValueError: If it is no literal.
    """
    lines = [0]
    for line in io.StringIO(piece):
        lines.append(lines[-1] + len(line))
    spans: list[Span] = []
    stack: list[str] = []
    edges: list[int] = []
    done = False
    for token in tokenize.generate_tokens(io.StringIO(piece).readline):
        if token.type in (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER):
            continue
        start, end = (lines[row - 1] + column for row, column in (token.start, token.end))
        text = token.string
        if done or not _is_literal(token, piece[end:]):
            raise ValueError("not a literal")
        closes = text in _CLOSE and token.type == tokenize.OP
        if closes and (not stack or _OPEN.index(stack.pop()) != _CLOSE.index(text)):
            raise ValueError("brackets that do not match")
        if len(stack) == 1 and text == ",":
            if not edges:
                raise ValueError("a comma behind nothing")
            spans.append((edges[0], edges[-1]))
            edges = []
        elif stack:
            edges += [start, end]
        if closes and not stack:
            done = True
            spans += [(edges[0], edges[-1])] if edges else []
        if text in _OPEN and token.type == tokenize.OP:
            stack.append(text)
    if not done:
        raise ValueError("not closed")
    return spans


def _is_literal(token: tokenize.TokenInfo, rest: str) -> bool:
    if token.type == tokenize.NAME:
        return token.string in _CONSTANTS or rest.startswith(("(", ".", "="))
    if token.type == tokenize.OP:
        return token.string in {*_OPEN, *_CLOSE, ",", ":", "-", "+", ".", "="}
    return token.type in (tokenize.STRING, tokenize.NUMBER)
