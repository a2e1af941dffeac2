"""Documents, nodes and dictionaries as chunks."""

from __future__ import annotations

import pytest
from langchain_core.documents import Document
from llama_index.core.schema import NodeRelationship, NodeWithScore, RelatedNodeInfo, TextNode

from attribot_integrations.context.given_chunks import given_chunks
from attribot_integrations.context.retrieved import Chunk, Origin, as_chunks
from attribot_integrations.errors import InputError


def test_langchain_documents() -> None:
    document = Document("It is long.", id="d", metadata={"source": "a.pdf", "page": 3})
    placed = Document("It is old.", metadata={"source": "a.pdf", "start_index": 12})
    first, second = given_chunks([document, placed])
    assert first == Chunk("It is long.", "d", document.metadata, origin=Origin("a.pdf\n3"))
    assert second == Chunk(
        "It is old.", None, placed.metadata, origin=Origin("a.pdf\nNone", ((0, 10, 12),))
    )


def test_llama_index_nodes_with_and_without_scores() -> None:
    node = TextNode(
        text="It is long.",
        id_="n",
        metadata={"file_name": "a.pdf"},
        start_char_idx=5,
        end_char_idx=16,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id="doc")},
    )
    plain, scored = given_chunks([node, NodeWithScore(node=node, score=0.5)])
    metadata = {"file_name": "a.pdf"}
    made = Chunk("It is long.", "n", metadata, origin=Origin("doc", ((0, 11, 5),)))
    assert plain == scored == made
    (bare,) = given_chunks([TextNode(text="x", id_="m")])
    assert bare == Chunk("x", "m")


@pytest.mark.parametrize("key", ["text", "page_content", "content"])
def test_dictionaries(key: str) -> None:
    data = {key: "It is long.", "id": 7, "title": "T", "metadata": {"page": 3}, "score": None}
    (chunk,) = given_chunks([data])
    assert chunk == Chunk("It is long.", "7", {"title": "T", "page": 3})
    assert key in data  # what the caller has stays as it is


def test_what_is_no_chunk() -> None:
    with pytest.raises(InputError, match=r"chunk 1 is a dictionary without a text .* \['body'\]"):
        given_chunks(["x", {"body": "y"}])
    with pytest.raises(InputError, match="chunk 0 must be a str or Chunk, not int"):
        as_chunks(given_chunks([3]))  # type: ignore[list-item]
    with pytest.raises(InputError, match="not one str"):
        as_chunks(given_chunks("text"))
