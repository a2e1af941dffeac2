"""A node's text as the prompt shows it, and the part of it that can be cited."""

import pytest
from llama_index.core.schema import ImageNode, NodeWithScore, TextNode

from attribot_integrations.llama_index.nodes import node_texts
from tests.integrations.llama_index.fakes import node


@pytest.mark.parametrize("template", ["{metadata_str}\n\n{content}", "{content}\n({metadata_str})"])
def test_metadata_is_shown_and_not_cited(template: str) -> None:
    one = TextNode(text=" Ada.\n", metadata={"note": "Ada."}, text_template=template)
    (text,) = node_texts([NodeWithScore(node=one)])
    assert text.chunk.text == "Ada."
    assert text.shown.replace(" ", "").count("Ada.") == 2
    assert text.shown[text.start :].startswith("Ada.")
    assert one.text[text.offset :].startswith("Ada.")
    around = text.shown[: text.start] + text.shown[text.start + 4 :]
    assert "note: Ada." in around


def test_later_changes_to_a_node_do_not_reach_its_chunk() -> None:
    one = node("Ada.", metadata={"tags": "old"})
    (text,) = node_texts([one])
    one.node.metadata["tags"] = "new"
    assert text.chunk.metadata["tags"] == "old"


def test_labels_of_citation_query_engines_are_left_out() -> None:
    labelled = [node("Source 1:\nAda.\n"), node("Source 2:\nBea.\n")]
    assert [(one.chunk.text, one.offset) for one in node_texts(labelled)] == [
        ("Ada.", 10),
        ("Bea.", 10),
    ]
    assert node_texts(labelled[1:])[0].chunk.text == "Source 2:\nBea.", "no label is skipped"


def test_nodes_without_text() -> None:
    blank, image = node_texts([node(" \n"), NodeWithScore(node=ImageNode(image="aGk="))])
    assert (blank.chunk.text, blank.shown) == ("", "")
    assert image.chunk.text == ""
