"""Nodes as chunks: copied, and told apart from the metadata that the prompt shows with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore

from attribot_integrations.context.sources import Chunk

__all__ = ["NodeText", "node_texts"]

_LABEL: Final = re.compile(r"Source (\d+):\n")


@dataclass(frozen=True)
class NodeText:
    """A node's text as the prompt shows it, and the part of it that can be cited."""

    chunk: Chunk
    """The part that can be cited; later changes to the node do not reach it."""
    shown: str
    """The whole text, metadata included, as the prompt shows it; "" for a blank node."""
    start: int
    """Where the chunk starts in `shown`."""
    offset: int
    """Where the chunk starts in the node's own text."""


def node_texts(nodes: Sequence[NodeWithScore]) -> tuple[NodeText, ...]:
    """Return the texts of nodes, in order; the nodes are not changed.

    A chunk is the node's own text without the white space around it, which synthesizers strip,
    and without the label that `CitationQueryEngine` puts before it.
    """
    texts = [one.node.get_content(metadata_mode=MetadataMode.NONE) for one in nodes]
    labels = [_LABEL.match(text) for text in texts]
    labelled = all(
        label is not None and int(label.group(1)) == number
        for number, label in enumerate(labels, start=1)
    )
    return tuple(
        _node_text(one.node, text, label.end() if labelled and label is not None else 0)
        for one, text, label in zip(nodes, texts, labels, strict=True)
    )


def _node_text(node: BaseNode, own: str, label: int) -> NodeText:
    body = own[label:].strip()
    offset = own.index(body, label) if body else label
    shown = node.get_content(metadata_mode=MetadataMode.LLM).strip()
    # Metadata may repeat the text, so it matters on which side of it the template has it.
    template = str(getattr(node, "text_template", "") or "{content}")
    find = shown.rfind if template.rstrip().endswith("{content}") else shown.find
    start = find(body)
    if start < 0:  # a node type that shows something else than its text
        body, start, offset = shown, 0, 0
    return NodeText(Chunk(body, node.node_id, node.metadata), shown, start, offset)
