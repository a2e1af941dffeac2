"""`AttributionRecord`: what became of one answer's attribution, also as plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from llama_index.core.schema import NodeWithScore

from attribot_integrations.llama_index.nodes import NodeText
from attribot_integrations.results import Attribution, Citation

if TYPE_CHECKING:
    from attribot_integrations.llama_index.scopes import CapturedSynthesis

__all__ = ["PAYLOAD_VERSION", "AttributionRecord", "PromptUsed", "Status"]

PAYLOAD_VERSION: Final = 1
"""Raised whenever a field of the payload changes its meaning or goes away."""

Status = Literal["ok", "approximate", "skipped", "error"]
"""What became of an attribution.

`ok`: the very prompt was scored, with every node in its place. `approximate`: scored, but
`reason` says in what it differs. `skipped`: the answer cannot be attributed to the nodes; `reason`
says why. `error`: the attribution failed. A payload can also be `pending`.
"""

PromptUsed = Literal["captured", "template"]


@dataclass(frozen=True, repr=False, eq=False)
class AttributionRecord:
    """One answer, what it was made from, and what it rests on."""

    id: str
    question: str
    nodes: tuple[NodeWithScore, ...]
    """The nodes that the answer was made from, in the order of the response's `source_nodes`."""
    answer: str
    status: Status
    reason: str | None = None
    """Why the status is not `ok`."""
    prompt_used: PromptUsed | None = None
    """The prompt that was scored: the one the model saw, or one that the engine rendered."""
    attribution: Attribution | None = None
    """The attribution; its chunks are those nodes that were in the prompt."""
    error: Exception | None = None
    """What made the attribution fail."""
    texts: tuple[NodeText, ...] = ()
    """Text of each of the attribution's chunks."""
    indexes: tuple[int, ...] = ()
    """Number in `nodes` of each of the attribution's chunks."""

    @classmethod
    def without_scores(
        cls,
        captured: CapturedSynthesis,
        status: Status,
        reason: str,
        error: Exception | None = None,
    ) -> AttributionRecord:
        """Return a record of an answer that was not attributed."""
        return cls(
            captured.id,
            captured.question,
            captured.nodes,
            captured.answer,
            status,
            reason,
            error=error,
        )

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The attribution's citations, none if there is no attribution."""
        return () if self.attribution is None else self.attribution.citations

    def to_payload(self) -> dict[str, Any]:
        """Return the record as plain dicts, lists, strings and numbers, for `metadata`."""
        attribution = self.attribution
        return {
            "version": PAYLOAD_VERSION,
            "id": self.id,
            "status": self.status,
            "reason": self.reason,
            "prompt": self.prompt_used,
            "method": None if attribution is None else attribution.method,
            "seconds": None if attribution is None else attribution.cost.seconds,
            "answer": self.answer,
            "citations": [self._citation(citation) for citation in self.citations],
        }

    def _citation(self, citation: Citation) -> dict[str, Any]:
        index = self.indexes[citation.chunk_index]
        node = self.nodes[index].node
        shift = self.texts[citation.chunk_index].offset
        start, end = citation.chunk_start + shift, citation.chunk_end + shift
        first, last = getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)
        # Splitters are known to report offsets that are not the node's own.
        known = (
            first is not None
            and last is not None
            and last - first == len(getattr(node, "text", ""))
        )
        return {
            "number": citation.number,
            "source_index": index,
            "node_id": node.node_id,
            "ref_doc_id": node.ref_doc_id,
            "text": citation.text,
            "score": float(citation.score),
            "exact": bool(citation.exact),
            "answer_start": citation.answer_start,
            "answer_end": citation.answer_end,
            "node_start": start,
            "node_end": end,
            "start_char_idx": first + start if known and first is not None else None,
            "end_char_idx": first + end if known and first is not None else None,
            "metadata": _plain(node.metadata),
        }

    def __repr__(self) -> str:
        return (
            f"AttributionRecord(question={self.question[:60]!r}, nodes={len(self.nodes)}, "
            f"answer={self.answer[:60]!r}, status={self.status!r}, "
            f"citations={len(self.citations)}, reason={self.reason!r})"
        )


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Copy metadata into what JSON can hold; other values become text."""
    try:
        copied: dict[str, Any] = json.loads(
            json.dumps(dict(metadata), default=str, skipkeys=True, allow_nan=False)
        )
    except (RecursionError, ValueError):  # circular, or with a number that JSON lacks
        copied = {str(key): str(value) for key, value in metadata.items()}
    return copied
