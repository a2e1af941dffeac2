"""The marks of a `CitationQueryEngine`'s answer are checked against its nodes."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.query_engine import CitationQueryEngine

from attribot_integrations.auditing import given_answer
from attribot_integrations.llama_index import AttributedQueryEngine
from tests.integrations.llama_index.fakes import EchoLLM, FactRetriever, node
from tests.unit.auditing.hand_made import HandMadeEngine

NODES = [node("The harbour opened in 1962."), node("The bridge shut in 1990.")]


@pytest.mark.parametrize(
    ("answer", "corrected"),
    [
        ("It opened in 1962 [1].", "It opened in 1962 [1]."),
        ("It opened in 1962 [2].", "It opened in 1962 [1]."),
        ("It opened in 1962 [3].", "It opened in 1962 [1]."),
        ("It opened in 1962.", "It opened in 1962 [1]."),
    ],
)
def test_marks_are_audited(answer: str, corrected: str) -> None:
    engine = HandMadeEngine({(0, 0): 5.0})
    query_engine = CitationQueryEngine.from_args(
        index=None,  # type: ignore[arg-type]
        llm=EchoLLM(answer=answer),
        retriever=FactRetriever(nodes=NODES),
    )
    attributed = AttributedQueryEngine(query_engine, engine)
    response: Any = attributed.query("What happened?")
    record = attributed.result(response)
    found = record.audit()
    assert found is not None
    assert found.rewrite() == corrected
    read = given_answer(response, record.chunks, "llama_index")
    assert [each.chunk_index for each in read.citations] == [
        each.given.chunk_index for each in found.citations
    ]
