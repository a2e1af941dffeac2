"""Where a piece of text may begin and end: never inside a word, number, character or address.

Words and characters are those of Unicode (UAX #29), as the `regex` library finds them. What people
read as one thing although Unicode divides it is joined here: "non-smoker", "-5", "5%", "C++",
"ann@pier.org", "docs/guide.md", "https://…". Scripts that write no spaces between words may be cut
at any character.
"""

from __future__ import annotations

import regex

from attribot_integrations.context.sources import Span

__all__ = ["UNSPACED", "WHITE_SPACE", "is_part_of_name", "units"]

WHITE_SPACE = r"[\s\x1c-\x1f]"
"""What Python strips and splits at, as a pattern for `regex`."""

UNSPACED = "".join(
    rf"\p{{Script={name}}}" for name in ("Han", "Hiragana", "Thai", "Lao", "Khmer", "Myanmar")
)
"""Scripts without spaces between words, as the inside of a set of `regex`. Katakana is left to
Unicode, which keeps its words whole."""
_LETTER = rf"[\p{{L}}\p{{N}}--[{UNSPACED}\p{{Script=Katakana}}\p{{dt=circle}}]]"
# A word of Unicode, except that ":" and "_" end it: "Context:We" and "_We left_" are read apart.
_WORD = rf"{_LETTER}(?:(?![:_])\X)*?(?:\b|(?=[:_]))"
_HYPHEN = r"[\-\u2010-\u2013]"  # up to the en dash; an em dash stands between sentences
_JOINT = rf"(?:{_HYPHEN}|_++|:?[/\\]++|::|(?<=\p{{N}}):(?=\p{{N}})|[@&+.'\u2019~]|(?={_LETTER}))"
_AHEAD = "|".join(
    (
        rf"(?:{_HYPHEN}|[+\u2212\u00b1~]|\p{{Sc}}){{1,3}}+\.?(?=\p{{N}})",  # -5, -$5, -.5
        rf"[@#\p{{Sc}}](?={_LETTER})",  # @ann, #tag, $HOME
        rf"(?<![.\p{{L}}\p{{N}}])\.(?={_LETTER})",  # .5, .NET, but not "...We"
        rf"(?<![<\p{{L}}\p{{N}}])~?[/\\]{{1,2}}+(?={_LETTER})",  # /etc, \alpha, but not </b>
    )
)
_BEHIND = r"[+#%\u2030\u00b0\u2032\u2033]++|(?<=\p{N})\p{Sc}"  # C++, C#, 5%, 5°
_URL = r"[A-Za-z][A-Za-z0-9+.\-]{0,30}+://|(?:mailto|tel|urn|doi):(?=\w)|www\."
_IN_URL = r"[\p{L}\p{N}\p{M}\-._~:/?#\[\]@!$&'()*+,;=%]"
_ENDS_URL = r"[\p{L}\p{N}\p{M}\-_~/#&+=%@$]"
_UNIT = regex.compile(
    r"[A-Za-z]++(?=[ ,;)])"  # most words of most texts, only to be faster
    rf"|{WHITE_SPACE}++"
    rf"|(?=[A-Za-z])(?:{_URL})(?:{_IN_URL}*{_ENDS_URL})?"
    rf"|(?:{_AHEAD})?+{_WORD}(?:{_JOINT}{_WORD})*+(?:{_BEHIND})?+"
    r"|\p{Script=Katakana}\X*?\b"
    r"|\p{Regional_Indicator}{2}\p{M}*+"  # \X alone takes quadratic time over many flags
    r"|\X",
    regex.V1 | regex.WORD,
)


def units(text: str) -> list[Span]:
    """Divide a text into units, which no border cuts; every run of white space is one.

    Args:
        text: Any text.

    Returns:
        Spans that follow one another without a gap. The time is linear, whatever the text holds.
    """
    return [match.span() for match in _UNIT.finditer(text)]


def is_part_of_name(text: str, start: int, end: int) -> bool:
    """Tell whether "_" on a side of a place is part of a name and not Markdown's emphasis.

    `_We left_` is emphasis; `_private` and `__init__` are names.
    """
    before = text[start - 1 : start] == "_"
    behind = text[end : end + 1] == "_"
    return (before or behind) and not (before and behind and " " in text[start:end])
