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


THOUGHT = "The Norzel: 910. Or the Norba?"


@pytest.mark.parametrize(
    "message",
    [
        f"<think>\n{THOUGHT}\n</think>\n\n{SAID}",
        AIMessage(SAID, additional_kwargs={"reasoning_content": THOUGHT}),
        AIMessage([{"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": SAID}]),
        AIMessage([{"type": "reasoning", "reasoning": THOUGHT}, {"type": "text", "text": SAID}]),
    ],
)
@pytest.mark.parametrize("hides", [False, True])
def test_thoughts_are_a_hop_for_who_asks(message: Any, hides: bool) -> None:
    def without_thoughts(text: str) -> str:
        return text.rpartition("</think>")[2].strip() if hides else text

    chain = (
        {
            "context": FixedRetriever(found=[PHONE, BIKE]) | join,
            "question": RunnablePassthrough(),
        }
        | PROMPT
        | Scripted(lines=[message])
        | StrOutputParser()
        | without_thoughts
    )
    handler = CitationCallbackHandler(OverlapEngine())
    chain.invoke(QUESTION, using(handler))
    record = last(handler)
    assert record.attribution is not None
    assert record.attribution.steps == ()
    made = record.through_thoughts()
    assert made is not None
    assert [(step.kind, step.text) for step in made.steps] == [("thoughts", THOUGHT)]
    ways = {tuple(each.text for each in path.texts) for path in made.trace(0).paths}
    assert ways == {("The Norzel: 910.", BIKE.page_content), (BIKE.page_content,)}
    assert [each.text for each in made.statements] == [SAID]
    assert all(each.chunk_id in ("norzel", "norba") for each in made.citations)


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
