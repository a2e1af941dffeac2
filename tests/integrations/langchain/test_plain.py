"""Plain data that is read as attributes, too."""

import copy
import pickle

import pytest
from langchain_core.documents import Document

from attribot_integrations.langchain import cite
from attribot_integrations.langchain.plain import (
    DocumentData,
    PlainDocument,
    SupportData,
    plain_citations,
    plain_documents,
    plain_support,
)
from tests.integrations.langchain.scripted import BIKE, PHONE, QUESTION, engine
from tests.integrations.langchain.test_handed_back import rag
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import weighed


def test_items_are_read_as_attributes_too() -> None:
    result = cite(rag(BIKE, PHONE), engine()).invoke(QUESTION)
    (citation,) = result["citations"]
    assert (citation.number, citation.text) == (citation["number"], BIKE.page_content)
    document = result["documents"][citation.chunk_index]
    assert (document.page_content, document.metadata, document.id) == (
        BIKE.page_content,
        {"page": 17},
        "norzel",
    )
    assert result["documents"] == [BIKE, PHONE]
    assert document != PHONE
    assert copy.deepcopy(result) == pickle.loads(pickle.dumps(result)) == result
    with pytest.raises(AttributeError, match="PlainDocument has no 'text'"):
        _ = document.text
    assert PlainDocument(page_content="a", metadata={}, id=None) == Document("a")


def test_labels_have_their_remarks() -> None:
    made = weighed()
    support = plain_support(made)
    assert [each.remark for each in support] == list(made.remarks)
    assert [each.carried for each in support] == list(made.carried)
    assert [each.label for each in support][-1] == "parametric"
    assert [each.basis for each in plain_citations(made)] == ["both", "both", "depends", "states"]


def test_the_typed_form_is_that_of_the_data() -> None:
    made = weighed()
    assert {*plain_support(made)[0]} == {*SupportData.__annotations__}
    assert {*plain_documents(made.chunks)[0]} == {*DocumentData.__annotations__}


def test_offsets_in_utf16_count_what_was_handed_out_before() -> None:
    made = make_attribution("Q", ["x 👍 Ada."], "👍 Ada is old. So.")
    (plain,) = plain_citations(made, "👍👍")
    (units,) = plain_citations(made, "👍👍", "utf-16")
    assert (plain.answer_start, plain.answer_end) == (4, 15)
    assert (units.answer_start, units.answer_end) == (7, 18)
    assert (plain.chunk_end, units.chunk_end) == (8, 9)


def test_nothing_is_plain_too() -> None:
    assert plain_citations(None) == plain_support(None) == []
