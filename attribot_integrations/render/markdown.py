"""An attribution as Markdown.

Whatever comes from the answer or a chunk is escaped, so that it shows as the text it is: it makes
no link, image, HTML or heading. The only links are the `http` and `https` addresses of chunks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from attribot_integrations.context.links import cited_link
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.escaping import (
    escape_characters,
    escape_inline,
    escape_line_starts,
    escape_markdown,
)
from attribot_integrations.render.evidence import basis_words, carried_lines, evidence
from attribot_integrations.render.marks import Mark, cited_sources, marked_answer
from attribot_integrations.render.text import one_line, visible

if TYPE_CHECKING:
    from attribot_integrations.render.marks import CitedSource, Passage
    from attribot_integrations.results import Attribution

__all__ = ["MarkdownStyle", "cited_markdown"]

MarkdownStyle = Literal["list", "footnotes"]
"""How citations are written.

`list`: `[1]`, and a list of sources below, which every reader shows alike. `footnotes`: `[^1]` with
the sources as footnotes, for readers that know them (GitHub, Obsidian, Pandoc).
"""

_STYLES = ("list", "footnotes")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_IN_ADDRESS = {ord(one): f"%{ord(one):02X}" for one in '<>[]`"^{}|\\'} | {ord("&"): "&amp;"}


def cited_markdown(
    attribution: Attribution, *, style: MarkdownStyle = "list", keep_markup: bool = False
) -> str:
    """Return the answer with numbered citations, and the cited chunks with quotations below.

    Sources that say the same are written "[1] or [3]". A statement that is labelled other than
    `supported` has its label behind it, in italics, and remarks stand there, too. Where a verifier
    was asked, quotations say why they are cited. The attribution's notes stand at the end.

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
    answer = _answer(attribution, style, keep_markup)
    lines = [*carried_lines(attribution), *attribution.notes]
    notes = [escape_markdown(one_line(line)) for line in lines]
    return "\n\n".join([answer, *_sources(attribution, style), *notes])


def _answer(attribution: Attribution, style: MarkdownStyle, keep_markup: bool) -> str:
    answer = attribution.answer
    # Escaped as a whole: an address may go on over the border of two statements.
    characters = list(visible(answer)) if keep_markup else escape_characters(answer)
    parts: list[str] = []
    offset = 0
    for passage in marked_answer(attribution).passages:
        start = offset + len(passage.before)
        end = start + len(passage.text)
        parts.append("".join(characters[offset:start]))
        parts.append(escape_inline(f"{passage.path}: ") if passage.path else "")
        text = "".join(characters[start:end])
        notes = _notes(passage, style)
        parts.append(_with_notes(text, notes, keep_markup))
        if notes and end < len(characters) and not characters[end].isspace():
            parts.append(" ")  # emphasis ends before white space or punctuation only
        offset = end
    marked = "".join([*parts, *characters[offset:]])
    return marked if keep_markup else escape_line_starts(marked)


def _notes(passage: Passage, style: MarkdownStyle) -> str:
    notes = [_mark(mark, style) for mark in passage.marks]
    notes += [f"*({escape_inline(passage.note)})*"] if passage.note else []
    return " ".join(notes)


def _mark(mark: Mark, style: MarkdownStyle) -> str:
    return " or ".join(_number(number, style) for number in mark.numbers)


def _number(number: int, style: MarkdownStyle) -> str:
    return f"[^{number}]" if style == "footnotes" else f"\\[{number}]"


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
    chunks: dict[int, CitedSource] = {}
    for each in cited_sources(attribution):
        chunks.setdefault(each.number, each)
        quote = f"“{escape_inline(one_line(each.quote))}”{_evidence(attribution, each)}"
        if each.part == "metadata":
            quote = f"metadata {quote}"
        if quote not in quotes.setdefault(each.number, []):
            quotes[each.number].append(quote)
    lines = [
        _source(attribution, first, " … ".join(quotes[number]), style)
        for number, first in chunks.items()
    ]
    if style == "footnotes":
        return lines
    return ["**Sources**", "\n".join(lines)] if lines else []


def _evidence(attribution: Attribution, source: CitedSource) -> str:
    """Return what stands behind a quotation: why it is cited, and whether that is approximate."""
    basis = basis_words(attribution, source.basis)
    shown = [] if source.exact else ["approximate"]
    if basis is not None:
        shown.insert(0, f"{basis}: {evidence(source.score, source.basis, source.states)}")
    return f" ({escape_inline(', '.join(shown))})" if shown else ""


def _source(attribution: Attribution, first: CitedSource, quote: str, style: MarkdownStyle) -> str:
    chunk, number = attribution.chunks[first.chunk_index], first.number
    name = escape_markdown(chunk_name(chunk, first.chunk_index))
    link = cited_link(chunk.metadata, first.text, first.part)
    if link:
        name = f"[{name}](<{link.translate(_IN_ADDRESS)}>)"
    start = f"[^{number}]:" if style == "footnotes" else f"- \\[{number}]"
    return f"{start} {name}: {quote}"
