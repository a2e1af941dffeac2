"""Reading citations from whatever LlamaIndex hands back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from llama_index.core.workflow import Event

from attribot_integrations.context.kinds import SourceKind
from attribot_integrations.context.mappings import ReadOnlyMapping
from attribot_integrations.context.retrieved import Part
from attribot_integrations.errors import InputError
from attribot_integrations.llama_index.records import PAYLOAD_VERSION, is_payload
from attribot_integrations.llama_index.shown import payload_under
from attribot_integrations.llama_index.tasks import known_task
from attribot_integrations.results import Basis

__all__ = ["NodeCitation", "find_payloads", "get_citations"]

_DUMPED: Final = (
    "; of what is dumped, only the output of an agent or workflow that a handler watched holds it: "
    "attach one around the run, or keep the citations beside the dump"
)


@dataclass(frozen=True)
class NodeCitation:
    """A part of a node that supports a statement of an answer, see `basis` for how."""

    number: int
    """Number shown to readers: one for each cited node, from 1."""
    source_index: int | None
    """Number of the node in the response's `source_nodes`; `None` if it is not among these."""
    node_id: str
    """Id of the node; of what was said, which message of the prompt it is, such as "message-3"."""
    ref_doc_id: str | None
    """Id of the document that the node was cut from."""
    text: str
    """The supporting text."""
    score: float
    """Fall of the statement's log-likelihood when the text is removed, in nats."""
    exact: bool
    """Whether the score is exact leave-one-out on the target."""
    answer_start: int
    """Offset in the answer where the supported statement starts."""
    answer_end: int
    """Offset in the answer behind the supported statement."""
    node_start: int | None
    """Offset in the node's own text where the supporting text starts; `None` for metadata. If a
    query engine has cut the node into pieces, this is the retrieved node."""
    node_end: int | None
    """Offset in the node's own text behind the supporting text; `None` for metadata."""
    start_char_idx: int | None
    """Offset in the document where the supporting text starts, if the node knows its own."""
    end_char_idx: int | None
    """Offset in the document behind the supporting text, if the node knows its own."""
    metadata: Mapping[str, Any]
    """Copy of the node's metadata, as far as JSON can hold it; read-only."""
    part: Part = "text"
    """Whether the supporting text is the node's, or metadata that the prompt shows with it."""
    source_start: int | None = None
    """Offset in the text of `source_nodes[source_index]`, which may be a piece of the node."""
    source_end: int | None = None
    """Offset there behind the supporting text; both are `None` for metadata."""
    repeated_in: tuple[int | None, ...] = ()
    """Numbers in `source_nodes` of other nodes that show the same stretch of the document: chunks
    that overlap, windows. They are removed together, and count as one source."""
    answer_index: int = 0
    """Which answer is meant, where an agent asked several tools."""
    basis: Basis = "depends"
    """Why it is cited: the statement `depends` on it, it `states` it, or `both`."""
    states: float | None = None
    """What the verifier says of text and statement, 0 to 1; `None` where none was asked."""
    kind: SourceKind = "retrieved"
    """What kind of source it is."""
    turn: int | None = None
    """Of what was said in the conversation, in which turn; else `None`."""
    role: str | None = None
    """Of what was said in the conversation, by whom; else `None`."""


def get_citations(
    response: object, *, metadata_key: str = "attribution"
) -> tuple[NodeCitation, ...]:
    """Return the citations that a response carries, in the order of the answer.

    Args:
        response: A query or chat engine's response, a tool's output, an agent's output, or the
            payload itself. An agent's citations are those of its tools' answers, not of the text
            that it made of them; their numbers go on from tool to tool.
        metadata_key: Where the payload stands in the metadata.

    Raises:
        InputError: If there is no payload, or one that is pending or of an unknown version.
    """
    citations: list[NodeCitation] = []
    for index, payload in enumerate(find_payloads(response, metadata_key)):
        shift = max((citation.number for citation in citations), default=0)
        citations += [
            NodeCitation(
                **{
                    **entry,
                    "number": entry["number"] + shift,
                    "metadata": ReadOnlyMapping(dict(entry["metadata"])),
                    "repeated_in": tuple(entry.get("repeated_in", ())),
                    "answer_index": index,
                }
            )
            for entry in payload["citations"]
        ]
    return tuple(citations)


def find_payloads(response: object, metadata_key: str) -> list[dict[str, Any]]:
    """Return the payloads that a response carries, each once.

    Raises:
        InputError: If there is none, or one that is pending or of an unknown version.
    """
    found: dict[str, dict[str, Any]] = {}
    for payload in _payloads(response, metadata_key):
        found.setdefault(payload["id"], payload)
    if not found:
        raise InputError(
            f"this {type(response).__name__} carries no attribution under metadata_key="
            f"{metadata_key!r}{_DUMPED if isinstance(response, dict | Event) else ''}"
        )
    for payload in found.values():
        if payload["version"] not in range(1, PAYLOAD_VERSION + 1):
            raise InputError(
                f"the payload's version must be 1 to {PAYLOAD_VERSION}, got {payload['version']!r}"
            )
        if payload["status"] == "pending":
            raise InputError(
                "the attribution is pending: read the stream to its end, and wait for the "
                "handler's result(response) or aresult(response)"
            )
    return list(found.values())


def _payloads(response: object, key: str) -> Iterator[dict[str, Any]]:
    if is_payload(response):
        yield response
        return
    shown = _field(_field(response, "_data"), key) if isinstance(response, dict) else None
    shown = shown or _field(response, key) or payload_under(response, key)
    if is_payload(shown):
        yield shown
        return
    task = known_task(response)
    if task is not None and not isinstance(response, Event) and not hasattr(response, "metadata"):
        yield task.payload
        return
    # An agent's output lists its tool calls, a call its output, a chat response its sources.
    for name in ("tool_calls", "sources"):
        for inner in _field(response, name) or ():
            yield from _payloads(inner, key)
    for name in ("tool_output", "raw_output"):
        inner = _field(response, name)
        if inner is not None:
            yield from _payloads(inner, key)


def _field(value: object, name: str) -> Any:
    """Return a field of an object, or of the dictionary that it was dumped into."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)
