"""A node's text as the prompt shows it, and the part of it that can be cited."""

import pytest
from llama_index.core.schema import ImageNode, NodeWithScore, TextNode

from attribot_integrations.llama_index.nodes import node_texts
from tests.integrations.llama_index.fakes import node


@pytest.mark.parametrize("template", ["{metadata_str}\n\n{content}", "{content}\n({metadata_str})"])
def test_metadata_is_told_apart_from_the_text(template: str) -> None:
    one = TextNode(text=" Ada.\n", metadata={"note": "Ada."}, text_template=template)
    (text,) = node_texts([NodeWithScore(node=one)])
    assert text.chunk.text == text.shown
    assert (text.start, text.body) == (0, "Ada.")
    assert one.text[text.offset :].startswith("Ada.")
    ((start, end),) = text.chunk.shown_metadata
    assert text.shown[start:end].strip().strip("()") == "note: Ada."


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("Context:\nnote: Ada.\n\nBea is old.\nWho?", True),
        ("Context:\nnote: Ada. Bea is old. Who?", True),
        ("['note: Ada.\\n\\nBea is old.']", True),
        ("Context:\nBea is old.\nWho?", False),
        ("Who?", False),
    ],
)
def test_metadata_that_no_prompt_shows_is_left_out(prompt: str, shown: bool) -> None:
    one = node("Bea is old.", metadata={"note": "Ada."})
    (text,) = node_texts([one], [prompt, "Another."])
    assert text.chunk.text == ("note: Ada.\n\nBea is old." if shown else "Bea is old.")
    assert bool(text.chunk.shown_metadata) is shown


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
