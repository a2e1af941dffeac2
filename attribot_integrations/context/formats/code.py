"""Program code: one part for each definition at the top, found by tree-sitter where it is there.

Grammars come with the extra `code`. For other languages, and where a grammar finds errors, code is
divided at blank lines before lines that are not indented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from attribot_integrations.context.pieces import Leaf, Node, Row
from attribot_integrations.context.retrieved import Span

if TYPE_CHECKING:
    from tree_sitter import Parser

__all__ = ["LANGUAGES", "code"]

LANGUAGES: Final = {
    "py": "python", "python": "python", "python3": "python",
    "js": "javascript", "jsx": "javascript", "mjs": "javascript", "javascript": "javascript",
    "ts": "typescript", "typescript": "typescript", "tsx": "tsx",
    "java": "java", "go": "go", "golang": "go", "rs": "rust", "rust": "rust",
    "c": "c", "h": "c", "cpp": "cpp", "c++": "cpp", "cc": "cpp", "hpp": "cpp",
    **dict.fromkeys(
        ("bash", "cs", "css", "dart", "erl", "ex", "exs", "groovy", "hs", "jl", "kt", "less", "lua",
         "ml", "php", "pl", "proto", "ps1", "r", "rb", "ruby", "scala", "scss", "sh", "sql",
         "swift", "tf", "zsh"), "",
    ),
}  # fmt: skip
"""Names of grammars of the extra `code` by the endings and names that languages go by; empty for
languages without one."""

_JOINED: Final = {"comment", "line_comment", "block_comment", "attribute_item", "decorator"}
"""What belongs to the definition below it."""
_SMALL: Final = re.compile(r"import|include|use_|package|expression|assignment|global|const")
"""Statements that stand together unless a blank line divides them."""
_BREAK = re.compile(r"\n(?:[ \t]*\r?\n)+(?=[^\s)\]}#/*])")


def code(text: str, start: int, end: int, language: str) -> Node | None:
    """Divide code by its definitions, `None` if it is only one.

    Args:
        text: The text that holds it.
        start: Where it starts.
        end: Where it ends.
        language: The name of its language or the ending of its file, in lower case.
    """
    piece = text[start:end]
    spans = _definitions(piece, LANGUAGES.get(language, "")) or list(_paragraphs(piece))
    if len(spans) < 2:
        return None
    return Row(tuple(Leaf(start + low, start + high) for low, high in spans))


def _paragraphs(piece: str) -> Iterator[Span]:
    done = 0
    for edge in (*(found.end() for found in _BREAK.finditer(piece)), len(piece)):
        part = piece[done:edge]
        if part.strip():
            yield done + len(part) - len(part.lstrip()), done + len(part.rstrip())
        done = edge


def _definitions(piece: str, grammar: str) -> list[Span]:
    """Return the spans of definitions and of runs of small statements; none if it has errors."""
    parser = _parser(grammar) if grammar else None
    if parser is None:
        return []
    data = piece.encode("utf-8", "replace")
    root = parser.parse(data).root_node
    if root.has_error:
        return []
    spans: list[Span] = []
    joined = False
    place, at = 0, 0
    for child in root.children:
        if child.start_byte == child.end_byte:
            continue
        place, at = place + len(data[at : child.start_byte].decode()), child.start_byte
        low = place
        place, at = place + len(data[at : child.end_byte].decode()), child.end_byte
        high = low + len(piece[low:place].rstrip())
        gap = piece[spans[-1][1] : low] if spans else ""
        small = bool(_SMALL.match(child.type))
        close = gap.count("\n") < 2
        if spans and (not gap.strip()) and close and (joined or not gap.count("\n") or small):
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
        joined = child.type in _JOINED
    return spans


@cache
def _parser(grammar: str) -> Parser | None:
    """Return the parser of a grammar, `None` if the extra is not installed."""
    module = "typescript" if grammar == "tsx" else grammar
    name = f"language_{grammar}" if module == "typescript" else "language"
    try:
        from tree_sitter import Language, Parser

        found: Any = import_module(f"tree_sitter_{module}")
    except ImportError:
        return None
    return Parser(Language(getattr(found, name)()))
