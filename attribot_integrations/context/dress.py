"""The ways in which a formatter may show a text, undone step by step.

What a prompt shows is decoded (HTML entities, the escapes of Python and JSON), then folded; what is
looked for is only folded. Two texts are the same where their folded forms are equal. A fold that
loses something that could matter asks for longer texts.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import regex

from attribot_integrations.context.borders import UNSPACED, WHITE_SPACE
from attribot_integrations.context.layers import Layer

__all__ = ["EXACT", "FOLDS", "Dress", "Fold", "decoded", "may_cut_path"]

Dress = Literal["exact", "normalized", "reformatted", "escaped"]
"""How a prompt shows a text.

`exact`: as it is, white space aside. `normalized`: with other quotation marks, invisible characters
or another Unicode form. `reformatted`: with quote or list marks, numbers before its lines, hyphens
mended, or compatibility characters replaced. `escaped`: with escapes of HTML, JSON or Python.
"""

_Match = regex.Match[str]

_SPACE = regex.compile(rf"(?:[\s\x1c-\x1f--\ ]| (?={WHITE_SPACE})){WHITE_SPACE}*+", regex.V1)
_INVISIBLE = regex.compile(
    r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]++"
)
_MARKED = regex.compile(r"\p{M}")
_COMPOSED = regex.compile(r"[\u1100-\u11ff]++|\P{ASCII}")
_CLUSTER = regex.compile(r"\p{ASCII}\p{M}++|[\u1100-\u11ff]++|\P{ASCII}\p{M}*+")
_QUOTES = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\u00b4`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
    }
)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
_LINE = r"(?:^|(?<=[\n\r\v\f\x85\u2028\u2029]))"
_MARK = r"(?:>++|[\-*+\u2022\u2023\u25aa\u25cf\u25e6\u2013\u2014|]|\#{1,6}|//)(?:[ \t]++|$)|>++"
_NUMBER = r"(?:\d{1,4}(?:[.):]|[ \t]*+\|)[ \t]++|\[\d{1,4}\][ \t]++|\d{1,4}\t)"
_MARKS = regex.compile(rf"{_LINE}[ \t]*+(?:{_MARK}[ \t]*+)+", regex.V1)
_NUMBERED = regex.compile(rf"{_LINE}[ \t]*+(?:(?:{_MARK})[ \t]*+)*+{_NUMBER}", regex.V1)
_HYPHEN = regex.compile(rf"(?<=\p{{L}})[\-\u2010\u2011]{WHITE_SPACE}*+(?=\p{{L}})")
# Lines of scripts without spaces, joined or wrapped.
_WRAPPED = regex.compile(
    rf"(?<=[{UNSPACED}\p{{Script=Katakana}}\u3000-\u303f\uff00-\uff0f]){WHITE_SPACE}++"
    rf"(?=[{UNSPACED}\p{{Script=Katakana}}\u3000-\u303f\uff00-\uff0f])",
    regex.V1,
)
_ENTITY = regex.compile(
    r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});|<br\s{0,3}/?>"
)
# "docs\new" may be a path, unless other escapes cannot be anything else.
_IN_PATH = regex.compile(r"(?<=[\p{L}\p{N}])\\[nrtfbv](?=\p{Ll})")
_ESCAPED = regex.compile(
    r"[.,;!?)\]\"'\u2019\u201d\u3002]\\[nrt]|\\[nrt](?!\p{Ll})|\\[\"']"
    r"|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}"
)
# "C:\new" is a path; a line break before a capital letter is the better guess in "B:\nThe".
_ESCAPE = regex.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]:\\(?!\\|n\P{Ll})[^\s\"']{0,300}+(*SKIP)(*FAIL)"
    r"|\\(?:u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}"
    r"|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[nrtfbv\"'\\/])"
)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "b": "\b", "v": "\v"}


@dataclass(frozen=True)
class Fold:
    """A way to write texts so that differences of form are gone."""

    dress: Dress
    least: int
    """UTF-8 bytes that a text needs to be looked for in this form: a character of Chinese, which
    has three, says as much as some letters of Latin."""
    of_needle: Callable[[Layer], Layer]
    of_prompt: Callable[[Layer], Layer]


def spaced(layer: Layer) -> Layer:
    """Write every run of white space as one space."""
    return layer.rewritten(_SPACE, lambda _: " ")


def normalized(layer: Layer) -> Layer:
    """Drop invisible characters, compose accents and straighten quotation marks."""
    return spaced(_composed(_plain(layer), "NFC"))


def reformatted(layer: Layer) -> Layer:
    """Drop quote and list marks before lines and hyphens in words, replace what NFKC replaces."""
    layer = _plain(layer).rewritten(_MARKS, lambda _: "").rewritten(_HYPHEN, lambda _: "")
    if not layer.text.isascii():
        layer = layer.rewritten(_WRAPPED, lambda _: "")
    return spaced(_composed(layer, "NFKC").translated(_DASHES))


def unnumbered(layer: Layer) -> Layer:
    """Drop numbers before lines too: a formatter may add them, never change them."""
    return reformatted(layer.rewritten(_NUMBERED, lambda _: ""))


EXACT = Fold("exact", 1, spaced, spaced)
FOLDS = (
    EXACT,
    Fold("normalized", 4, normalized, normalized),
    Fold("reformatted", 16, reformatted, reformatted),
    Fold("reformatted", 16, reformatted, unnumbered),
)
"""In the order in which they are tried."""


def decoded(layers: tuple[Layer, ...]) -> Iterator[tuple[Layer, ...]]:
    """Yield the texts of a prompt as they are, then with up to two layers of escapes undone."""
    seen = {tuple(layer.text for layer in layers)}
    level = [layers]
    yield layers
    for _ in range(2):
        following: list[tuple[Layer, ...]] = []
        for each in level:
            for decode in (_without_entities, _without_escapes):
                made = tuple(map(decode, each))
                texts = tuple(layer.text for layer in made)
                if texts not in seen:
                    seen.add(texts)
                    following.append(made)
                    yield made
        level = following


def may_cut_path(text: str, start: int, end: int) -> bool:
    """Tell whether what an escape seems to end or begin may as well be part of a path."""
    edges = (_IN_PATH.match(text, end), _IN_PATH.match(text, max(0, start - 2)))
    return any(edges) and _ESCAPED.search(text) is None


def _without_entities(layer: Layer) -> Layer:
    def write(match: _Match) -> str:
        return "\n" if match[0][0] == "<" else html.unescape(match[0])

    return layer.rewritten(_ENTITY, write)


def _without_escapes(layer: Layer) -> Layer:
    if "\\" not in layer.text:
        return layer
    return layer.rewritten(_ESCAPE, lambda match: _unescaped(match[0][1:]))


def _unescaped(code: str) -> str:
    if code[0] not in "uUx":
        return _LETTERS.get(code, code)
    if len(code) == 11:  # a pair of surrogates
        return (
            (f"{chr(int(code[1:5], 16))}{chr(int(code[7:], 16))}")
            .encode("utf-16", "surrogatepass")
            .decode("utf-16")
        )
    number = int(code[1:], 16)
    return "\ufffd" if 0xD800 <= number < 0xE000 or number > 0x10FFFF else chr(number)


def _plain(layer: Layer) -> Layer:
    if not layer.text.isascii():
        layer = layer.rewritten(_INVISIBLE, lambda _: "")
    return layer.translated(_QUOTES)


def _composed(layer: Layer, form: Literal["NFC", "NFKC"]) -> Layer:
    if unicodedata.is_normalized(form, layer.text):
        return layer
    pattern = _CLUSTER if _MARKED.search(layer.text) else _COMPOSED
    return layer.rewritten(pattern, lambda match: unicodedata.normalize(form, match[0]))
