"""Citations in LangChain's own form: the `Citation` annotations of content blocks."""

from __future__ import annotations

from typing import Any, Final

from langchain_core.messages.content import Citation as Annotation

from attribot_integrations.context.links import web_link
from attribot_integrations.results import Attribution, Citation

__all__ = ["ID_PREFIX", "Annotation", "citation_annotations"]

ID_PREFIX: Final = "attribot-"
"""How the ids of our annotations start, by which they are told from a provider's."""


def citation_annotations(attribution: Attribution) -> list[Annotation]:
    """Return an attribution's citations as LangChain's standard annotations.

    They are plain dicts that JSON and checkpoints can hold. `start_index` and `end_index` count in
    the answer, `cited_text` is the source's text. There is always a title, since some front ends
    leave out what has none. `extras` holds the citation's number, the chunk with the offsets in it,
    the score in nats, the support label of the statement, and the model whose dependence on the
    source the score is.

    Args:
        attribution: What to cite.
    """
    return [_annotation(attribution, citation) for citation in attribution.citations]


def _annotation(attribution: Attribution, citation: Citation) -> Annotation:
    chunk = attribution.chunks[citation.chunk_index]
    models = attribution.cost.models
    labels = {support.statement_index: support.label for support in attribution.support}
    extras: dict[str, Any] = {
        "number": citation.number,
        "statement_index": citation.statement_index,
        "chunk_index": citation.chunk_index,
        "chunk_id": citation.chunk_id,
        "chunk_start": citation.chunk_start,
        "chunk_end": citation.chunk_end,
        "score": citation.score,
        "exact": citation.exact,
        "share": citation.share,
        "support": labels.get(citation.statement_index),
        "scored_by": models[0].model if models else None,
    }
    annotation = Annotation(
        type="citation",
        id=f"{ID_PREFIX}{citation.statement_index}-{citation.source_id}",
        title=chunk.title or f"Source {citation.number}",
        start_index=citation.answer_start,
        end_index=citation.answer_end,
        cited_text=citation.text,
        extras=extras,
    )
    url = web_link(chunk.metadata)
    if url is not None:
        annotation["url"] = url
    return annotation
