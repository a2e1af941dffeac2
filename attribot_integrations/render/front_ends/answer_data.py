"""What a page needs of a result: its JSON without scores of tokens and without metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attribot_integrations.context.links import web_link
from attribot_integrations.context.retrieved import clean_text
from attribot_integrations.render.chunks import chunk_page, chunk_section
from attribot_integrations.render.text import model_name, one_line
from attribot_integrations.render.utf16 import with_offsets
from attribot_integrations.results.serialization import attribution_to_dict

if TYPE_CHECKING:
    from attribot_integrations.context.retrieved import Chunk
    from attribot_integrations.results import Attribution

__all__ = ["KEPT_FIELDS", "SHOWN_OF_CHUNKS", "answer_data"]

KEPT_FIELDS: Final = (
    "schema",
    "id",
    "question",
    "answer",
    "statements",
    "citations",
    "support",
    "method",
    "cost",
    "verifier",
    "carried",
    "remarks",
    "notes",
)
"""Fields that are those of `Attribution.to_dict`."""
SHOWN_OF_CHUNKS: Final[dict[str, str]] = {
    "title": "Name shown to readers.",
    "section": "Headings that it stands below.",
    "page": "Page, or range of pages.",
    "url": "Safe web address.",
}
"""What is shown of a chunk's metadata, with what it means; `None` where that is not known."""


def answer_data(attribution: Attribution) -> dict[str, Any]:
    """Return what a page shows of a result, for JSON; offsets count UTF-16 units.

    It is a part of `to_dict(offsets="utf-16")`, without the scores of single tokens. Chunks have
    `text`, `id`, and of their metadata only `title`, `section`, `page` and `url`; the rest stays on
    the server. Models are named without their folders.

    Args:
        attribution: The result.
    """
    whole = with_offsets(attribution_to_dict(attribution), "utf-16")
    kept = {name: whole[name] for name in KEPT_FIELDS}
    models = [{**model, "model": model_name(model["model"])} for model in whole["cost"]["models"]]
    kept["cost"] = {**whole["cost"], "models": models}
    kept["chunks"] = [_chunk(chunk) for chunk in attribution.chunks]
    cleaned: dict[str, Any] = _clean(kept)
    return cleaned


def _chunk(chunk: Chunk) -> dict[str, Any]:
    return {
        "text": chunk.text,
        "id": chunk.id,
        "title": one_line(chunk.title or "") or None,
        "section": chunk_section(chunk),
        "page": chunk_page(chunk),
        "url": web_link(chunk.metadata),
    }


def _clean(value: Any) -> Any:
    """Return data without lone surrogates, which UTF-8 cannot hold."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {key: _clean(each) for key, each in value.items()}
    return value
