"""Citations in other forms: content blocks, and text with markers."""

import copy
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, CitationBlock

from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    format_with_markers,
    to_citation_blocks,
)
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import FactRetriever, node, payload_of, rag


def answered() -> Any:
    return AttributedQueryEngine(rag(), StubEngine()).query("Ada")


def test_blocks_are_llama_index_own() -> None:
    (block,) = to_citation_blocks(answered())
    assert isinstance(block, CitationBlock)
    assert block.source == "Ada-0"
    assert block.title == "Title 0"
    assert block.additional_location_info == {"number": 1, "node_start": 0, "node_end": 14}
    message = ChatMessage(content=[block])
    assert ChatMessage.model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize(
    ("url", "title"),
    [("https://x.org/a", "https://x.org/a"), ("https://x\n](javascript:alert(1))", "n1")],
)
def test_blocks_are_titled_by_safe_addresses_only(url: str, title: str) -> None:
    nodes = [node("Ada is old.", id_="n1", metadata={"url": url})]
    response = AttributedQueryEngine(rag(retriever=FactRetriever(nodes=nodes)), StubEngine())
    (block,) = to_citation_blocks(response.query("Who?"))
    assert block.title == title


def test_blocks_of_nodes_without_a_title_have_their_id() -> None:
    nodes = [node("Ada is old.", id_="n1", start_char_idx=5, end_char_idx=16)]
    response = AttributedQueryEngine(rag(retriever=FactRetriever(nodes=nodes)), StubEngine())
    (block,) = to_citation_blocks(response.query("Who?"))
    assert block.title == "n1"
    assert block.additional_location_info["start_char_idx"] == 5


def test_markers() -> None:
    payload = copy.deepcopy(payload_of(answered()))
    assert format_with_markers(payload) == "About Ada [1]"
    assert format_with_markers(payload, sources=True) == (
        "About Ada [1]\n\n[1] Title 0: Ada is fact 0."
    )
    assert format_with_markers({**payload, "citations": []}, sources=True) == "About Ada"


def test_markers_stand_behind_each_statement() -> None:
    payload = copy.deepcopy(payload_of(answered()))
    one = payload["citations"][0]
    payload["answer"] = "Ada is old. Bea too. Fin."
    payload["citations"] = [
        {**one, "answer_end": 11, "number": 2},
        {**one, "answer_end": 11, "number": 1},
        {**one, "answer_end": 11, "number": 1, "node_start": 3},
        {**one, "answer_end": 20, "number": 3},
    ]
    ends = (11, 20)
    statement = {"start": 0, "label": "supported", "reason": None}
    payload["statements"] = [{**statement, "end": end, "alternatives": []} for end in ends]
    assert format_with_markers(payload) == "Ada is old. [1][2] Bea too. [3] Fin."
    payload["statements"][0]["alternatives"] = [0, 1]
    assert format_with_markers(payload) == "Ada is old. [1] or [2] Bea too. [3] Fin."
    payload["statements"][1]["label"] = "unsupported"
    assert format_with_markers(payload) == "Ada is old. [1] or [2] Bea too. Fin."


def test_markers_say_what_the_model_knew_and_what_is_not_stated() -> None:
    payload = copy.deepcopy(payload_of(answered()))
    one = payload["citations"][0]
    payload["answer"] = "Ada is old. Bea too."
    payload["citations"] = [
        {**one, "answer_end": 11, "number": 1, "basis": "depends", "states": 0.05},
        {**one, "answer_end": 20, "number": 2, "basis": "states", "states": 0.9, "text": "B."},
        {**one, "answer_end": 20, "number": 3, "basis": "depends", "states": 0.2, "text": "C."},
    ]
    statement: dict[str, Any] = {"start": 0, "reason": None, "alternatives": []}
    payload["statements"] = [
        {**statement, "end": 11, "label": "supported"},
        {**statement, "end": 20, "label": "parametric"},
    ]
    expected = (
        "Ada is old. [1] (depends on [1], which does not seem to state it) "
        "Bea too. [2] (known to the model anyway; stated in [2])"
    )
    assert format_with_markers(payload) == expected
    listed = format_with_markers(payload, sources=True).splitlines()
    assert listed[2:] == ["[1] Title 0: Ada is fact 0.", "[2] Title 0: B."]
    payload["statements"][1]["label"] = "unsupported"
    assert format_with_markers(payload).endswith("state it) Bea too.")
