"""Traces lead from an answer through what models wrote before, to the documents."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_classic.chains import RetrievalQA
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tools import tool

from attribot_integrations.langchain import CitationCallbackHandler, CitationRecord
from attribot_integrations.langchain.agents import CitationMiddleware
from tests.integrations.langchain.agents import ask, build
from tests.integrations.langchain.fakes import FixedRetriever, last, using
from tests.integrations.langchain.scripted import (
    BIKE,
    FLAG,
    GALBA,
    PHONE,
    PROMPT,
    QUESTION,
    SECOND,
    Scripted,
    join,
)
from tests.integrations.overlap import OverlapEngine

SAID = "For the Norzel it is 910."


def test_an_agent_whose_tool_asks_a_chain() -> None:
    chain = (
        {
            "context": FixedRetriever(found=[PHONE, BIKE]) | join,
            "question": RunnablePassthrough(),
        }
        | PROMPT
        | Scripted(lines=[SAID])
        | StrOutputParser()
    )

    @tool
    def facts(query: str) -> str:
        """Know facts."""
        return str(chain.invoke(query))

    made = {"name": "facts", "args": {"query": QUESTION}, "id": "1", "type": "tool_call"}
    model = Scripted(lines=[AIMessage("", tool_calls=[made]), "The Norzel bike: 910 coins."])
    records: list[CitationRecord] = []
    middleware = CitationMiddleware(OverlapEngine(), on_citations=records.append)
    build(model, [facts], middleware=[middleware]).invoke(ask(QUESTION))
    attribution = records[-1].attribution
    assert attribution is not None
    path = attribution.trace(0).paths[0]
    assert [each.text for each in path.texts] == [SAID, BIKE.page_content]
    assert path.passage is not None
    assert path.passage.chunk is not None
    assert path.passage.chunk.id == "norzel"
    assert path.product == pytest.approx(path.texts[0].share * path.texts[1].share)


def test_a_refined_answer_leads_back_through_its_versions() -> None:
    handler = CitationCallbackHandler(OverlapEngine())
    versions = [SAID, "Norzel: 910.", f"Norzel: 910. {SECOND}"]
    chain = RetrievalQA.from_chain_type(
        Scripted(lines=list[Any](versions)),
        retriever=FixedRetriever(found=[BIKE, FLAG, GALBA]),
        chain_type="refine",
    )
    chain.invoke({"query": QUESTION}, using(handler))
    attribution = last(handler).attribution
    assert attribution is not None
    assert [step.text for step in attribution.steps] == versions[:2]
    first, second = (attribution.trace(each).paths[0] for each in attribution.statements)
    assert [each.text for each in first.texts] == ["Norzel: 910.", SAID, BIKE.page_content]
    assert [each.text for each in second.texts] == [SECOND]
