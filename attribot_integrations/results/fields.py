"""Answers that are JSON: the values of their fields, which are what they say.

Keys, quotation marks and brackets are the form that was asked for, and say nothing of the facts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

import regex

from attribot_integrations.context.sources import Span, clean_text

__all__ = ["json_fields", "json_path", "json_words"]

_LONGEST: Final = 200_000
"""Characters of the longest text that is read as JSON."""
_FENCE: Final = regex.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", regex.DOTALL | regex.IGNORECASE)
_TOKEN: Final = regex.compile(
    r'"(?P<text>(?:[^"\\]|\\.)*+)"(?P<key>\s*:)?|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'
    r"|(?P<mark>[{}\[\],])"
)
_SHORT: Final = regex.compile(
    r"[A-Za-z_\x80-\uD7FF\uE000-\U0010FFFF]"
    r"[0-9A-Za-z_\x80-\uD7FF\uE000-\U0010FFFF]*"
)
"""Names that JSONPath writes behind a dot."""
_ESCAPE: Final = regex.compile(
    r"\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|\\(?:u[0-9A-Fa-f]{4}|.)|[^\\]",
    regex.DOTALL,
)


def json_fields(text: str) -> dict[Span, str]:
    """Return where the values of a JSON object or list stand in a text, each with its path.

    Texts without their quotation marks, and numbers, in order; none if the text is no JSON, or
    holds neither. A list needs to hold a text: "[2]" may be a mark. Paths are JSONPath (RFC 9535),
    such as `$.people[0].name`.

    Args:
        text: An answer; fences of code may stand around it.
    """
    fenced = _FENCE.fullmatch(text)
    low, high = fenced.span(1) if fenced else (0, len(text))
    bare = text[low:high].strip()
    if not (bare[:1] + bare[-1:] in ("{}", "[]") and len(bare) <= _LONGEST):
        return {}
    try:
        value = json.loads(bare)
        if not (_holds(value, str) or (isinstance(value, dict) and _holds(value, int, float))):
            return {}
    except (RecursionError, ValueError):
        return {}
    return dict(_values(text, low, high))


def _values(text: str, low: int, high: int) -> Iterator[tuple[Span, str]]:
    """Yield the span and the path of each value in a text that is known to be JSON."""
    way: list[str | int] = []  # the key or the place at each level
    for match in _TOKEN.finditer(text, low, high):
        mark = match["mark"]
        if mark is None and match["key"] is not None:
            way[-1] = str(json.loads(f'"{match["text"]}"', strict=False))
        elif mark is None:
            span = match.span("number" if match["number"] is not None else "text")
            if text[slice(*span)].strip():
                yield span, json_path(way)
        elif mark in "{[":
            way.append("" if mark == "{" else 0)
        elif mark in "}]":
            way.pop()
        elif isinstance(place := way[-1], int):
            way[-1] = place + 1


def json_path(way: Iterable[str | int]) -> str:
    """Return a path through objects and lists as JSONPath (RFC 9535).

    Args:
        way: Keys and places, from the outside in.
    """
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else _named(step) for step in way)


def _named(key: str) -> str:
    if _SHORT.fullmatch(key):
        return f".{key}"
    quoted = json.dumps(clean_text(key), ensure_ascii=False)[1:-1]
    return "['{}']".format(quoted.replace('\\"', '"').replace("'", "\\'"))


def json_words(text: str, span: Span) -> Iterator[tuple[int, str]]:
    """Yield the characters of a field's value, escapes undone, each with its place in the text."""
    for match in _ESCAPE.finditer(text, *span):
        written = match[0]
        if written[0] != "\\":
            yield match.start(), written
            continue
        try:
            shown = str(json.loads(f'"{written}"'))
        except ValueError:
            shown = written[1:]
        yield match.start(), clean_text(shown)


def _holds(value: object, *types: type) -> bool:
    """Tell whether a value is of some types, and not blank, or holds one that is."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return any(_holds(each, *types) for each in inner)
    if isinstance(value, bool) or not isinstance(value, types):
        return False
    return not isinstance(value, str) or bool(value.strip())
