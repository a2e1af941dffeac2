"""Components take a `RemoteEngine` in an engine's place, and give the same citations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.chain import DemoChain, DemoRetriever, demo_chain
from attribot_integrations.langchain import (
    AttributionDocumentCompressor,
    CitationCallbackHandler,
    FilteringRetriever,
    cite,
)
from attribot_integrations.service import RemoteEngine
from tests.unit.service.running import engine, running


@pytest.fixture(scope="module")
def remote() -> Iterator[RemoteEngine]:
    with running() as service:
        yield service.remote()


@pytest.fixture(scope="module")
def demo() -> DemoChain:
    return demo_chain(engine())


Both = AttributionEngine | RemoteEngine


def test_cite(demo: DemoChain, remote: RemoteEngine) -> None:
    found, here = (cite(demo.chain, each).invoke(demo.questions[0]) for each in (remote, engine()))
    assert found["citations"] == here["citations"]
    assert found["citations"]


@pytest.mark.parametrize("mode", ["lazy", "background", "sync"])
def test_handlers(demo: DemoChain, remote: RemoteEngine, mode: str) -> None:
    def records(each: Both) -> list[object]:
        handler = CitationCallbackHandler(each, mode=mode)  # type: ignore[arg-type]
        callbacks: list[BaseCallbackHandler] = [handler]
        demo.chain.batch([*demo.questions[:2]], {"callbacks": callbacks})
        handler.wait()
        return [
            (record.question, record.citations)
            for record in sorted(handler.records, key=lambda record: record.question)
        ]

    assert records(remote) == records(engine())


def test_filters(demo: DemoChain, remote: RemoteEngine) -> None:
    def kept(each: Both) -> list[Document]:
        base = DemoRetriever(documents=demo.documents, k=3)
        compressor = AttributionDocumentCompressor(engine=each, signal="draft")
        return FilteringRetriever(base=base, compressor=compressor).invoke(demo.questions[0])

    assert kept(remote) == kept(engine())
    assert len(kept(remote)) < 3


def test_a_chain_outlives_its_service(demo: DemoChain, caplog: pytest.LogCaptureFixture) -> None:
    with running() as service:
        remote = service.remote(attempts=1)
        handler = CitationCallbackHandler(remote, mode="sync")
        demo.chain.invoke(demo.questions[0], {"callbacks": [handler]})
        service.app.state.batches.stop()
        answer = demo.chain.invoke(demo.questions[0], {"callbacks": [handler]})
    assert answer
    first, second = handler.records
    assert first.citations
    assert second.citations == ()
    assert "status 503" in str(second.error)


def test_agents(remote: RemoteEngine) -> None:
    pytest.importorskip("langchain.agents", reason="needs the extra langchain-agents")
    from attribot_integrations.langchain import CitationMiddleware
    from tests.integrations.langchain.agents import agent, ask

    def said(each: Both) -> object:
        answering = agent("artifact", middleware=[CitationMiddleware(each)])
        return answering.invoke(ask("Ada"))["messages"][-1].content

    assert said(remote) == said(engine())
