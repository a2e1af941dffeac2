"""What is shown of a chunk: its name and its score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.context.passages import repeated_in
from attribot_integrations.context.places import pages_of_items, section_of
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from attribot_integrations.context.retrieved import Chunk, Part
    from attribot_integrations.context.sources import Source
    from attribot_integrations.results import Attribution, FloatArray

__all__ = [
    "chosen_metadata",
    "chunk_name",
    "chunk_names",
    "chunk_page",
    "chunk_scores",
    "chunk_section",
    "chunk_statement_scores",
]

_PAGE_KEYS = ("page_label", "page_number", "page")  # first what the page itself says
_FROM_ZERO = {"total_pages", "producer"}
"""What the loaders of LangChain say of a PDF beside the page."""
_LONG_PAGE = 20
_LONG_SECTION = 80
_LONG_VALUE = 160
_RANGE = "\u2013"


def chunk_name(chunk: Chunk, index: int, part: Part = "text") -> str:
    """Return the chunk's title on one line, or its place among the chunks, with section and page.

    As in "norzel.pdf, Piers > Repairs, p. 3".

    Args:
        chunk: The chunk.
        index: Its place.
        part: What of it is meant; "metadata of …" is written before for metadata.
    """
    name = one_line(chunk.title or "") or f"chunk {index + 1}"
    if part == "metadata":
        return f"metadata of {name}"
    section, page = chunk_section(chunk), chunk_page(chunk)
    parts = [name] if section is None or section == name else [name, section]
    if page is not None:
        parts.append(f"{'pp.' if _RANGE in page else 'p.'} {page}")
    return ", ".join(parts)


def chunk_names(chunks: Sequence[Chunk]) -> list[str]:
    """Return `[chunks]`: the name of each; those of one name have their place among all behind it.

    As in "norzel.pdf, p. 3, chunk 2".
    """
    names = [chunk_name(chunk, index) for index, chunk in enumerate(chunks)]
    known = Counter(names)
    return [
        name if known[name] == 1 else f"{name}, chunk {index + 1}"
        for index, name in enumerate(names)
    ]


def chosen_metadata(chunk: Chunk, keys: Sequence[str]) -> list[tuple[str, str]]:
    """Return the values of some keys of a chunk's metadata on one line each, if it has them."""
    found = []
    for key in keys:
        value = one_line(str(chunk.metadata.get(key, "")))
        if value:
            shown = value if len(value) <= _LONG_VALUE else f"{value[: _LONG_VALUE - 1]}…"
            found.append((one_line(key), shown))
    return found


def chunk_page(chunk: Chunk) -> str | None:
    """Return the page in a chunk's metadata: `page_label`, else `page_number`, else `page`.

    Loaders count pages from 0 or 1; the number is given as it is, but for that of LangChain's
    loaders of PDF, which count from 0. What Docling has written may be a range of pages.
    """
    for key in _PAGE_KEYS:
        page = chunk.metadata.get(key)
        if isinstance(page, float) and page.is_integer():  # as tables of data hold it
            page = int(page)
        if isinstance(page, int) and not isinstance(page, bool) and 0 <= page < 10**_LONG_PAGE:
            from_zero = key == "page" and chunk.metadata.keys() >= _FROM_ZERO
            return str(page + from_zero)
        if isinstance(page, str) and 0 < len(shown := one_line(page)) <= _LONG_PAGE:
            return shown
    pages = pages_of_items(chunk.metadata)
    if pages is None:
        return None
    return str(pages[0]) if pages[0] == pages[1] else f"{pages[0]}{_RANGE}{pages[1]}"


def chunk_section(chunk: Chunk) -> str | None:
    """Return the headings a chunk stands below on one line, as its metadata names them."""
    section = one_line(section_of(chunk.metadata) or "")
    if len(section) > _LONG_SECTION:
        section = f"{section[: _LONG_SECTION - 1].rstrip()}…"
    return section or None


def chunk_scores(attribution: Attribution) -> FloatArray:
    """Return the score of each chunk for the whole answer, in nats.

    Args:
        attribution: The result.

    Returns:
        `[chunks]`: the chunk's own score where chunks were scored, else the sum over its sentences,
        those included that another chunk of its document shows, too; NaN for a chunk that was not
        scored at all.
    """
    return _of_chunks(attribution, attribution.source_scores[:, None])[:, 0]


def chunk_statement_scores(attribution: Attribution) -> FloatArray:
    """Return `[chunks, statements]`: the same for each statement."""
    return _of_chunks(attribution, attribution.statement_scores)


def _of_chunks(attribution: Attribution, values: FloatArray) -> FloatArray:
    """Return `[chunks, …]` of `[sources, …]`, see `chunk_scores`."""
    scores = np.full((len(attribution.chunks), values.shape[1]), np.nan, dtype=np.float32)
    whole = set(attribution.rows("chunk"))
    chunks = {attribution.sources[row].chunk_index for row in whole}
    for row, source in enumerate(attribution.sources):
        if row in whole:
            scores[source.chunk_index] = values[row]
        else:
            for index in {source.chunk_index, *_again(attribution, source)} - chunks:
                scores[index] = np.nan_to_num(scores[index]) + values[row]
    return scores


def _again(attribution: Attribution, source: Source) -> set[int]:
    """Return the other chunks in which a source is removed, as they show the same passage."""
    if len(source.sentence_ids) < 2 or source.level == "chunk":
        return set()
    found = repeated_in(attribution.chunks, source.chunk_index, (source.start, source.end))
    return set(found) - {place.chunk_index for place in attribution.unlocated}
