"""Any number of watchers on one response, each bound to its own context; judges are no answers."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core import MockEmbedding, Settings
from llama_index.core.callbacks import CallbackManager
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine
from llama_index.core.evaluation import FaithfulnessEvaluator, RelevancyEvaluator
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer

from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionCallbackHandler,
    AttributionEventHandler,
    AttributionNodePostprocessor,
    get_citations,
)
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import EchoChatLLM, EchoLLM, FactRetriever, rag


@pytest.mark.parametrize("way", ["query", "aquery"])
def test_all_watchers_get_one_record(way: str) -> None:
    attributor = StubEngine()
    told: dict[str, list[Any]] = {"first": [], "second": [], "inner": [], "outer": []}
    first, second = (
        AttributionEventHandler(attributor, on_citations=told[name].append)
        for name in ("first", "second")
    )
    inner = AttributedQueryEngine(rag(EchoChatLLM()), attributor, on_citations=told["inner"].append)
    outer = AttributedQueryEngine(inner, attributor, on_citations=told["outer"].append)
    with first.attach(), second.attach():
        response: Any = outer.query("Ada") if way == "query" else asyncio.run(outer.aquery("Ada"))
    for watcher in (first, second, inner.handler, outer.handler):
        assert watcher.wait(10)
        assert watcher.result(response) is first.result(response)
        assert watcher.last is first.last
    assert {name: len(records) for name, records in told.items()} == dict.fromkeys(told, 1)
    assert len(attributor.requests) == 1
    assert [one.node_id for one in get_citations(response)] == ["Ada-0"]


def test_old_and_new_callbacks_share_a_record() -> None:
    attributor = StubEngine()
    old, new = AttributionCallbackHandler(attributor), AttributionEventHandler(attributor)
    manager = CallbackManager([old])
    query_engine = RetrieverQueryEngine(
        FactRetriever(),
        get_response_synthesizer(EchoLLM(callback_manager=manager), callback_manager=manager),
        callback_manager=manager,
    )
    with new.attach():
        response = query_engine.query("Ada")
    assert new.result(response, 10) is old.result(response, 10)
    assert len(attributor.requests) == 1


def test_handlers_of_requests_at_the_same_time_see_their_own() -> None:
    query_engine, attributor = rag(EchoChatLLM()), StubEngine()

    async def request(name: str) -> list[str]:
        with AttributionEventHandler(attributor).attach() as handler:
            await asyncio.sleep(0.01)
            response = await query_engine.aquery(name)
            await handler.aresult(response, 20)
            await asyncio.sleep(0.01)
            return [record.question for record in handler.records]

    async def requests() -> list[list[str]]:
        return await asyncio.gather(*(request(f"Name{number}") for number in range(8)))

    def in_thread(name: str) -> list[str]:
        with AttributionEventHandler(attributor).attach() as handler:
            handler.result(query_engine.query(name), 20)
            return [record.question for record in handler.records]

    names = [f"Name{number}" for number in range(8)]
    assert asyncio.run(requests()) == [[name] for name in names]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(in_thread, names)) == [[name] for name in names]
    assert len(attributor.requests) == 16


@pytest.mark.parametrize("asynchronous", [False, True])
def test_evaluators_give_no_answers(asynchronous: bool) -> None:
    Settings.llm, Settings.embed_model = EchoLLM(), MockEmbedding(8)
    judge = EchoLLM(answer="YES")
    judges = (FaithfulnessEvaluator(llm=judge), RelevancyEvaluator(llm=judge))
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response: Any = rag().query("Ada")
        for one in judges:
            if asynchronous:
                verdict = asyncio.run(one.aevaluate_response(query="Ada", response=response))
            else:
                verdict = one.evaluate_response(query="Ada", response=response)
            assert verdict.passing
    assert handler.wait(10)
    assert [record.question for record in handler.records] == ["Ada"]


def test_metadata_of_nodes_is_walked_through_as_ever() -> None:
    plain = rag().query("Ada")
    with AttributionEventHandler(StubEngine()).attach():
        response: Any = rag().query("Ada")
    assert plain.metadata is not None
    assert response.metadata is not None
    assert list(response.metadata) == list(plain.metadata)
    assert [one["title"] for one in response.metadata.values()] == ["Title 0", "Title 1"]
    assert dict(response.metadata) == plain.metadata
    assert json.loads(json.dumps(response.metadata)) == plain.metadata
    assert "attribution" in response.metadata
    assert response.metadata["attribution"]["status"] == "ok"
    for copied in (
        copy.deepcopy(response),
        pickle.loads(pickle.dumps(response)),
        dataclasses.replace(response, response="Other."),
    ):
        assert get_citations(copied) == get_citations(response)


def test_citations_are_copied_and_written_out() -> None:
    with AttributionEventHandler(StubEngine()).attach() as handler:
        response = rag().query("Ada")
    found = get_citations(response)
    assert pickle.loads(pickle.dumps(found)) == copy.deepcopy(found) == found
    assert json.loads(json.dumps(dataclasses.asdict(found[0])))["node_id"] == "Ada-0"
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        pickle.dumps(handler.result(response))


def test_a_wrapper_is_copied_by_its_configuration_and_refuses_to_be_pickled() -> None:
    attributor = StubEngine()
    wrapped = AttributedQueryEngine(rag(), attributor, metadata_key="cited")
    copied = copy.deepcopy(wrapped)
    response = copied.query("Ada")
    assert len(get_citations(response, metadata_key="cited")) == 1
    assert len(attributor.requests) == 1
    assert wrapped.handler.records == ()
    with pytest.raises(TypeError, match="pickle the query engine, and wrap it"):
        pickle.dumps(wrapped)


@pytest.mark.parametrize("kind", [ContextChatEngine, CondensePlusContextChatEngine])
@pytest.mark.parametrize("way", ["chat", "stream_chat"])
def test_post_processors_take_chat_responses(kind: Any, way: str) -> None:
    noting = AttributionNodePostprocessor(StubEngine())
    chat = kind.from_defaults(
        retriever=FactRetriever(),
        llm=EchoChatLLM(),
        memory=ChatMemoryBuffer.from_defaults(token_limit=3000),
        node_postprocessors=[noting],
    )
    response = getattr(chat, way)("Ada")
    if way == "stream_chat":
        "".join(response.response_gen)
    record = noting.attribute(response)
    assert record.answer.strip() == str(response).strip() != ""
    assert record.status == "approximate"
    assert len(record.citations) == 1
