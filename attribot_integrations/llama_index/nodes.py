"""Nodes as chunks: copied, with the metadata that the prompt shows with them told apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore

from attribot_integrations.answers.lineage import flat
from attribot_integrations.context.locating import locate_chunks
from attribot_integrations.context.retrieved import Chunk, Origin
from attribot_integrations.llama_index.origins import Stretch, Whence, homes, stretches_of

__all__ = ["NodeText", "node_texts"]

_LABEL: Final = re.compile(r"Source (\d+):\n")


@dataclass(frozen=True)
class NodeText:
    """A node's text as the prompt shows it, and the part of it that can be cited."""

    chunk: Chunk
    """The part that can be cited: metadata that is shown, and the text; later changes to the node
    do not reach it."""
    shown: str
    """The whole text as the prompt shows it, labels included; "" for a blank node."""
    start: int
    """Where the chunk starts in `shown`."""
    offset: int
    """Where the chunk's body starts in the node's own text."""
    home: BaseNode
    """The retrieved node that it was cut from; the node itself, if that was not cut."""
    home_offset: int | None
    """Where the body starts in the retrieved node's own text, if that is known."""
    in_document: bool
    """Whether the offsets of the chunk's origin are those in the node's document."""

    @property
    def body(self) -> str:
        """The node's own text, as far as it can be cited."""
        start, end = self.chunk.body_span
        return self.chunk.text[start:end]


def node_texts(
    nodes: Sequence[NodeWithScore],
    prompts: Sequence[str] | None = None,
    retrieved: Sequence[NodeWithScore] = (),
) -> tuple[NodeText, ...]:
    """Return the texts of nodes, in order; the nodes are not changed.

    A chunk's body is the node's own text without the white space around it, which synthesizers
    strip, and without the label that `CitationQueryEngine` puts before it.

    Args:
        nodes: The nodes.
        prompts: The prompts that may show them; metadata that stands before or behind a node's text
            in none of them is no part of its chunk. By default, it is as LlamaIndex shows it.
        retrieved: The nodes as they were retrieved, if an engine may have cut these from them.
    """
    texts = [one.node.get_content(metadata_mode=MetadataMode.NONE) for one in nodes]
    labels = [_LABEL.match(text) for text in texts]
    labelled = all(
        label is not None and int(label.group(1)) == number
        for number, label in enumerate(labels, start=1)
    )
    starts = [label.end() if labelled and label is not None else 0 for label in labels]
    cut: list[Whence | None] = [None] * len(nodes)
    if labelled:
        bodies = [text[start:].strip() for text, start in zip(texts, starts, strict=True)]
        cut = homes(bodies, [one.node for one in retrieved])
    shown = [one.node.get_content(metadata_mode=MetadataMode.LLM).strip() for one in nodes]
    more = [index for index, text in enumerate(shown) if text and text != texts[index].strip()]
    whole = frozenset(more) if prompts is None else _shown_whole(shown, more, prompts)
    return tuple(
        _placed(_node_text(one.node, text, start, whole=index in whole), whence)
        for index, (one, text, start, whence) in enumerate(
            zip(nodes, texts, starts, cut, strict=True)
        )
    )


def _shown_whole(
    texts: Sequence[str], more: Sequence[int], prompts: Sequence[str]
) -> frozenset[int]:
    """Return which nodes some prompt shows with their metadata, of those that have any."""
    flattened = [flat(prompt) for prompt in prompts]
    found = {index for index in more if any(flat(texts[index]) in one for one in flattened)}
    chunks = [Chunk(text) for text in texts]  # all, for the others bound a part of one
    for prompt in prompts if len(found) < len(more) else ():
        for place in locate_chunks([prompt], chunks):
            if place.outcome in ("found", "repeated"):
                found.add(place.chunk_index)
    return frozenset(found)


def _node_text(node: BaseNode, own: str, label: int, *, whole: bool) -> NodeText:
    body = own[label:].strip()
    offset = own.index(body, label) if body else label
    shown = node.get_content(metadata_mode=MetadataMode.LLM).strip()
    # Metadata may repeat the text, so it matters on which side of it the template has it.
    template = str(getattr(node, "text_template", "") or "{content}")
    find = shown.rfind if template.rstrip().endswith("{content}") else shown.find
    start = find(body)
    if start < 0:  # a node type that shows something else than its text
        body, start, offset = shown, 0, 0
    chunk = Chunk(body, node.node_id, node.metadata)
    before, after = shown[:start], shown[start + len(body) :]
    if label and before.endswith(own[:label]):
        before = before[: -len(own[:label])]
    made = NodeText(chunk, shown, start, offset, node, offset, in_document=False)
    if whole and body and (before.strip() or after.strip()):
        made = _with_metadata(made, len(before), len(after))
    return made


def _with_metadata(text: NodeText, before: int, after: int) -> NodeText:
    """Take the metadata around a body into the chunk: characters at the start, and at the end."""
    start, end = text.start, text.start + len(text.chunk.text)
    first = 0 if before else start
    last = len(text.shown) if after else end
    around = [(0, before), (end - first, last - first)]
    chunk = replace(
        text.chunk,
        text=text.shown[first:last],
        body=(start - first, end - first),
        shown_metadata=tuple((low, high) for low, high in around if low < high),
    )
    return replace(text, chunk=chunk, start=first)


def _placed(text: NodeText, whence: Whence | None) -> NodeText:
    """Add what is known of the places in the retrieved node and in its document."""
    if whence is not None:
        text = _led_home(text, whence)
    stretches = stretches_of(text.home)
    document = text.home.ref_doc_id or (text.home.node_id if stretches else None)
    known = bool(stretches) and text.home_offset is not None
    if not stretches and whence is not None:  # overlapping pieces of one node are one passage, too
        own = text.home.get_content(metadata_mode=MetadataMode.NONE)
        stretches, document = ((0, len(own), 0),), text.home.node_id
    chunk = text.chunk
    if document is not None and text.home_offset is not None and chunk.text:
        moved = tuple(_moved(stretches, text.home_offset, *chunk.body_span))
        chunk = replace(chunk, origin=Origin(document, moved))
    return replace(text, chunk=chunk, in_document=known)


def _led_home(text: NodeText, whence: Whence) -> NodeText:
    """Lead a piece back to the retrieved node, whose metadata may stand at its start."""
    low, high = text.chunk.body_span
    start = low + whence.metadata
    metadata = [*text.chunk.shown_metadata, *([(low, start)] if whence.metadata else [])]
    chunk = replace(
        text.chunk,
        id=whence.node.node_id,
        body=(start, high) if metadata else None,
        shown_metadata=tuple(sorted(metadata)),
    )
    offset = text.offset + whence.metadata
    return replace(text, chunk=chunk, offset=offset, home=whence.node, home_offset=whence.offset)


def _moved(stretches: Sequence[Stretch], offset: int, low: int, high: int) -> list[Stretch]:
    """Move stretches from a node's own text to a chunk, whose body starts at an offset in it."""
    shift = low - offset
    moved = []
    for start, end, place in stretches:
        first, last = max(start + shift, low), min(end + shift, high)
        if first < last:
            moved.append((first, last, place + first - start - shift))
    return moved
