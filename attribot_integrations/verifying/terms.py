"""Texts as terms that can be compared: stems of words, numbers, and pairs of unspaced characters.

Words end where Unicode's default rules say (UAX #29), which keep "3.5", "1,000" and "can't" whole.
Scripts that are written without spaces have no words by those rules, so each two neighbouring
characters are a term. Stems are those of the Snowball project.
"""

from __future__ import annotations

import threading
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

import regex
import snowballstemmer

from attribot_integrations.errors import ConfigurationError

__all__ = ["Term", "check_language", "find_terms", "is_number"]

_UNSPACED: Final = r"[\p{Line_Break=Complex_Context}\p{Han}\p{Hiragana}\p{Katakana}\u30FC]"
_TERM: Final = regex.compile(
    rf"(?P<unspaced>{_UNSPACED}+)"
    rf"|\b(?!{_UNSPACED})[\p{{L}}\p{{M}}\p{{N}}](?:(?!{_UNSPACED}).)*?\b",
    regex.WORD | regex.V1,
)
_NOT_GROUPED: Final = regex.compile(r",(?=\d{4})")
"""A comma between two cells of a row, such as "Voyager 2,1977": no four digits are a group."""
_CACHED: Final = 65_536
"""Stems that are kept."""


class Term(NamedTuple):
    """One term of a text."""

    key: str
    """What it is compared by."""
    telling: bool
    """Whether it is a number or, by its capital inside a sentence, a name: what a statement must
    not get wrong."""


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str:  # noqa: N802
        ...


def check_language(language: str | None) -> None:
    """Make sure that there is a stemmer.

    Args:
        language: A language of the Snowball project, such as "english"; `None` for none.

    Raises:
        ConfigurationError: If there is none for it.
    """
    known = snowballstemmer.algorithms()
    if language is not None and language not in known:
        raise ConfigurationError(
            f"language must be None or one of {', '.join(sorted(known))}, got {language!r}"
        )


def find_terms(text: str, language: str | None) -> list[Term]:
    """Return the terms of a text, in order.

    Args:
        text: The text.
        language: A language that `check_language` accepts; words of other scripts stay as they are.
    """
    plain = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    found: list[Term] = []
    for match in _TERM.finditer(plain):
        word = match[0]
        if match["unspaced"]:
            pairs = [word[place : place + 2] for place in range(len(word) - 1)]
            found += [Term(pair, False) for pair in pairs or [word]]
        elif is_number(word):
            found += [Term(_number(one), True) for one in _NOT_GROUPED.split(word)]
        else:
            found.append(Term(_stem(word.casefold(), language), bool(found) and word[0].isupper()))
    return found


def is_number(word: str) -> bool:
    """Tell whether a word, or a term's key, has a digit."""
    return any(map(str.isdecimal, word))


def _number(word: str) -> str:
    """Write a number such that 1,000 and 1000 are the same, and so are digits of all scripts."""
    digits = [str(unicodedata.decimal(one)) if one.isdecimal() else one for one in word]
    return "".join(digits).replace(",", "").casefold()


@lru_cache(_CACHED)
def _stem(word: str, language: str | None) -> str:
    bare = word.replace(".", "")  # U.S. and US
    return bare if language is None else _stemmer(language).stemWord(bare)


_local = threading.local()


def _stemmer(language: str) -> _Stemmer:
    """Return this thread's own stemmer, for they hold the word that they work on."""
    kept: dict[str, _Stemmer] = _local.__dict__.setdefault("stemmers", {})
    if language not in kept:
        kept[language] = snowballstemmer.stemmer(language)
    return kept[language]
