"""Text that Markdown readers show as it is.

Readers differ. Where all let a backslash escape a character it has one; the others are written as
character references, which Python-Markdown knows too. That is enough for what a reader parses, but
many look for addresses, names and shortcodes in the finished text, where no escape is left to see:
linkifiers, and GitHub for `@name`, `#12`, `:smile:` and e-mail addresses. There an invisible word
joiner (U+2060) parts the characters that make one.
"""

from __future__ import annotations

import re

from attribot_integrations.render.text import visible

__all__ = ["escape_characters", "escape_inline", "escape_line_starts", "escape_markdown"]

_JOINER = "\u2060"
_ADDRESS = r"""
    (?<=[^\W\d_]):(?=[^\s:])                        # https://, mailto:x
  | :(?=[\w+-]+:)                                   # :smile:
  | (?<=\S)\.(?=[^\W\d_]) | (?<=[^\W\d_])\.(?=\w)   # example.com, x.1.example
  | (?<=www)\.
  | (?<=\d)\.(?=\d{1,3}\.\d{1,3}\.\d)               # 127.0.0.1
  | @(?=\w) | \#(?=[^\s#]) | (?<=\bGH)-(?=\d)       # @name, a@b, #12, GH-12
  | /(?=/)                                          # //example.com
"""
_MARKUP = r"""
    [\\`*_\[\]{}<>&|~$^@]
  | =(?==) | (?<=[=)])= | \+(?=\+) | (?<=\+)\+ | %(?=%) | (?<=%)%    # ==marked==, %%hidden%%
"""
_INLINE = re.compile(f"(?P<address>{_ADDRESS})|{_MARKUP}", re.VERBOSE | re.IGNORECASE)
_LINE_START = re.compile(
    r"""^(?:
        (?P<mark>\# | [-+](?!\w) | -(?=-) | [=:%] | [!?](?=[!?]{2}))
      | (?P<number>\(?\d+ (?=[.)](?:\s|$)) | \(?(?:[a-z] | [ivxlcdm]+) (?=[.)][ \t]))
    )""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_LINE_BREAK = re.compile(r"(?<=[^\n])\n(?=[^\n])")
_NO_BREAK = "\u00a0"
_NAMED = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_BACKSLASH = frozenset("`*_[{}.#+-!")  # but no `]`: `\[…\]` is a formula to some
_PLAIN = frozenset("-/")  # of `GH-12` and `//`, where the joiner alone is enough


def escape_markdown(text: str) -> str:
    """Escape text so that Markdown shows it as it is, line by line."""
    return escape_line_starts(escape_inline(text))


def escape_inline(text: str) -> str:
    """Escape all that means something within a line."""
    return "".join(escape_characters(text))


def escape_characters(text: str) -> list[str]:
    """Return `[characters]` of a text, each escaped where it means something in its place."""
    characters = list(visible(text))
    for found in _INLINE.finditer("".join(characters)):  # each is one character
        characters[found.start()] = _escaped(found)
    return characters


def escape_line_starts(text: str) -> str:
    """Keep line breaks and indents, and keep lines from starting a list, heading or code block.

    Args:
        text: Text that is escaped within its lines.
    """
    lines = "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))
    lines = _INDENT.sub(lambda found: _NO_BREAK * len(found[0].expandtabs(4)), lines)
    return _LINE_BREAK.sub("  \n", _LINE_START.sub(_escaped_start, lines))


def _escaped(found: re.Match[str]) -> str:
    if found["address"] is None:
        return _character(found[0])
    return (found[0] if found[0] in _PLAIN else _character(found[0])) + _JOINER


def _escaped_start(found: re.Match[str]) -> str:
    # A number or letter is no punctuation: the mark behind it is escaped in its place.
    return f"{found[0]}\\" if found["number"] else _character(found[0])


def _character(character: str) -> str:
    if character in _BACKSLASH:
        return f"\\{character}"
    return _NAMED.get(character) or f"&#{ord(character)};"
