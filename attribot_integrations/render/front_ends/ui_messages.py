"""Parts of a UI message of Vercel's AI SDK, as its streams carry them.

The format is that of `uiMessageChunkSchema` in the npm package `ai`, versions 5 and 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from mimetypes import guess_type
from typing import TYPE_CHECKING, Any

from attribot_integrations.context.links import cited_link
from attribot_integrations.context.retrieved import clean_text
from attribot_integrations.render.chunks import chunk_name, chunk_page, chunk_section
from attribot_integrations.render.front_ends.answer_data import answer_data
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution, Citation

__all__ = ["ui_message_parts"]


def ui_message_parts(attribution: Attribution) -> list[dict[str, Any]]:
    """Return the parts that cite an answer, to be sent behind its text.

    For each cited chunk a `source-url`, which opens its page at what is cited first, or, where it
    has no web address, a `source-document`; then one `data-citations`, whose data are those of
    `answer_data`. `sourceId` is "source-" and the number that marks show; `providerMetadata` has
    number, index and id of the chunk, section and page. A `data-citations` that is sent later
    replaces one that was sent before, as they have the same `id`.

    Args:
        attribution: The result.
    """
    data = {"type": "data-citations", "id": "citations", "data": answer_data(attribution)}
    return [*_sources(attribution), data]


def _sources(attribution: Attribution) -> Iterator[dict[str, Any]]:
    first: dict[int, Citation] = {}
    for citation in attribution.shown_citations:
        first.setdefault(citation.number, citation)
    for number, citation in sorted(first.items()):
        index = citation.chunk_index
        chunk = attribution.chunks[index]
        part = {
            "sourceId": f"source-{number}",
            "title": chunk_name(chunk, index),
            "providerMetadata": {
                "attribot": {
                    "number": number,
                    "chunkIndex": index,
                    "chunkId": None if chunk.id is None else clean_text(chunk.id),
                    "section": chunk_section(chunk),
                    "page": chunk_page(chunk),
                }
            },
        }
        url = cited_link(chunk.metadata, citation.text, citation.part)
        if url is not None:
            yield {"type": "source-url", "url": url, **part}
            continue
        name = one_line(chunk.title or "")
        kind, _ = guess_type(name)
        named = {} if kind is None else {"filename": name}
        yield {"type": "source-document", "mediaType": kind or "text/plain", **named, **part}
