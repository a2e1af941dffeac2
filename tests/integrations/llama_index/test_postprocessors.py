"""The post-processor notes nodes, changes nothing, and attributes on request."""

import asyncio
import copy
from typing import Any

import pytest
from llama_index.core.base.response.schema import Response
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import QueryBundle

from attribot_integrations.errors import InputError
from attribot_integrations.llama_index import AttributionNodePostprocessor
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import EchoChatLLM, node, payload_of, rag


def test_post_processor_changes_nothing() -> None:
    processor = AttributionNodePostprocessor(StubEngine())
    nodes = [node("Ada is old."), node("Bea is young.")]
    before = copy.deepcopy(nodes)
    assert processor.postprocess_nodes(nodes, QueryBundle("Who?")) is nodes
    assert [one.model_dump() for one in nodes] == [one.model_dump() for one in before]
    assert processor.postprocess_nodes([]) == []
    names = [one.__name__ for one in AttributionNodePostprocessor.__mro__]
    assert BaseNodePostprocessor.__name__ in names
    assert set(processor.to_dict()) == {"metadata_key", "max_captures", "class_name"}


def test_post_processor_attributes_on_request() -> None:
    engine = StubEngine()
    processor = AttributionNodePostprocessor(engine)
    query_engine = rag(node_postprocessors=[processor])
    response, other = query_engine.query("Ada"), query_engine.query("Bea")
    assert engine.requests == []
    record = processor.attribute(response)
    assert record is processor.attribute(response)
    assert (record.question, record.status, record.prompt_used) == (
        "Ada",
        "approximate",
        "template",
    )
    assert payload_of(response)["citations"][0]["node_id"] == "Ada-0"
    assert asyncio.run(processor.aattribute(other)).question == "Bea"
    assert len(engine.requests) == 2


def test_post_processor_knows_concurrent_queries_apart() -> None:
    processor = AttributionNodePostprocessor(StubEngine())
    query_engine = rag(EchoChatLLM(), node_postprocessors=[processor])

    async def ask(number: int) -> None:
        response = await query_engine.aquery(f"Name{number}")
        record = await processor.aattribute(response)
        assert (record.question, record.answer) == (f"Name{number}", f"About Name{number}")

    async def ask_all() -> None:
        await asyncio.gather(*map(ask, range(20)))

    asyncio.run(ask_all())


def test_post_processor_needs_a_stream_that_was_read() -> None:
    processor = AttributionNodePostprocessor(StubEngine())
    response: Any = rag(streaming=True, node_postprocessors=[processor]).query("Ada")
    with pytest.raises(InputError, match="must be read with get_response"):
        processor.attribute(response)
    response.get_response()
    assert processor.attribute(response).answer == "About Ada "


def test_post_processor_refuses_what_it_did_not_see() -> None:
    processor = AttributionNodePostprocessor(StubEngine(), max_captures=1)
    query_engine = rag(node_postprocessors=[processor])
    forgotten = query_engine.query("Ada")
    query_engine.query("Bea")
    for response in (forgotten, Response("Hello", source_nodes=[node("x")])):
        with pytest.raises(InputError, match="none of the last 1 captures holds the response's"):
            processor.attribute(response)
