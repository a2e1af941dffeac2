"""What the engine does by itself: the default method, and letting go of what a failure held."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import numpy as np
import pytest
import torch

from attribot_integrations import (
    AttributionEngine,
    AttributionRequest,
    EngineOptions,
    FailedAttribution,
    Knockout,
    LanguageModel,
)
from attribot_integrations.errors import ModelError, OutOfMemoryError, PromptTooLongError
from attribot_integrations.scoring.cache import PrefixCache
from attribot_integrations.scoring.forward import ForwardPass
from attribot_integrations.scoring.language_model import in_process
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template

QUESTION = "When did the harbour open?"
CHUNKS = ["The harbour opened in 1962. It is old.", "A river runs. The bridge crosses it."]
MANY = [*CHUNKS, *(f"Row {number}. It is dry. So it is." for number in range(2))]
"""More sources than are scored exactly at once."""
ANSWER = "It opened in 1962."
EXACT = EngineOptions(method="exact")
FACTORS = [1.0 + 0.1 * step for step in range(8)]
BALANCED = "knockout, then rescored"


def model(name: str = "llama", **overrides: Any) -> LanguageModel:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    return LanguageModel.from_model(ARCHITECTURES[name].build(**overrides), tokenizer)


def tuned(floor_scale: int) -> LanguageModel:
    return model("llama4-tuned", attention_chunk_size=1024, floor_scale=floor_scale)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (tuned, r"attention changes from 50 cached and packed tokens on, which a prompt and .*"),
    ],
)
def test_default_of_a_prompt_too_long_for_knockout(build: Any, reason: str) -> None:
    engine = AttributionEngine(build(50))
    result = engine.attribute(QUESTION, CHUNKS, ANSWER)
    assert result.method == "exact"
    assert result.exact.all()
    with pytest.raises(ModelError, match=rf"which \w+ does not take here: its {reason}; use exact"):
        engine.attribute(QUESTION, CHUNKS, ANSWER, options=EngineOptions(method=Knockout()))
    assert AttributionEngine(build(1 << 20)).attribute(QUESTION, MANY, ANSWER).method == BALANCED


@pytest.mark.parametrize("build", [tuned])
def test_default_with_a_proxy_that_cannot_knock_out(build: Any) -> None:
    engine = AttributionEngine(model(), build(50))
    assert engine.attribute(QUESTION, CHUNKS, ANSWER).method == "exact on proxy, then rescored"
    engine = AttributionEngine(model(), build(1 << 20))
    assert engine.attribute(QUESTION, CHUNKS, ANSWER).method == "knockout on proxy, then rescored"


def test_default_with_a_proxy_whose_context_is_too_short(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = AttributionEngine(model(), model("gpt2", max_position_embeddings=40, n_positions=40))
    with caplog.at_level(logging.WARNING):
        result = engine.attribute(QUESTION, MANY, ANSWER)
    assert result.method == BALANCED
    assert [cost.model for cost in result.cost.models] == ["LlamaForCausalLM"]
    assert "the proxy cannot be used, the target is run alone: prompt and answer" in caplog.text
    with pytest.raises(PromptTooLongError):
        engine.attribute(QUESTION, CHUNKS, ANSWER, options=EngineOptions(method="fast"))


def test_a_failed_request_does_not_keep_its_activations(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = AttributionEngine(model(), options=EXACT)
    caches: list[weakref.ref[Any]] = []
    keep = PrefixCache.of

    def noting(cache: Any) -> PrefixCache:
        kept = keep(cache)
        caches.extend(weakref.ref(keys) for keys, _ in kept.layers if keys is not None)
        return kept

    monkeypatch.setattr(PrefixCache, "of", noting)
    run = ForwardPass.__call__

    def failing(self: ForwardPass, *tokens: Any, **inputs: Any) -> Any:
        if inputs.get("attention_mask") is not None:
            raise RuntimeError("the device is gone")
        return run(self, *tokens, **inputs)

    monkeypatch.setattr(ForwardPass, "__call__", failing)
    request = AttributionRequest(QUESTION, tuple(CHUNKS), ANSWER)
    (failed,) = engine.attribute_batch([request], progress=False)
    assert isinstance(failed, FailedAttribution)
    assert str(failed.error) == "the device is gone"
    gc.collect()
    assert caches
    assert not any(cache() is not None for cache in caches)


def test_running_out_of_memory_in_a_batch_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = AttributionEngine(model(), options=EXACT)

    def starved(**_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    request = AttributionRequest(QUESTION, tuple(CHUNKS), ANSWER)
    with monkeypatch.context() as patched:
        patched.setattr(in_process(engine.target).model, "forward", starved)
        (failed,) = engine.attribute_batch([request], progress=False)
    assert isinstance(failed, FailedAttribution)
    assert isinstance(failed.error, OutOfMemoryError)
    assert np.isfinite(engine.attribute(QUESTION, CHUNKS, ANSWER).scores).all()
