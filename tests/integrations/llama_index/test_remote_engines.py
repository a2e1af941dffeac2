"""Components take a `RemoteEngine` in an engine's place, and give the same citations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from llama_index.core.schema import NodeWithScore, QueryBundle

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.query_engine import DemoQueryEngine, demo_query_engine
from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionCallbackHandler,
    AttributionFilterPostprocessor,
    get_citations,
)
from attribot_integrations.service import RemoteEngine
from tests.unit.service.running import engine, running

Both = AttributionEngine | RemoteEngine


@pytest.fixture(scope="module")
def remote() -> Iterator[RemoteEngine]:
    with running() as service:
        yield service.remote()


@pytest.fixture(scope="module")
def demo() -> DemoQueryEngine:
    return demo_query_engine(engine())


def test_query_engines(demo: DemoQueryEngine, remote: RemoteEngine) -> None:
    def cited(each: Both) -> list[object]:
        response = AttributedQueryEngine(demo.query_engine, each).query(demo.questions[0])
        return [
            (one.node_id, one.score, one.answer_start, one.answer_end)
            for one in get_citations(response)
        ]

    assert cited(remote) == cited(engine())
    assert cited(remote)


def test_filters(demo: DemoQueryEngine, remote: RemoteEngine) -> None:
    question = demo.questions[0]
    nodes = demo.retriever.retrieve(question)

    def kept(each: Both) -> list[NodeWithScore]:
        return AttributionFilterPostprocessor(each).postprocess_nodes(nodes, QueryBundle(question))

    assert kept(remote) == kept(engine())
    assert len(kept(remote)) < len(nodes)


def test_handlers_take_it(remote: RemoteEngine) -> None:
    assert AttributionCallbackHandler(remote) is not None
