"""Answers that several model calls led to cite the nodes behind them, not what lies between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RouterQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen.types import BaseQuestionGenerator, SubQuestion
from llama_index.core.response_synthesizers import (
    ResponseMode,
    TreeSummarize,
    get_response_synthesizer,
)
from llama_index.core.selectors import LLMMultiSelector
from llama_index.core.tools import QueryEngineTool

from attribot_integrations.llama_index import AttributionEventHandler, get_citations
from tests.integrations.llama_index.reported import (
    ASK_BIKE,
    ASK_BOTH,
    BIKE,
    TEMPLATE,
    TOWN,
    Scripted,
    engine,
    nodes,
    rag,
)

BOTH = f"{BIKE} {TOWN}"


class Questions(BaseQuestionGenerator):
    def _get_prompts(self) -> Any:
        return {}

    def _update_prompts(self, prompts: Any) -> None:
        pass

    def generate(self, tools: Any, query: Any) -> list[SubQuestion]:
        return [
            SubQuestion(sub_question=ASK_BIKE, tool_name="bike"),
            SubQuestion(sub_question="What is the festival month of Galba?", tool_name="town"),
        ]

    async def agenerate(self, tools: Any, query: Any) -> list[SubQuestion]:
        return self.generate(tools, query)


def tools() -> list[QueryEngineTool]:
    bike, town = rag(BIKE, nodes("norzel", "galmar")), rag(TOWN, nodes("galba", "roska"))
    return [
        QueryEngineTool.from_defaults(bike, name="bike", description="bikes"),
        QueryEngineTool.from_defaults(town, name="town", description="towns"),
    ]


def what_stands_there(prompt: str) -> str:
    told = [fact for fact in (BIKE, TOWN) if fact in prompt]
    return " ".join(told) or "The context does not say."


def cited(response: Any) -> set[tuple[str, str]]:
    """Which nodes each sentence's own citations name, with the text that is cited."""
    return {(one.node_id, one.text) for one in get_citations(response) if one.text in (BIKE, TOWN)}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_sub_questions_lead_to_the_files(asynchronous: bool) -> None:
    query_engine = SubQuestionQueryEngine(
        question_gen=Questions(),
        response_synthesizer=get_response_synthesizer(
            Scripted(say=BOTH), text_qa_template=TEMPLATE, use_async=asynchronous
        ),
        query_engine_tools=tools(),
        verbose=False,
        use_async=asynchronous,
    )
    seen: list[Any] = []
    handler = AttributionEventHandler(engine(), on_citations=seen.append)
    with handler.attach():
        response: Any = query_engine.query(ASK_BOTH)
    assert handler.wait(30)
    assert sorted(record.answer for record in seen) == sorted([BIKE, TOWN, BOTH])
    assert {one.metadata["file_name"] for one in get_citations(response)} == {
        "norzel.pdf",
        "galba.pdf",
    }
    for one in get_citations(response):
        assert one.source_index is not None
        assert response.source_nodes[one.source_index].node.node_id == one.node_id
    # Each part was written, and judged, where its own question was answered.
    labels = [each["label"] for each in response.metadata["attribution"]["statements"]]
    assert labels == ["supported", "supported"]


@pytest.mark.parametrize(
    ("mode", "window", "filler"),
    [
        (ResponseMode.ACCUMULATE, 30_000, 0),
        (ResponseMode.COMPACT_ACCUMULATE, 30_000, 0),
        (ResponseMode.TREE_SUMMARIZE, 30_000, 0),
        (ResponseMode.TREE_SUMMARIZE, 1_100, 25),
        (ResponseMode.SIMPLE_SUMMARIZE, 30_000, 0),
    ],
)
def test_every_mode_cites_the_node_of_each_fact(
    mode: ResponseMode, window: int, filler: int
) -> None:
    options: dict[str, Any] = (
        {"summary_template": TEMPLATE} if mode == ResponseMode.TREE_SUMMARIZE else {}
    )
    found = nodes("norzel", "galmar", "galba", filler=filler)
    query_engine = rag(what_stands_there, found, mode, window=window, **options)
    with AttributionEventHandler(engine()).attach() as handler:
        response = query_engine.query(ASK_BOTH)
    assert cited(response) == {("norzel", BIKE), ("galba", TOWN)}
    record = handler.result(response)
    assert record.status == "ok", record.reason
    assert record.prompt_used == "captured"


def test_a_refined_answer_leads_to_the_node_of_its_first_version() -> None:
    def say(prompt: str) -> str:
        return BOTH if TOWN in prompt else BIKE

    refine = PromptTemplate(
        TEMPLATE.template.replace("{context_str}", "{existing_answer}\n\n{context_msg}")
    )
    query_engine = rag(
        say, nodes("norzel", "galmar", "galba"), ResponseMode.REFINE, refine_template=refine
    )
    with AttributionEventHandler(engine()).attach() as handler:
        response = query_engine.query(ASK_BOTH)
    record = handler.result(response)
    first = [one for one in get_citations(response) if one.answer_start == 0]
    assert max(first, key=lambda one: one.score).node_id == "norzel"
    assert record.status == "ok", record.reason


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_router_that_selects_several_keeps_their_answers_apart(asynchronous: bool) -> None:
    choice = '[{"choice": 1, "reason": "bike"}, {"choice": 2, "reason": "town"}]'
    final = Scripted(say=BOTH)
    router = RouterQueryEngine(
        LLMMultiSelector.from_defaults(llm=Scripted(say=choice)),
        tools(),
        summarizer=TreeSummarize(llm=final, summary_template=TEMPLATE),
        llm=final,
    )
    seen: list[Any] = []
    handler = AttributionEventHandler(engine(), on_citations=seen.append)
    with handler.attach():
        way = router.aquery if asynchronous else router.query
        response: Any = way(ASK_BOTH)
        response = asyncio.run(response) if asynchronous else response
    assert handler.wait(30)
    assert sorted(record.answer for record in seen) == sorted([BIKE, TOWN, BOTH])
    assert {("norzel", BIKE), ("galba", TOWN)} <= cited(response)
    assert {one.node_id for one in get_citations(response)} == {"norzel", "galba"}
    labels = [each["label"] for each in response.metadata["attribution"]["statements"]]
    assert labels == ["supported", "supported"]
