"""An attribution as Markdown.

Whatever comes from the answer or a chunk is escaped, so that it shows as the text it is: it makes
no link, image, HTML or heading. The only links are the `http` and `https` addresses of chunks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from attribot_integrations.context.links import web_link
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.marks import Mark, cited_sources, marked_answer
from attribot_integrations.render.text import one_line, visible

if TYPE_CHECKING:
    from attribot_integrations.render.marks import Passage
    from attribot_integrations.results import Attribution

__all__ = ["MarkdownStyle", "cited_markdown"]

MarkdownStyle = Literal["list", "footnotes"]
"""How citations are written.

`list`: `[1]`, and a list of sources below, which every reader shows alike. `footnotes`: `[^1]` with
the sources as footnotes, for readers that know them (GitHub, Obsidian, Pandoc).
"""

_STYLES = ("list", "footnotes")
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~$&]")
# Bare addresses, which GitHub and others turn into links; text should not make any.
_BARE_ADDRESS = re.compile(r"(?<=\w):(?=//)|(?<=\bwww)\.", re.IGNORECASE)
_BLOCK_START = re.compile(r"^(#|[-+=](?!\w)|[-=]{2,}|\d{1,9}(?=[.)]))", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_SOFT_BREAK = re.compile(r"(?<=[^\n])\n(?=[^\n])")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_NO_BREAK = "\u00a0"
_IN_ADDRESS = {ord(one): f"%{ord(one):02X}" for one in '<>[]`"^{}|\\'} | {ord("&"): "&amp;"}


def cited_markdown(
    attribution: Attribution, *, style: MarkdownStyle = "list", keep_markup: bool = False
) -> str:
    """Return the answer with numbered citations, and the cited chunks with quotations below.

    Sources that say the same are written "[1] or [3]". A statement that is labelled other than
    `supported` has its label behind it, in italics.

    Args:
        attribution: What to show.
        style: How citations are written.
        keep_markup: Whether the answer's own Markdown is kept. Its links and HTML are kept with it,
            so only for readers that clean what they show. Chunks are always escaped.

    Raises:
        ConfigurationError: If there is no such style.
    """
    if style not in _STYLES:
        raise ConfigurationError(f"style must be one of {list(_STYLES)}, got {style!r}")
    marked = marked_answer(attribution)
    parts: list[str] = []
    for passage in marked.passages:
        parts.append(visible(passage.before) if keep_markup else _escaped(passage.before))
        text = visible(passage.text) if keep_markup else _escaped(passage.text)
        parts.append(_with_notes(text, _notes(passage, style), keep_markup))
    parts.append(visible(marked.tail) if keep_markup else _escaped(marked.tail))
    answer = "".join(parts)
    sources = _sources(attribution, style)
    return "\n\n".join([answer if keep_markup else _as_paragraphs(answer), *sources])


def _escaped(text: str) -> str:
    escaped = _SPECIAL.sub(lambda found: "\\" + found[0], visible(text))
    return _BARE_ADDRESS.sub(lambda found: "\\" + found[0], escaped)


def _as_paragraphs(text: str) -> str:
    """Keep line breaks and indents, and keep lines from starting a list, heading or code block."""
    lines = "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))
    lines = _INDENT.sub(lambda found: _NO_BREAK * len(found[0].expandtabs(4)), lines)
    lines = _BLOCK_START.sub(_escaped_start, lines)
    return _SOFT_BREAK.sub("\\\\\n", lines)


def _escaped_start(found: re.Match[str]) -> str:
    # A number is no punctuation: the mark behind it is escaped in its place.
    return found[0] + "\\" if found[0][0].isdigit() else "\\" + found[0]


def _notes(passage: Passage, style: MarkdownStyle) -> str:
    notes = [_mark(mark, style) for mark in passage.marks]
    notes += [f"*({passage.doubt})*"] if passage.doubt else []
    return " ".join(notes)


def _mark(mark: Mark, style: MarkdownStyle) -> str:
    return " or ".join(_number(number, style) for number in mark.numbers)


def _number(number: int, style: MarkdownStyle) -> str:
    return f"[^{number}]" if style == "footnotes" else f"\\[{number}\\]"


def _with_notes(text: str, notes: str, keep_markup: bool) -> str:
    """Put notes behind a statement, but not where they would break a code block or a table row."""
    fence = _FENCE.match(text) if keep_markup else None
    if fence and not text[fence.end() :].endswith(fence[1]):
        text += f"\n{fence[1]}"  # a code block that was cut off would swallow the sources
    if not notes:
        return text
    if fence:
        return f"{text}\n\n{notes}"
    if keep_markup and text.startswith("|") and text.endswith("|"):
        return f"{text[:-1].rstrip()} {notes} |"
    return f"{text} {notes}"


def _sources(attribution: Attribution, style: MarkdownStyle) -> list[str]:
    quotes: dict[int, list[str]] = {}
    chunks: dict[int, int] = {}
    for each in cited_sources(attribution):
        chunks.setdefault(each.number, each.chunk_index)
        quote = f"“{_escaped(one_line(each.text))}”"
        if quote not in quotes.setdefault(each.number, []):
            quotes[each.number].append(quote)
    lines = [
        _source(attribution, number, index, " … ".join(quotes[number]), style)
        for number, index in chunks.items()
    ]
    if style == "footnotes":
        return lines
    return ["**Sources**", "\n".join(lines)] if lines else []


def _source(
    attribution: Attribution, number: int, chunk_index: int, quote: str, style: MarkdownStyle
) -> str:
    chunk = attribution.chunks[chunk_index]
    name = _BLOCK_START.sub(_escaped_start, _escaped(chunk_name(chunk, chunk_index)))
    link = web_link(chunk.metadata)
    if link:
        name = f"[{name}](<{link.translate(_IN_ADDRESS)}>)"
    start = f"[^{number}]:" if style == "footnotes" else f"- \\[{number}\\]"
    return f"{start} {name}: {quote}"
