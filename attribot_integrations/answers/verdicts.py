"""Telling what graders and routers write from answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import regex

__all__ = ["is_verdict"]

_WORDS: Final = regex.compile(
    r"\W*(?:(?:score|grade|rating|verdict|binary_score)\W*)?"
    r"(?:yes|no|true|false|pass(?:ed)?|fail(?:ed)?|ok|(?:in)?correct|ambiguous|irrelevant"
    r"|(?:not |un)?(?:relevant|grounded|supported|useful)|-?\d+(?:\.\d+)?(?:\s*/\s*\d+)?)\W*",
    regex.IGNORECASE,
)
_KEYS: Final = regex.compile(
    r"score|grade|rating|verdict|relevan|binary|grounded", regex.IGNORECASE
)
_LONGEST: Final = 4_000
"""Characters of the longest text that may be a verdict's JSON."""


def is_verdict(text: str | None) -> bool:
    """Whether a text is a grade or a choice rather than prose: `yes`, `3/5`, `{"score": "no"}`."""
    if text is None:
        return False
    if _WORDS.fullmatch(text):
        return True
    bare = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    if len(bare) > _LONGEST or bare[:1] not in ("{", "["):
        return False
    try:
        return _is_graded(json.loads(bare))
    except ValueError:
        return False


def _is_graded(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(map(_is_graded, value))
    if not isinstance(value, Mapping) or not value:
        return False
    if any(_KEYS.search(str(key)) for key in value):
        return True
    return all(
        isinstance(item, bool | int | float) or (isinstance(item, str) and _WORDS.fullmatch(item))
        for item in value.values()
    )
