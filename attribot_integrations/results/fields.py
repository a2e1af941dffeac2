"""Answers that are JSON: the values of their fields, which are what they say.

Keys, quotation marks and brackets are the form that was asked for, and say nothing of the facts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import regex

from attribot_integrations.context.sources import Span, clean_text

__all__ = ["json_fields", "json_words"]

_LONGEST: Final = 200_000
"""Characters of the longest text that is read as JSON."""
_FENCE: Final = regex.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", regex.DOTALL | regex.IGNORECASE)
_VALUE: Final = regex.compile(
    r'"(?P<text>(?:[^"\\]|\\.)*+)"(?P<key>\s*:)?|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'
)
_ESCAPE: Final = regex.compile(
    r"\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|\\(?:u[0-9A-Fa-f]{4}|.)|[^\\]",
    regex.DOTALL,
)


def json_fields(text: str) -> tuple[Span, ...]:
    """Return where the values of a JSON object or list stand in a text.

    Texts without their quotation marks, and numbers, in order; none if the text is no JSON, or
    holds no text.

    Args:
        text: An answer; fences of code may stand around it.
    """
    fenced = _FENCE.fullmatch(text)
    low, high = fenced.span(1) if fenced else (0, len(text))
    bare = text[low:high].strip()
    if not (bare[:1] + bare[-1:] in ("{}", "[]") and len(bare) <= _LONGEST):
        return ()
    try:
        if not _holds_text(json.loads(bare)):
            return ()
    except (RecursionError, ValueError):
        return ()
    found = []
    for match in _VALUE.finditer(text, low, high):
        name = "number" if match["number"] is not None else "text"
        if match["key"] is None and match[name].strip():
            found.append(match.span(name))
    return tuple(found)


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


def _holds_text(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_text, value.values()))
    if isinstance(value, list):
        return any(map(_holds_text, value))
    return isinstance(value, str) and bool(value.strip())
