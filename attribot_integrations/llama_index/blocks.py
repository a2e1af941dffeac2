"""Citations in other forms: LlamaIndex's `CitationBlock`, and text with `[1]`."""

from __future__ import annotations

from typing import Any, Final

from llama_index.core.base.llms.types import CitationBlock, TextBlock

from attribot_integrations.context.links import web_link
from attribot_integrations.llama_index.node_citations import (
    NodeCitation,
    find_payloads,
    get_citations,
)
from attribot_integrations.results.remarks import remark_words
from attribot_integrations.results.showing import is_shown

__all__ = ["format_with_markers", "to_citation_blocks"]

_TITLE_KEYS: Final = ("title", "file_name", "source")


def to_citation_blocks(
    response: object, *, metadata_key: str = "attribution"
) -> list[CitationBlock]:
    """Return a response's citations as content blocks, one for each cited text.

    Blocks hold no score and no basis, and some models' integrations refuse a history that holds
    such blocks; so none is ever added to a message or memory by itself.

    Args:
        response: Anything that `get_citations` takes.
        metadata_key: Where the payload stands in the metadata.

    Raises:
        InputError: If there is no payload, or one that is pending or of an unknown version.
    """
    blocks: dict[tuple[int, str, int | None, str], CitationBlock] = {}
    for one in get_citations(response, metadata_key=metadata_key):
        place: dict[str, int] = {}
        if one.node_start is not None and one.node_end is not None:
            place |= {"node_start": one.node_start, "node_end": one.node_end}
        if one.start_char_idx is not None and one.end_char_idx is not None:
            place |= {"start_char_idx": one.start_char_idx, "end_char_idx": one.end_char_idx}
        blocks.setdefault(
            (one.number, one.part, one.node_start, one.text),
            CitationBlock(
                cited_content=TextBlock(text=one.text),
                source=one.node_id,
                title=_name(one),
                additional_location_info={"number": one.number, **place},
            ),
        )
    return list(blocks.values())


def format_with_markers(
    response: object, *, sources: bool = False, metadata_key: str = "attribution"
) -> str:
    """Return the answer with `[n]` behind every statement that is cited and supported.

    Of sources that say the same, `[1] or [2]` is written. What readers must be told of a statement
    stands behind its marks, such as that it was known to the model anyway.

    Args:
        response: Anything that `get_citations` takes; several answers are parted by blank lines.
        sources: Whether to list below what the marks stand for.
        metadata_key: Where the payload stands in the metadata.

    Raises:
        InputError: If there is no payload, or one that is pending or of an unknown version.
    """
    payloads = find_payloads(response, metadata_key)
    citations = get_citations(response, metadata_key=metadata_key)
    answers: list[str] = []
    shown: list[NodeCitation] = []
    for index, payload in enumerate(payloads):
        own = [one for one in citations if one.answer_index == index]
        markers = _markers(payload, own)
        answers.append(_marked(payload["answer"], markers))
        labels = {each["end"]: each.get("label") for each in payload.get("statements", ())}
        shown += [one for one in own if is_shown(labels.get(one.answer_end), one.basis)]
    text = "\n\n".join(answers)
    if sources and shown:
        lines = {
            f"[{one.number}] {_name(one)}: {' '.join(one.text.split())}": 0
            for one in sorted(shown, key=lambda one: one.number)
        }
        text += "\n\n" + "\n".join(lines)
    return text


def _markers(payload: dict[str, Any], citations: list[NodeCitation]) -> dict[int, str]:
    """Return what to write behind each statement: sources that would do alone are told apart."""
    markers: dict[int, str] = {}
    known = {statement["end"]: statement for statement in payload.get("statements", ())}
    for end in {one.answer_end for one in citations}:
        statement = known.get(end, {})
        label = statement.get("label")
        either = set(statement.get("alternatives", ()))
        of = [
            (i, one)
            for i, one in enumerate(citations)
            if one.answer_end == end and is_shown(label, one.basis)
        ]
        alone = sorted({one.number for i, one in of if i in either})
        others = sorted({one.number for i, one in of if i not in either} - set(alone))
        texts = [" or ".join(f"[{number}]" for number in alone)]
        texts.append("".join(f"[{number}]" for number in others))
        # Numbers go on from answer to answer, so the payload's own remark may name others.
        remark = remark_words(label, [one for _, one in of])
        texts.append(f"({remark})" if remark else "")
        if shown := " ".join(text for text in texts if text):
            markers[end] = shown
    return markers


def _marked(answer: str, markers: dict[int, str]) -> str:
    parts: list[str] = []
    offset = 0
    for end in sorted(markers):
        parts += [answer[offset:end], " ", markers[end]]
        offset = end
    return "".join(parts) + answer[offset:]


def _name(citation: NodeCitation) -> str:
    metadata = citation.metadata
    found = (metadata.get(key) for key in _TITLE_KEYS)
    named = next((value for value in found if isinstance(value, str) and value), None)
    name = named or web_link(metadata) or citation.node_id
    return f"metadata of {name}" if citation.part == "metadata" else name
