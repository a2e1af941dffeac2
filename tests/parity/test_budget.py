"""A budget that is not reached changes nothing; one that is leaves exact scores exact."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, get_args

import numpy as np
import pytest

from attribot_integrations import (
    Attribution,
    AttributionEngine,
    AttributionRequest,
    EngineOptions,
    Knockout,
)
from attribot_integrations.demo.corpus import Kind, demo_examples
from attribot_integrations.methods import MethodName
from attribot_integrations.scoring.forward import ForwardPass

TOLERANCE = 1e-4
"""Largest difference of exact scores in packs of other sizes, in nats, float32."""

OPTIONS: dict[str, EngineOptions] = {
    **{name: EngineOptions(method=name) for name in get_args(MethodName)},
    "sufficiency": EngineOptions(method=Knockout(sufficiency=True)),
}
EXACT = OPTIONS["exact"]


@pytest.fixture(scope="module")
def engine() -> AttributionEngine:
    return AttributionEngine.demo(proxy=True)


def request(kind: Kind = "single", chunks: int = 4) -> AttributionRequest:
    example = demo_examples(1, seed=1600, chunks=(chunks, chunks), kinds=(kind,))[0]
    asked = example.questions[0]
    return AttributionRequest(asked.question, example.chunk_texts, asked.answer)


@pytest.fixture(scope="module")
def unlimited(engine: AttributionEngine) -> Callable[[str], Attribution]:
    return cache(lambda name: engine.attribute_request(request(), options=OPTIONS[name]))


@pytest.mark.parametrize("name", OPTIONS)
def test_a_budget_that_is_not_reached_changes_nothing(
    name: str, engine: AttributionEngine, unlimited: Callable[[str], Attribution]
) -> None:
    expected = unlimited(name)
    options = replace(OPTIONS[name], max_seconds=10_000, max_tokens=10**7)
    got = engine.attribute_request(request(), options=options)
    assert got.stopped is None
    assert replace(got, cost=expected.cost).to_dict() == expected.to_dict()
    assert got.cost.models == expected.cost.models


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_budget_that_is_reached_leaves_honest_scores(
    name: str, share: float, engine: AttributionEngine, unlimited: Callable[[str], Attribution]
) -> None:
    complete = unlimited(name)
    limit = int(complete.cost.tokens * share)
    got = engine.attribute_request(request(), options=replace(OPTIONS[name], max_tokens=limit))
    assert got.stopped is not None
    assert got.stopped.startswith(f"max_tokens={limit} reached")
    assert f"Ended early: {got.stopped}." in got.to_text()
    assert Attribution.from_json(got.to_json()).stopped == got.stopped
    assert got.cost.tokens < complete.cost.tokens
    exact = unlimited("exact").scores
    for row, estimand in enumerate(got.estimands):
        assert got.exact[row] == (estimand == "target_loo")
        if got.exact[row]:
            np.testing.assert_allclose(got.scores[row], exact[row], atol=TOLERANCE)
        if estimand == "unscored":
            assert not got.scores[row].any()
    unscored = [got.estimands[got.row(each.source_id)] == "unscored" for each in got.citations]
    stated = [each.basis == "states" for each in got.citations]
    assert all(stated[place] for place, missing in enumerate(unscored) if missing)
    assert not any(each.label == "uncertain" for each in got.support)


def test_the_least_budget_still_gives_both_likelihoods(
    engine: AttributionEngine, unlimited: Callable[[str], Attribution]
) -> None:
    expected = unlimited("exact")
    options = replace(EXACT, max_tokens=1, verifier=None)
    got = engine.attribute_request(request(), options=options)
    for field in ("token_log_probs", "token_log_probs_without_context"):
        np.testing.assert_allclose(getattr(got, field), getattr(expected, field), atol=TOLERANCE)
    assert set(got.estimands) == {"unscored"}
    assert (
        got.stopped == f"max_tokens=1 reached, all {len(got.sources)} sources are without a score"
    )
    (support,) = got.support
    assert (support.label, support.reason) == (
        "unknown",
        f"it depends on the context, but {got.stopped}",
    )


def test_the_most_promising_sources_come_first(engine: AttributionEngine) -> None:
    asked = request(chunks=12)
    complete = engine.attribute_request(asked, options=EXACT)
    options = replace(EXACT, max_tokens=int(complete.cost.tokens * 0.6))
    got = engine.attribute_request(asked, options=options)
    assert got.method == "knockout, then rescored"
    assert 0 < got.exact.sum() < len(got.sources)
    best = int(complete.source_scores.argmax())
    assert got.exact[best]
    assert [each.source_id for each in got.citations] == [
        each.source_id for each in complete.citations
    ]
    count = int(got.exact.sum())
    assert got.stopped == (
        f"max_tokens={options.max_tokens} reached after {count} of {len(got.sources)} "
        "sources were rescored"
    )


def test_sources_that_say_the_same_may_be_left_out(engine: AttributionEngine) -> None:
    asked = request("repeated")
    complete = engine.attribute_request(asked, options=EXACT)
    assert complete.alternatives
    without = replace(EXACT, alternatives=None)
    needed = engine.attribute_request(asked, options=without).cost.tokens
    got = engine.attribute_request(asked, options=replace(EXACT, max_tokens=needed + 50))
    assert got.exact.all()
    assert got.alternatives == ()
    assert got.stopped == (
        f"max_tokens={needed + 50} reached, so sources that say the same were not looked for"
    )


class SlowModel:
    """Passes that take at least so many seconds each, counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.begun = 0
        self.running = threading.Event()
        run: Any = ForwardPass.__call__

        def slow(forward: ForwardPass, *args: Any, **inputs: Any) -> Any:
            self.begun += 1
            self.running.set()
            time.sleep(seconds)
            return run(forward, *args, **inputs)

        monkeypatch.setattr(ForwardPass, "__call__", slow)


@pytest.mark.parametrize("method", ["exact", "balanced", "attribot"])
def test_a_deadline_is_kept_within_a_pass(
    method: MethodName, engine: AttributionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(chunks=30)
    model = SlowModel(monkeypatch, 0.1)
    options = EngineOptions(method=method, token_budget=1, max_seconds=1.0)
    got = engine.attribute_request(asked, options=options)
    # Begun before the limit, and on either model the prompt, question and answer alone.
    assert model.begun <= 10 + 5
    assert got.cost.seconds < 5.0
    assert got.stopped is not None
    assert got.stopped.startswith("max_seconds=1 reached")


def test_every_request_of_a_batch_has_a_budget_of_its_own(engine: AttributionEngine) -> None:
    options = replace(EXACT, max_tokens=1)
    results = engine.attribute_batch(
        [request(), request("two_hop")], options=options, progress=False, raise_error=True
    )
    assert [
        result.stopped is not None for result in results if isinstance(result, Attribution)
    ] == [True, True]


def test_a_cancelled_attribution_stops_behind_its_pass(
    engine: AttributionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(chunks=12)
    model = SlowModel(monkeypatch, 0.2)

    async def cancel() -> int:
        task = asyncio.create_task(
            engine.aattribute(
                asked.question,
                asked.chunks,
                asked.answer,
                options=replace(EXACT, token_budget=1),
            )
        )
        while not model.running.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return model.begun

    begun = asyncio.run(cancel())  # waits for worker threads
    assert model.begun <= begun + 1
    monkeypatch.undo()
    assert engine.attribute_request(asked, options=EXACT).exact.all()


def test_an_interrupt_leaves_the_engine_usable(
    engine: AttributionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner: Any = engine.target
    passes = 0
    run = inner.model.forward

    def interrupted(*args: Any, **inputs: Any) -> Any:
        nonlocal passes
        passes += 1
        if passes == 2:
            raise KeyboardInterrupt
        return run(*args, **inputs)

    expected = engine.attribute_request(request(), options=EXACT)
    with monkeypatch.context() as patched:
        patched.setattr(inner.model, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.attribute_request(request(), options=EXACT)
    got = engine.attribute_request(request(), options=EXACT)
    np.testing.assert_array_equal(got.scores, expected.scores)
