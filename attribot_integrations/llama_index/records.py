"""`AttributionRecord`: one answer over nodes, and what becomes of it as plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from llama_index.core.schema import NodeWithScore

from attribot_integrations.answers.record import AnswerRecord
from attribot_integrations.context.passages import repeated_in
from attribot_integrations.llama_index.capturing import CapturedSynthesis
from attribot_integrations.llama_index.nodes import NodeText
from attribot_integrations.llama_index.spans import attributing

if TYPE_CHECKING:
    from attribot_integrations.answers.attempt import Outcome
    from attribot_integrations.context.sources import Chunk
    from attribot_integrations.requests.attributors import RequestAttributor
    from attribot_integrations.results import Attribution, Certificate, Citation

__all__ = ["PAYLOAD_VERSION", "AttributionRecord", "is_payload", "payload", "pending_payload"]

PAYLOAD_VERSION: Final = 3
"""Raised whenever a field of the payload changes its meaning or goes away.

2: `node_start` and `node_end` are `None` for metadata, and places in the retrieved node where an
engine has cut that into pieces; `part`, `source_start`, `source_end` and `repeated_in` are new.

3: a citation may be there because its text states the statement, though that does not depend on it:
its `basis` and `states` say so. `verifier`, and `remark`, `carried` and `certificate` of statements
are new. In earlier versions, every citation's basis is `depends`."""


class AttributionRecord(AnswerRecord):
    """One answer, the nodes that it was made from, and what it rests on.

    The attribution's chunks are the nodes, in order, and behind them what earlier messages say,
    where the engine's options count that among the sources.
    """

    captured: CapturedSynthesis

    @property
    def nodes(self) -> tuple[NodeWithScore, ...]:
        """The nodes that the answer was made from, those behind intermediate answers included."""
        return self.captured.nodes

    def to_payload(self) -> dict[str, Any]:
        """Return the record as plain dicts, lists, strings and numbers, for `metadata`."""
        return payload(self.captured, self.attribute())

    def _attempt(self, engine: RequestAttributor) -> Outcome:
        with attributing():
            return super()._attempt(engine)


def is_payload(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a value in a response's metadata is an attribution's payload."""
    return isinstance(value, dict) and {"version", "id", "status", "citations"} <= value.keys()


def pending_payload(id: str) -> dict[str, Any]:
    """Return the payload of an answer that is not attributed yet."""
    return {
        "version": PAYLOAD_VERSION,
        "id": id,
        "status": "pending",
        "reason": None,
        "prompt": None,
        "method": None,
        "seconds": None,
        "verifier": None,
        "answer": None,
        "citations": [],
        "statements": [],
    }


def payload(captured: CapturedSynthesis, outcome: Outcome) -> dict[str, Any]:
    """Return the payload of an answer whose attribution has been tried."""
    attribution = outcome.attribution
    citations = () if attribution is None else attribution.citations
    return {
        **pending_payload(captured.id),
        "status": outcome.status,
        "reason": outcome.reason,
        "prompt": outcome.prompt_used,
        "method": None if attribution is None else attribution.method,
        "seconds": None if attribution is None else attribution.cost.seconds,
        "verifier": None if attribution is None else attribution.verifier,
        "answer": captured.answer,
        "citations": [_citation(captured, citation, attribution) for citation in citations],
        "statements": [] if attribution is None else _statements(attribution),
    }


def _statements(attribution: Attribution) -> list[dict[str, Any]]:
    """Return what is known of each statement: where it is, its label, and sources that are equal.

    `alternatives` holds the positions in `citations` of those of which any one would do, and
    `certificate` what its citations carry together, in nats.
    """
    support = {one.statement_index: one for one in attribution.support}
    certificates = {one.statement_index: one for one in attribution.certificates}
    groups = {one.statement_index: set(one.source_ids) for one in attribution.alternatives}
    return [
        {
            "start": statement.start,
            "end": statement.end,
            "label": support[statement.index].label if statement.index in support else "unknown",
            "reason": support[statement.index].reason if statement.index in support else None,
            "alternatives": [
                position
                for position, citation in enumerate(attribution.citations)
                if citation.statement_index == statement.index
                and citation.source_id in groups.get(statement.index, ())
            ],
            "remark": remark,
            "carried": carried,
            "certificate": _certificate(certificates.get(statement.index)),
            "path": statement.path,
        }
        for statement, remark, carried in zip(
            attribution.statements, attribution.remarks, attribution.carried, strict=True
        )
    ]


def _certificate(certificate: Certificate | None) -> dict[str, float | None] | None:
    if certificate is None:
        return None
    return {
        "gain": certificate.gain,
        "hold": certificate.hold,
        "drop": certificate.drop,
        "held": certificate.held,
    }


def _citation(
    captured: CapturedSynthesis, citation: Citation, attribution: Attribution | None
) -> dict[str, Any]:
    index = citation.chunk_index
    if index >= len(captured.texts) and attribution is not None:
        return _of_message(citation, attribution.chunks[index])
    text = captured.texts[index]
    start, end = citation.chunk_start, citation.chunk_end
    first, last = text.chunk.body_span
    own, home = text.offset - first, text.home_offset
    inside = citation.part == "text"
    if inside:  # a whole chunk has its metadata with it
        start, end = max(start, first), min(end, last)
    origin = text.chunk.origin
    place = origin.place(start, end) if origin is not None and text.in_document else None
    known = None if home is None or not inside else home - first
    return {
        **_common(citation, text.chunk),
        "source_index": _place(captured, index),
        "node_id": text.home.node_id,
        "ref_doc_id": text.home.ref_doc_id,
        "text": text.chunk.text[start:end],
        "node_start": None if known is None else start + known,
        "node_end": None if known is None else end + known,
        "source_start": start + own if inside else None,
        "source_end": end + own if inside else None,
        "start_char_idx": None if place is None else place[0],
        "end_char_idx": None if place is None else place[1],
        "repeated_in": [
            _place(captured, other)
            for other in repeated_in([each.chunk for each in captured.texts], index, (start, end))
        ],
        "metadata": _named(text),
    }


def _named(text: NodeText) -> dict[str, Any]:
    """Return a node's metadata, with a title for what a tool wrote."""
    known = _plain(text.home.metadata)
    return known if text.chunk.said is None else {"title": text.chunk.title, **known}


def _common(citation: Citation, chunk: Chunk) -> dict[str, Any]:
    return {
        "number": citation.number,
        "part": citation.part,
        "score": float(citation.score),
        "exact": bool(citation.exact),
        "basis": citation.basis,
        "states": citation.states,
        "answer_start": citation.answer_start,
        "answer_end": citation.answer_end,
        "kind": chunk.kind,
        "turn": None if chunk.said is None else chunk.said.turn,
        "role": None if chunk.said is None else chunk.said.role,
    }


def _of_message(citation: Citation, chunk: Chunk) -> dict[str, Any]:
    """Return a citation of what was said: no node, but a message of the prompt."""
    return {
        **_common(citation, chunk),
        "source_index": None,
        "node_id": chunk.id or "",
        "ref_doc_id": None,
        "text": citation.text,
        "node_start": citation.chunk_start,
        "node_end": citation.chunk_end,
        "source_start": None,
        "source_end": None,
        "start_char_idx": None,
        "end_char_idx": None,
        "repeated_in": [],
        "metadata": {"title": chunk.title},
    }


def _place(captured: CapturedSynthesis, index: int) -> int | None:
    return captured.places[index] if captured.places else index


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Copy metadata into what JSON can hold; other values become text."""
    try:
        copied: dict[str, Any] = json.loads(
            json.dumps(dict(metadata), default=str, skipkeys=True, allow_nan=False)
        )
    except (RecursionError, ValueError):  # circular, or with a number that JSON lacks
        copied = {str(key): str(value) for key, value in metadata.items()}
    return copied
