"""Which stretch of a document a node shows, and which node a piece was cut from."""

from __future__ import annotations

import pytest
from llama_index.core import Document
from llama_index.core.node_parser import SentenceWindowNodeParser
from llama_index.core.schema import TextNode

from attribot_integrations.llama_index.origins import Whence, homes, stretches_of

TEXT = (
    'Ada is old. Bea is young.\n\nCleo is here.  Dan said: "No." Eve is gone! Fay is tall. '
    "Is Gil short? Hal is home."
)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_windows_know_their_places(size: int) -> None:
    document = Document(text=TEXT)
    windows = SentenceWindowNodeParser.from_defaults(window_size=size).get_nodes_from_documents(
        [document]
    )
    assert len(windows) > 5
    for window in windows:
        window.set_content(window.metadata["window"])
        own = window.get_content()
        stretches = stretches_of(window)
        for start, end, place in stretches:
            assert TEXT[place : place + end - start] == own[start:end]
        shown = "".join(own[start:end] for start, end, _ in stretches)
        assert shown.replace(" ", "") == own.replace(" ", "")


def test_a_sentence_that_stands_twice_in_its_window_says_nothing() -> None:
    node = TextNode(
        text="Yes. No. Yes. ", metadata={"o": "Yes. "}, start_char_idx=40, end_char_idx=45
    )
    assert stretches_of(node) == ()


def test_plain_nodes() -> None:
    assert stretches_of(TextNode(text="Ada.", start_char_idx=3, end_char_idx=7)) == ((0, 4, 3),)
    assert stretches_of(TextNode(text="Ada.", start_char_idx=3, end_char_idx=9)) == ()
    assert stretches_of(TextNode(text="Ada.")) == ()


def test_pieces_lead_back_to_nodes_in_order() -> None:
    one = TextNode(text="Ada is old. Ada is old. Bea.", metadata={"file": "a"})
    two = TextNode(text="Ada is old.")
    pieces = ["Ada is old.", "Ada is old. Bea.", "Ada is old.", "Zoe."]
    assert homes(pieces, [one, two]) == [Whence(one, 0), Whence(one, 12), Whence(two, 0), None]


def test_pieces_that_begin_with_metadata() -> None:
    node = TextNode(text="Ada is old.", metadata={"file": "a"})
    (both,) = homes(["file: a\n\nAda is old."], [node])
    assert both == Whence(node, 0, 9)
    (alone,) = homes(["file: a"], [node])
    assert alone == Whence(node, None, 7)
