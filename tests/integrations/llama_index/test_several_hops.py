"""Traces lead from an answer through what models wrote before, to the nodes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine, SubQuestionQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.tools import QueryEngineTool

from attribot_integrations.llama_index import AttributionEventHandler, AttributionRecord
from attribot_integrations.results import Trace
from tests.documents.blocks import ROOT
from tests.integrations.llama_index.fakes import FactRetriever
from tests.integrations.llama_index.reported import (
    ASK_BIKE,
    ASK_BOTH,
    BIKE,
    TEMPLATE,
    TOWN,
    Scripted,
    ScriptedChat,
    nodes,
    rag,
)
from tests.integrations.llama_index.test_public_reports_agents import agent, first
from tests.integrations.llama_index.test_public_reports_several_calls import Questions
from tests.integrations.overlap import OverlapEngine

pytestmark = [  # of LlamaIndex's own code
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]

BIKE_SAID = "It is Roslin Works that makes the Norzel."
TOWN_SAID = "Galba has it in May."


def ways(trace: Trace) -> set[tuple[str, ...]]:
    return {tuple(each.text for each in path.texts) for path in trace.paths}


def tool(name: str, said: str, *found: str) -> QueryEngineTool:
    engine = rag(said, nodes(*found))
    return QueryEngineTool.from_defaults(engine, name=name, description=name)


def watched(ask: Any) -> AttributionRecord:
    """Return the record of the last answer."""
    handler = AttributionEventHandler(OverlapEngine())
    with handler.attach():
        ask()
    assert handler.wait(30)
    assert handler.last is not None
    return handler.last


def test_sub_questions() -> None:
    answer = "Roslin Works makes the Norzel. Galba: May."
    engine = SubQuestionQueryEngine(
        question_gen=Questions(),
        response_synthesizer=get_response_synthesizer(
            Scripted(say=answer), text_qa_template=TEMPLATE
        ),
        query_engine_tools=[
            tool("bike", BIKE_SAID, "norzel", "galmar"),
            tool("town", TOWN_SAID, "galba", "roska"),
        ],
        verbose=False,
        use_async=False,
    )
    made = watched(lambda: engine.query(ASK_BOTH)).attribution
    assert made is not None
    assert [step.text for step in made.steps] == [BIKE_SAID, TOWN_SAID]
    assert (BIKE_SAID, BIKE) in ways(made.trace(0))
    assert (TOWN_SAID, TOWN) in ways(made.trace(1))
    assert all(path.passage is not None for path in made.trace(0).paths)


def test_an_agent_that_calls_query_engines() -> None:
    tools = [tool("bike", BIKE_SAID, "norzel", "galmar"), tool("town", TOWN_SAID, "galba")]
    calls = [(each, {"input": ASK_BIKE}) for each in ("bike", "town")]
    made = agent(first(*calls, then="Roslin Works makes the Norzel; Galba has it in May."), *tools)

    async def ask() -> AttributionRecord:
        handler = AttributionEventHandler(OverlapEngine())
        with handler.attach():
            output = await made.run(ASK_BOTH)
            return await handler.aresult(output, 20)

    found = asyncio.run(ask()).attribution
    assert found is not None
    (path,) = [path for path in found.trace(0).paths if path.passage and path.passage.text == BIKE]
    assert [each.text for each in path.texts] == [BIKE_SAID, BIKE]
    assert path.product == pytest.approx(path.texts[0].share * path.texts[1].share)
    assert path.weakest.share == min(each.share for each in path.texts)
    page = (ROOT / "docs/pipelines.md").read_text(encoding="utf-8")
    assert found.trace(0).to_text() in page


THOUGHT = "The Norzel: Roslin Works. Not Galmar."


class Thinking(ScriptedChat):
    """Keeps its thoughts apart from what it says."""

    def chat(self, messages: Any, **kwargs: Any) -> Any:
        reply = super().chat(messages, **kwargs)
        reply.message.additional_kwargs["reasoning_content"] = THOUGHT
        return reply


@pytest.mark.parametrize("apart", [False, True])
def test_thoughts_are_a_hop_for_who_asks(apart: bool) -> None:
    llm: ScriptedChat = Thinking(say=BIKE_SAID, window=30_000)
    if not apart:
        llm = ScriptedChat(say=f"<think>{THOUGHT}</think>{BIKE_SAID}", window=30_000)
    synthesizer = get_response_synthesizer(llm, text_qa_template=TEMPLATE)
    engine = RetrieverQueryEngine(FactRetriever(nodes=nodes("norzel", "galmar")), synthesizer)
    record = watched(lambda: engine.query(ASK_BIKE))
    assert record.attribution is not None
    assert record.attribution.steps == ()
    made = record.through_thoughts()
    assert made is not None
    assert [(step.kind, step.text) for step in made.steps] == [("thoughts", THOUGHT)]
    assert ("The Norzel: Roslin Works.", BIKE) in ways(made.trace(0))
    assert (BIKE,) in ways(made.trace(0))


def test_a_refined_answer_leads_back_through_its_versions() -> None:
    said = iter([BIKE_SAID, "Norzel: Roslin Works.", "Norzel: Roslin Works. Galba: May."])
    engine = rag(
        lambda prompt: next(said),
        nodes("norzel", "delka", "galba"),
        ResponseMode.REFINE,
        refine_template=PromptTemplate(
            "Q: {query_str}\nSo far: {existing_answer}\nMore: {context_msg}\nRefine it."
        ),
    )
    made = watched(lambda: engine.query(ASK_BOTH)).attribution
    assert made is not None
    assert [step.text for step in made.steps] == [BIKE_SAID, "Norzel: Roslin Works."]
    assert ("Norzel: Roslin Works.", BIKE_SAID, BIKE) in ways(made.trace(0))
    assert made.trace(0).hops == 3
    assert (TOWN,) in ways(made.trace(1))
