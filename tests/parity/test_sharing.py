"""Requests that share a context get the scores of single calls, for fewer tokens."""

from __future__ import annotations

import copy
import functools
import gc
import logging
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, OutOfMemoryError
from attribot_integrations.methods import (
    AttentionScreen,
    Knockout,
    LearnedAttention,
    ScreenAndRescore,
)
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution, FailedAttribution
from attribot_integrations.scoring.cache import PrefixCache, SharedContext
from attribot_integrations.scoring.cached_path import CachedPath
from attribot_integrations.scoring.language_model import in_process
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template

TOLERANCE = 1e-4
NAMES = ("llama", "mistral", "gemma3", "phi3", "gpt2", "opt", "bloom", "mamba")
CHUNKS = ["The harbour opened in 1962. It is old.", "A river runs. The bridge crosses it."]
OTHERS = ["Trams stop at noon. They are red."]
REQUESTS = [
    AttributionRequest("When did the harbour open?", CHUNKS, "It opened in 1962.", id="0"),
    AttributionRequest("What is red?", OTHERS, "Trams are red.", id="1"),
    AttributionRequest(
        "What crosses the river?", CHUNKS, "A bridge crosses it. It is old.", id="2"
    ),
    AttributionRequest("When?", CHUNKS, " ", id="3"),
    AttributionRequest("What is old?", tuple(CHUNKS), "The harbour is old.", id="4"),
]
FAILING = 3


@functools.cache
def engine_of(name: str) -> AttributionEngine:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    return AttributionEngine.from_model(ARCHITECTURES[name].build(), tokenizer)


def options_of(method: Any = "exact", **options: Any) -> EngineOptions:
    # Where alternatives are looked for depends on scores.
    return EngineOptions(method=method, alternatives=None, **options)


def alone(engine: AttributionEngine, options: EngineOptions) -> list[Attribution]:
    valid = (each for place, each in enumerate(REQUESTS) if place != FAILING)
    return [engine.attribute_request(each, options=options) for each in valid]


def assert_same(found: Sequence[object], expected: Sequence[Attribution]) -> list[Attribution]:
    good = [each for each in found if isinstance(each, Attribution)]
    assert [each.id for each in good] == [each.id for each in expected]
    for one, other in zip(good, expected, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=TOLERANCE)
        np.testing.assert_allclose(one.token_log_probs, other.token_log_probs, atol=TOLERANCE)
    return good


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_equals_single_calls(name: str, caplog: pytest.LogCaptureFixture) -> None:
    engine, options = engine_of(name), options_of()
    with caplog.at_level(logging.CRITICAL):
        batch = engine.attribute_batch(REQUESTS, options=options, progress=False)
    assert isinstance(batch[FAILING], FailedAttribution)
    assert batch[FAILING].id == str(FAILING)
    expected = alone(engine, options)
    found = assert_same(batch, expected)
    saved = [
        other.cost.tokens - one.cost.tokens for one, other in zip(found, expected, strict=True)
    ]
    if ARCHITECTURES[name].path == "plain":
        assert saved == [0, 0, 0, 0]
    else:
        # The first of a context runs it, the others save it; other requests are as before.
        assert saved[:2] == [0, 0]
        assert saved[2] == saved[3] > 20


@pytest.mark.parametrize("method", ["balanced", "fast", "attribot", "hierarchical"])
def test_methods_and_proxies_share(method: str) -> None:
    target, proxy = engine_of("llama").target, engine_of("gpt2").target
    engine = AttributionEngine(target, proxy, options_of(method))
    batch = engine.attribute_batch(REQUESTS, progress=False)
    expected = alone(engine, engine.options)
    found = assert_same(batch, expected)
    assert found[2].cost.tokens < expected[2].cost.tokens


def test_a_question_before_the_context_is_no_harm() -> None:
    engine = AttributionEngine(engine_of("llama").target, options=options_of())
    requests = [
        replace(each, prompt="\n".join([each.question, *CHUNKS, "Answer:"]))
        for each in REQUESTS
        if list(each.chunks) == CHUNKS and each.answer.strip()
    ]
    batch = engine.attribute_batch(requests, progress=False)
    expected = [engine.attribute_request(each) for each in requests]
    found = assert_same(batch, expected)
    for one, other in zip(found, expected, strict=True):  # the template's first words are shared
        assert other.cost.tokens - 10 < one.cost.tokens <= other.cost.tokens


@pytest.mark.parametrize("name", ["llama", "gemma3", "bloom", "mamba"])
def test_contexts_are_held_from_call_to_call(name: str) -> None:
    engine, options = copy.copy(engine_of(name)), options_of()
    valid = [each for place, each in enumerate(REQUESTS) if place != FAILING]
    longer = replace(valid[0], chunks=[*CHUNKS, *OTHERS], id="longer")
    asked = [*valid, longer, *valid]
    expected = [engine.attribute_request(each, options=options) for each in asked]
    engine.hold_contexts(1 << 24)
    found = [engine.attribute_request(each, options=options) for each in asked]
    assert_same(found, expected)
    saved = [
        other.cost.tokens - one.cost.tokens for one, other in zip(found, expected, strict=True)
    ]
    if ARCHITECTURES[name].path == "plain":
        assert not any(saved)
        return
    assert saved[0] == 0
    assert saved[4] > 20, "a context that goes on"
    assert all(each > 10 for each in saved[5:]), "no context is forgotten"
    engine.hold_contexts(0)
    assert (
        engine.attribute_request(valid[0], options=options).cost.tokens == expected[0].cost.tokens
    )


def test_attention_is_read_behind_a_held_context() -> None:
    engine = AttributionEngine(engine_of("llama").target)
    model = in_process(engine.target)
    heads = model.model.config.num_hidden_layers * model.model.config.num_attention_heads
    screen = AttentionScreen(np.ones(heads, np.float32), model.signature, "tiny")
    options = options_of(LearnedAttention(screen))
    valid = [REQUESTS[0], REQUESTS[2], REQUESTS[0]]
    expected = [engine.attribute_request(each, options=options) for each in valid]
    engine.hold_contexts(1 << 24)
    found = [engine.attribute_request(each, options=options) for each in valid]
    assert_same(found, expected)
    assert found[2].cost.tokens < expected[2].cost.tokens


def test_threads_may_share_what_is_held() -> None:
    engine = AttributionEngine(engine_of("llama").target, options=options_of("balanced"))
    valid = [each for place, each in enumerate(REQUESTS) if place != FAILING] * 3
    expected = [engine.attribute_request(each) for each in valid]
    engine.hold_contexts(1 << 16)
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(engine.attribute_request, valid)]
    assert_same(found, expected)


def test_what_is_held_is_a_number_of_bytes() -> None:
    with pytest.raises(ConfigurationError, match="most_bytes must be at least 0, got -1"):
        engine_of("llama").hold_contexts(-1)


def test_a_changed_model_forgets_its_contexts() -> None:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    engine = AttributionEngine.from_model(ARCHITECTURES["llama"].build(), tokenizer)
    engine.hold_contexts(1 << 24)
    before = engine.attribute_request(REQUESTS[0], options=options_of())
    with torch.no_grad():
        for weight in in_process(engine.target).model.parameters():
            weight.mul_(1.5)
    again = engine.attribute_request(REQUESTS[0], options=options_of())
    fresh = copy.copy(engine)
    fresh.hold_contexts(0)
    assert again.cost.tokens == before.cost.tokens
    assert_same([again], [fresh.attribute_request(REQUESTS[0], options=options_of())])


def test_single_calls_hold_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(SharedContext, "take")
    engine_of("llama").attribute_request(REQUESTS[0], options=options_of())


def test_nothing_of_a_request_outlives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cached activations are freed at once, not when Python looks for cycles."""
    sharer = engine_of("llama").sharing_context()
    kept: list[weakref.ref[PrefixCache]] = []
    run = CachedPath._run_on

    def observed(self: CachedPath, *arguments: Any) -> PrefixCache:
        prefix = run(self, *arguments)
        kept.append(weakref.ref(prefix))
        return prefix

    monkeypatch.setattr(CachedPath, "_run_on", observed)
    gc.collect()
    gc.disable()
    try:
        sharer.attribute_request(REQUESTS[0])
        context, prompt = kept
        assert context() is not None
        assert prompt() is None
        del sharer
        assert context() is None
    finally:
        gc.enable()


def test_a_failure_holds_on_to_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = engine_of("llama")
    kept: list[weakref.ref[PrefixCache]] = []

    def failing(self: CachedPath, *arguments: Any) -> PrefixCache:
        prefix = PrefixCache(())
        kept.append(weakref.ref(prefix))
        try:
            raise KeyError(len(prefix.layers))
        except KeyError:
            raise LookupError("no layers") from ValueError("said by nobody")

    monkeypatch.setattr(CachedPath, "_run_on", failing)
    with caplog.at_level(logging.CRITICAL):
        batch = engine.attribute_batch(REQUESTS[:1], progress=False)
    assert isinstance(batch[0], FailedAttribution)
    gc.collect()
    assert [each() for each in kept] == [None]


def test_without_memory_for_both_the_held_context_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = AttributionEngine(engine_of("llama").target, options=options_of())
    sharer = engine.sharing_context()
    sharer.attribute_request(REQUESTS[0])
    run, failures = CachedPath._run_on, [torch.OutOfMemoryError("CUDA out of memory.")]

    def short_of_memory(self: CachedPath, *arguments: Any) -> PrefixCache:
        if failures:
            raise failures.pop()
        return run(self, *arguments)

    monkeypatch.setattr(CachedPath, "_run_on", short_of_memory)
    second = sharer.attribute_request(REQUESTS[2])
    expected = engine.attribute_request(REQUESTS[2])
    np.testing.assert_allclose(second.scores, expected.scores, atol=TOLERANCE)
    assert second.cost.tokens == expected.cost.tokens  # the context was run again
    # With nothing left to give up, the error is the user's.
    fresh = engine.sharing_context()
    failures.append(torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(OutOfMemoryError, match=r"a prompt of .* tokens does not fit"):
        fresh.attribute_request(REQUESTS[0])


def test_what_fits_only_without_sharing_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = AttributionEngine(engine_of("llama").target, options=options_of())
    requests = [REQUESTS[0], REQUESTS[2]]
    expected = [engine.attribute_request(each) for each in requests]
    run = CachedPath._run_on

    def short_of_memory(self: CachedPath, cache: Any, start: int, end: int) -> PrefixCache:
        if start:  # behind a context that is held
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return run(self, cache, start, end)

    monkeypatch.setattr(CachedPath, "_run_on", short_of_memory)
    batch = engine.attribute_batch(requests, progress=False)
    for one, other in zip(assert_same(batch, expected), expected, strict=True):
        assert one.cost.tokens == other.cost.tokens


@pytest.mark.parametrize("name", ["llama", "gemma3", "qwen3-moe", "mixtral"])
def test_a_batch_scores_the_same_sources_exactly_as_single_calls(name: str) -> None:
    engine, options = engine_of(name), options_of(ScreenAndRescore(Knockout(), keep=5))
    chunks = [*CHUNKS, *OTHERS, *["Salt was cheap. Salt was cheap."] * 3, *OTHERS]
    asked = [
        AttributionRequest(question, chunks, answer)
        for question in ("When did the harbour open?", "What is red?")
        for answer in ("It opened in 1962.", "Trams are red.", "Salt was cheap.")
    ]
    batch = engine.attribute_batch(asked, options=options, progress=False)
    expected = [engine.attribute_request(each, options=options) for each in asked]
    for one, other in zip(assert_same(batch, expected), expected, strict=True):
        np.testing.assert_array_equal(one.exact, other.exact)
        assert other.exact.any()
        assert not other.exact.all()
