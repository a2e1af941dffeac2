"""The post-processor, the legacy callback handler, and citations in other forms."""

import asyncio
import copy
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, CitationBlock
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager, CBEventType
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import QueryBundle

from attribot_integrations.errors import InputError
from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionCallbackHandler,
    AttributionNodePostprocessor,
    format_with_markers,
    get_citations,
    to_citation_blocks,
)
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import (
    EchoChatLLM,
    EchoLLM,
    FactRetriever,
    check,
    node,
    payload_of,
    rag,
)

# The post-processor


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


# The legacy handler


def legacy(
    handler: BaseCallbackHandler, llm: EchoLLM | None = None, *, streaming: bool = False
) -> RetrieverQueryEngine:
    manager = CallbackManager([handler])
    model = llm or EchoLLM()
    synthesizer = get_response_synthesizer(model, callback_manager=manager, streaming=streaming)
    return RetrieverQueryEngine(
        FactRetriever(), response_synthesizer=synthesizer, callback_manager=manager
    )


@pytest.mark.parametrize("model", [EchoLLM, EchoChatLLM])
def test_legacy_handler(model: type[EchoLLM]) -> None:
    engine = StubEngine()
    handler = AttributionCallbackHandler(engine, mode="sync")
    llm = model()
    check(legacy(handler, llm).query("Ada"), "Ada")
    assert engine.prompts[0].endswith(llm.prompts[0])
    assert handler.open_count == 0


async def test_legacy_handler_knows_concurrent_queries_apart() -> None:
    handler = AttributionCallbackHandler(StubEngine())
    query_engine = legacy(handler, EchoChatLLM())

    async def ask(number: int) -> None:
        response = await query_engine.aquery(f"Name{number}")
        await handler.aresult(response)
        check(response, f"Name{number}")

    await asyncio.gather(*map(ask, range(30)))
    assert handler.open_count == 0


def test_legacy_handler_of_streams_uses_a_template() -> None:
    handler = AttributionCallbackHandler(StubEngine())
    response: Any = legacy(handler, streaming=True).query("Ada")
    assert list(response.response_gen) == ["About ", "Ada "]
    record = handler.result(response)
    assert record.prompt_used in ("template", "captured")
    assert record.citations


def test_legacy_handler_never_breaks_a_query(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = AttributionCallbackHandler(StubEngine())

    def fail(*args: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(handler, "_start", fail)
    monkeypatch.setattr(handler, "_end", fail)
    assert str(legacy(handler).query("Ada")) == "About Ada"
    assert "the start of CBEventType.SYNTHESIZE could not be followed" in caplog.text
    assert "the end of CBEventType.SYNTHESIZE could not be followed" in caplog.text
    handler.on_event_end(CBEventType.LLM, None, "unknown")


# Citations in other forms


def answered() -> Any:
    return AttributedQueryEngine(rag(), StubEngine()).query("Ada")


def test_citations_of_a_response_its_payload_and_its_metadata() -> None:
    response = answered()
    found = get_citations(response)
    assert found == get_citations(payload_of(response)) == get_citations(response.metadata)
    (citation,) = found
    assert citation.metadata["title"] == "Title 0"
    with pytest.raises(TypeError):
        citation.metadata["title"] = "x"  # type: ignore[index]


def test_what_carries_no_citations_is_an_error() -> None:
    with pytest.raises(InputError, match="this Response carries no attribution under"):
        get_citations(Response("Hello"))
    with pytest.raises(InputError, match="metadata_key='other'"):
        get_citations(answered(), metadata_key="other")
    payload = payload_of(answered())
    with pytest.raises(InputError, match="the payload's version must be 1, got 7"):
        get_citations({**payload, "version": 7})
    with pytest.raises(InputError, match="the attribution is pending"):
        get_citations({**payload, "status": "pending"})


def test_blocks_are_llama_index_own() -> None:
    (block,) = to_citation_blocks(answered())
    assert isinstance(block, CitationBlock)
    assert block.source == "Ada-0"
    assert block.title == "Title 0"
    assert block.additional_location_info == {"number": 1, "node_start": 0, "node_end": 14}
    message = ChatMessage(content=[block])
    assert ChatMessage.model_validate_json(message.model_dump_json()) == message


def test_blocks_of_nodes_without_a_title_have_their_id() -> None:
    nodes = [node("Ada is old.", id_="n1", start_char_idx=5, end_char_idx=16)]
    response = AttributedQueryEngine(rag(retriever=FactRetriever(nodes=nodes)), StubEngine())
    (block,) = to_citation_blocks(response.query("Who?"))
    assert block.title == "n1"
    assert block.additional_location_info["start_char_idx"] == 5


def test_markers() -> None:
    response = answered()
    assert format_with_markers(response) == "About Ada [1]"
    assert format_with_markers(response, sources=True) == (
        "About Ada [1]\n\n[1] Title 0: Ada is fact 0."
    )
    payload = payload_of(response)
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
    assert format_with_markers(payload) == "Ada is old. [1][2] Bea too. [3] Fin."
