"""Plain data that is read as attributes, too."""

import copy
import pickle

import pytest
from langchain_core.documents import Document

from attribot_integrations.langchain import cite
from attribot_integrations.langchain.plain import PlainDocument, plain_citations, plain_support
from tests.integrations.langchain.scripted import BIKE, PHONE, QUESTION, engine
from tests.integrations.langchain.test_handed_back import rag
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


def test_nothing_is_plain_too() -> None:
    assert plain_citations(None) == plain_support(None) == []
