"""The demo query engine, end to end: retrieval, answer, citations, in every form of use."""

import asyncio
from typing import Any

import pytest
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.memory import ChatMemoryBuffer

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.chain import demo_chain
from attribot_integrations.demo.query_engine import DemoQueryEngine, demo_nodes, demo_query_engine
from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionEventHandler,
    format_with_markers,
    get_citations,
)


@pytest.fixture(scope="module")
def demo() -> DemoQueryEngine:
    return demo_query_engine(AttributionEngine.demo())


def test_facts_are_those_of_the_demo_chain(demo: DemoQueryEngine) -> None:
    chain = demo_chain(demo.engine)
    assert demo.questions == chain.questions
    assert demo.unanswerable == chain.unanswerable
    assert [node.text for node in demo.nodes] == [one.page_content for one in chain.documents]
    assert [node.node_id for node in demo.nodes] == [one.id for one in chain.documents]
    assert [node.metadata for node in demo_nodes()] == [one.metadata for one in chain.documents]


def test_answers_are_cited_from_the_nodes_that_the_question_names(demo: DemoQueryEngine) -> None:
    handler = AttributionEventHandler(demo.engine)
    with handler.attach():
        for question in demo.questions:
            response = demo.query_engine.query(question)
            record = handler.result(response)
            assert (record.status, record.prompt_used) == ("ok", "captured")
            citations = get_citations(response)
            assert citations
            assert all(one.metadata["title"] in question for one in citations)
            assert record.attribution is not None
            for statement in record.attribution.statements:
                assert record.attribution.citations_of(statement.index)
        response = demo.query_engine.query(demo.unanswerable)
        assert get_citations(response) == ()


def test_streams_and_async_queries_get_the_same(demo: DemoQueryEngine) -> None:
    question = demo.questions[0]
    wrapped = AttributedQueryEngine(demo.query_engine, demo.engine)
    streaming = demo_query_engine(demo.engine, streaming=True).query_engine
    streamed: Any = AttributedQueryEngine(streaming, demo.engine)
    first = wrapped.query(question)
    second = streamed.query(question)
    text = "".join(second.response_gen)
    third = asyncio.run(wrapped.aquery(question))
    assert text == str(first) == str(third)
    assert (
        format_with_markers(first, sources=True)
        == format_with_markers(second, sources=True)
        == format_with_markers(third, sources=True)
    )
    assert format_with_markers(first) == f"{text} [1]"


def test_chat_engine_over_the_demo(demo: DemoQueryEngine) -> None:
    loop = asyncio.new_event_loop()  # the memory would open one, and leave it open
    asyncio.set_event_loop(loop)
    handler = AttributionEventHandler(demo.engine)
    chat = ContextChatEngine.from_defaults(
        retriever=demo.retriever,
        llm=demo.llm,
        memory=ChatMemoryBuffer.from_defaults(token_limit=1000),
    )
    with handler.attach():
        response = chat.chat(demo.questions[0])
    assert handler.result(response).status in ("ok", "approximate")
    get_citations(response)
    asyncio.set_event_loop(None)
    loop.close()
