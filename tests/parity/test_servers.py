"""Whole attributions by a server are those by the same model in this process."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
import pytest

from attribot_integrations import AttributionEngine, EngineOptions
from attribot_integrations.engine.method_choice import expected_method
from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.evaluation.examples import demo_set
from attribot_integrations.methods import METHODS, MethodName, ScreenAndRescore
from tests.unit.scoring.servers.fake_servers import (
    FakeServer,
    SglangServer,
    VllmServer,
    small,
    target,
)

EXAMPLE = demo_set(1, chunks=(4, 4), kinds=("single",)).examples[0]
ASKED = (EXAMPLE.question, EXAMPLE.chunks, EXAMPLE.answer)


def by(server: FakeServer, **options: Any) -> AttributionEngine:
    tokenizer: Any = target().encoder._tokenizer
    return AttributionEngine.from_server(
        "http://server", tokenizer=tokenizer, client=server.client(), **options
    )


@pytest.mark.parametrize("server", [VllmServer(), SglangServer()], ids=("vllm", "sglang"))
@pytest.mark.parametrize(
    "method", ["exact", "hierarchical", "hierarchical-full", "pruning-full", "attribot"]
)
def test_methods_that_only_remove_text(server: FakeServer, method: MethodName) -> None:
    options = EngineOptions(method=method)
    expected = AttributionEngine(target(), small(), options).attribute(*ASKED)
    found = by(server, proxy=small(), options=options).attribute(*ASKED)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-3)
    assert found.estimands == expected.estimands
    assert [(each.source_id, each.statement_index) for each in found.citations] == [
        (each.source_id, each.statement_index) for each in expected.citations
    ]
    assert found.citations


def test_without_a_proxy_all_is_exact() -> None:
    served = by(VllmServer())
    assert repr(served) == "AttributionEngine('tiny', method='exact', path='vllm')"
    found = served.attribute(*ASKED)
    assert found.exact.all()


def test_with_a_proxy_what_may_matter_is_rescored_on_the_server() -> None:
    server = VllmServer()
    options = EngineOptions(alternatives=None)
    served = by(server, proxy=small(), options=options)
    method = expected_method(served.target, served.proxy, options)
    assert isinstance(method, ScreenAndRescore)
    assert method.screen == METHODS["proxy-knockout"]
    before = len(server.requests)
    found = served.attribute(*ASKED)
    rescored = int(found.exact.sum())
    assert 0 < rescored < len(found.sources)
    # The full prompt, the one without context, and a sample with each of two groups come on top.
    assert len(server.requests) - before == rescored + 4
    exact = AttributionEngine(target(), options=EngineOptions(method="exact")).attribute(*ASKED)
    rows = found.exact
    np.testing.assert_allclose(found.scores[rows], exact.scores[rows], atol=1e-3)


@pytest.mark.parametrize("method", ["balanced", "knockout"])
def test_methods_that_need_the_models_inside_are_refused(method: MethodName) -> None:
    served = by(VllmServer(), options=EngineOptions(method=method))
    with pytest.raises(ModelError, match="it runs on a server, which gives log-probabilities only"):
        served.attribute(*ASKED)


def test_a_method_that_needs_a_proxy_needs_one_here_too() -> None:
    with pytest.raises(ConfigurationError, match="the engine has none"):
        by(VllmServer(), options=EngineOptions(method="fast"))


def test_a_server_may_be_the_proxy() -> None:
    served = by(SglangServer(model=small()))
    options = EngineOptions(method="pruning-full")
    expected = AttributionEngine(target(), small(), options).attribute(*ASKED)
    found = AttributionEngine(target(), served.target, options).attribute(*ASKED)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-3)


def test_chunks_are_scored_before_there_is_an_answer() -> None:
    expected = AttributionEngine(target()).score_chunks(ASKED[0], ASKED[1], signal="draft")
    found = by(VllmServer()).score_chunks(ASKED[0], ASKED[1], signal="draft")
    assert int(np.argmax(found.relevance)) == int(np.argmax(expected.relevance))


def test_a_budget_of_tokens_is_kept() -> None:
    served = by(VllmServer(), options=EngineOptions(max_tokens=1200))
    found = served.attribute(*ASKED)
    assert found.stopped is not None
    assert "max_tokens=1200 reached" in found.stopped


async def test_cancelling_stops_the_requests() -> None:
    server = VllmServer()
    served = by(server, max_parallel=1)

    def slow(path: str, body: dict[str, Any], answer: Any) -> Any:
        time.sleep(0.05)
        return answer

    server.fault = slow
    before = len(server.requests)
    task = asyncio.create_task(served.aattribute(*ASKED))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.3)
    sent = len(server.requests)
    await asyncio.sleep(0.3)
    assert sent == len(server.requests) < before + 15


def test_many_answers_at_a_time() -> None:
    """One engine, several threads: same scores as in turn."""
    served = by(VllmServer())
    alone = served.attribute(*ASKED).scores

    async def many() -> list[Any]:
        return await asyncio.gather(*(served.aattribute(*ASKED) for _ in range(4)))

    for found in asyncio.run(many()):
        np.testing.assert_allclose(found.scores, alone, atol=1e-5)
