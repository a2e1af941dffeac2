"""Citations in LangChain's own form: the `Citation` annotations of content blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.messages.content import Citation as Annotation

from attribot_integrations.render.citation_fields import citation_data
from attribot_integrations.render.utf16 import OffsetUnit
from attribot_integrations.results import Attribution

__all__ = ["ID_PREFIX", "Annotation", "citation_annotations"]

ID_PREFIX: Final = "attribot-"
"""How the ids of our annotations start, by which they are told from a provider's."""

_EXTRAS: Final = (
    "number",
    "statement_index",
    "chunk_index",
    "chunk_id",
    "kind",
    "turn",
    "role",
    "chunk_start",
    "chunk_end",
    "page",
    "section",
    "text_url",
    "document_start",
    "document_end",
    "metadata",
    "score",
    "exact",
    "share",
    "either",
    "probability",
    "scored_by",
    "basis",
    "states",
    "stated_by",
    "remark",
    "carried",
    "path",
)


def citation_annotations(
    attribution: Attribution, *, offsets: OffsetUnit = "characters"
) -> list[Annotation]:
    """Return an attribution's citations as LangChain's standard annotations.

    They are plain dicts that JSON and checkpoints can hold. `start_index` and `end_index` count in
    the answer, `cited_text` is the source's text. There is always a title, since some front ends
    leave out what has none. `extras` holds the citation's number, the chunk with the offsets in it,
    its page, section and metadata, what kind of source it is (`kind`, `turn`, `role`), where the
    text stands in its document and the link to it there (`document_start`, `document_end`,
    `text_url`); the score in nats, the support label of the
    statement (`support`), the numbers of sources any of which is enough (`either`), and the model
    whose dependence on the source the score is; why it is cited (`basis`: "depends", "states" or
    "both"), what a verifier says, 0 to 1, and its name (`states`, `stated_by`), and what readers
    must be told of the statement (`remark`, `carried`).

    Args:
        attribution: What to cite.
        offsets: What offsets count; front ends in JavaScript count "utf-16" units.

    Raises:
        ConfigurationError: If there is no such unit of offsets.
    """
    return [_annotation(each) for each in citation_data(attribution, offsets=offsets)]


def _annotation(citation: Mapping[str, Any]) -> Annotation:
    annotation = Annotation(
        type="citation",
        id=f"{ID_PREFIX}{citation['statement_index']}-{citation['source_id']}",
        title=citation["title"] or f"Source {citation['number']}",
        start_index=citation["answer_start"],
        end_index=citation["answer_end"],
        cited_text=citation["text"],
        extras={**{name: citation[name] for name in _EXTRAS}, "support": citation["label"]},
    )
    if citation["url"] is not None:
        annotation["url"] = citation["url"]
    return annotation
