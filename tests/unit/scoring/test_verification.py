from __future__ import annotations

import inspect
import logging
from dataclasses import replace
from typing import Any

import pytest
import torch

from attribot_integrations import LanguageModel
from attribot_integrations.errors import UnsupportedModelError
from attribot_integrations.scoring import verification
from attribot_integrations.scoring.capabilities import (
    AttentionRule,
    inner_model,
    inspect_model,
)
from attribot_integrations.scoring.scorer import Scorer
from attribot_integrations.scoring.verification import tolerance, verify
from tests.parity.architectures import ARCHITECTURES
from tests.unit.scoring.harbour import ANSWER, ONE_BY_ONE, prompt
from tests.unit.tokenizers_for_tests import byte_level_bpe


@pytest.mark.parametrize("window", [28, 64, 200])
@pytest.mark.parametrize("misread", [None, 20, 40])
def test_misread_windows_are_noticed(
    window: int, misread: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    model = ARCHITECTURES["mistral"].build(sliding_window=window)
    right = inspect_model(model)
    assert verify(model, right).path == "packed"
    read = window if misread is None else window + misread
    wrong = replace(right, masks={None: AttentionRule(window=read)})
    if misread is not None:
        assert verify(model, wrong).path == "cached"
        assert "the packed path differs from the plain one" in caplog.text


@pytest.mark.parametrize("error", [TypeError, ValueError])
def test_a_model_that_needs_an_image_is_refused(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ARCHITECTURES["llama"].build()
    capabilities = inspect_model(model)

    def needing_an_image(**inputs: Any) -> Any:
        raise error("pixel_values are missing")

    monkeypatch.setattr(model, "forward", needing_an_image)
    with pytest.raises(UnsupportedModelError, match="text alone: pixel_values are missing"):
        verify(model, capabilities)


def test_misread_chunks_are_noticed() -> None:
    model = ARCHITECTURES["llama4"].build(attention_chunk_size=50)
    right = inspect_model(model)
    assert verify(model, right).path == "packed"
    masks = {**right.masks, "chunked_attention": AttentionRule(chunk=60)}
    assert verify(model, replace(right, masks=masks)).path == "cached"


def lengths_run(model: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    lengths: list[int] = []
    forward = model.forward

    def noting(**inputs: Any) -> Any:
        lengths.append(inputs["input_ids"].numel())
        return forward(**inputs)

    capabilities = inspect_model(model)
    monkeypatch.setattr(model, "forward", noting)
    assert verify(model, capabilities).path == "packed"
    return lengths


@pytest.mark.parametrize(
    ("options", "passes"),
    [
        ({"sliding_window": 512}, 2),
        ({"sliding_window": 4096, "max_position_embeddings": 8192}, 0),
        ({"sliding_window": 512, "max_position_embeddings": 400}, 0),
        ({"sliding_window": 16}, 0),
        ({"sliding_window": None}, 0),
    ],
)
def test_the_long_probe_stays_cheap(
    options: dict[str, Any], passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = lengths_run(ARCHITECTURES["mistral"].build(**options), monkeypatch)
    assert sum(length > 70 for length in lengths) == passes
    assert max(lengths) <= 512 + 32 + 4


def test_a_long_probe_that_does_not_fit_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ARCHITECTURES["mistral"].build(sliding_window=64)
    capabilities, forward = inspect_model(model), model.forward

    def starved(**inputs: Any) -> Any:
        if inputs["input_ids"].numel() > 40:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(**inputs)

    monkeypatch.setattr(model, "forward", starved)
    assert verify(model, capabilities).path == "packed"


def test_tolerances(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tolerance(torch.float32) == tolerance(torch.float64) == 2e-4
    assert tolerance(torch.bfloat16) == 0.3
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: "high")
    assert tolerance(torch.float32) == 0.03


@pytest.mark.parametrize("refusal", ["raises", "ignores"])
def test_a_model_that_does_not_keep_the_logits_asked_for(
    refusal: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = byte_level_bpe()
    expected = Scorer(
        LanguageModel.from_model(ARCHITECTURES["llama"].build(), tokenizer), prompt(), ANSWER
    ).score(ONE_BY_ONE)
    model = ARCHITECTURES["llama"].build()
    forward = model.forward

    def picky(*, logits_to_keep: Any = 0, **inputs: Any) -> Any:
        if refusal == "raises" and not isinstance(logits_to_keep, int):
            raise TypeError("bad operand type for unary -: 'Tensor'")
        return forward(**inputs)

    picky.__signature__ = inspect.signature(forward)  # type: ignore[attr-defined]
    monkeypatch.setattr(model, "forward", picky)
    with caplog.at_level(logging.INFO):
        wrapped = LanguageModel.from_model(model, tokenizer)
    assert wrapped.capabilities.path == "packed"
    assert not wrapped.capabilities.takes_logits_to_keep
    assert "computes all logits" in caplog.text
    got = Scorer(wrapped, prompt(), ANSWER).score(ONE_BY_ONE)
    torch.testing.assert_close(got.log_probs, expected.log_probs)


def test_a_model_without_a_cache_is_run_plainly_and_says_so() -> None:
    model = ARCHITECTURES["llama"].build()

    def forward(
        input_ids: torch.Tensor, position_ids: torch.Tensor, logits_to_keep: Any = 0
    ) -> Any:
        raise NotImplementedError

    model.forward = forward
    capabilities = inspect_model(model)
    assert capabilities.path == "plain"
    assert capabilities.reason == "the forward method of LlamaForCausalLM takes no cache"


def test_compiled_models_are_packed() -> None:
    model = ARCHITECTURES["llama"].build()
    compiled: Any = torch.compile(model, backend="eager")
    assert inner_model(compiled) is model
    wrapped = LanguageModel.from_model(compiled, byte_level_bpe())
    assert wrapped.capabilities.path == "packed"
    assert wrapped.name == "LlamaForCausalLM"


class Adapted(torch.nn.Module):
    """What PEFT makes of a model: a forward method of its own, all else handed through."""

    def __init__(self, base: torch.nn.Module, *, prompt_learning: bool) -> None:
        super().__init__()
        self.base = base
        self.peft_config = {"default": type("C", (), {"is_prompt_learning": prompt_learning})()}

    def get_base_model(self) -> torch.nn.Module:
        return self.base

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("base"), name)

    def forward(self, input_ids: Any = None, attention_mask: Any = None, **inputs: Any) -> Any:
        return self.base(input_ids=input_ids, attention_mask=attention_mask, **inputs)


def test_adapted_models_are_packed() -> None:
    base = ARCHITECTURES["llama"].build()
    adapted: Any = Adapted(base, prompt_learning=False).eval()
    assert inner_model(adapted) is base
    wrapped = LanguageModel.from_model(adapted, byte_level_bpe())
    assert wrapped.capabilities.path == "packed"
    got = Scorer(wrapped, prompt(), ANSWER).score(ONE_BY_ONE)
    plain = LanguageModel.from_model(base, byte_level_bpe())
    expected = Scorer(plain, prompt(), ANSWER, path="plain").score(ONE_BY_ONE)
    torch.testing.assert_close(got.log_probs, expected.log_probs, atol=1e-4, rtol=0)


def test_virtual_tokens_are_refused() -> None:
    adapted: Any = Adapted(ARCHITECTURES["llama"].build(), prompt_learning=True).eval()
    with pytest.raises(UnsupportedModelError, match="trained virtual tokens before the text"):
        inspect_model(adapted)


def test_cheap_limits() -> None:
    assert max(verification._LONGEST.values()) < verification._LONGEST_ELSEWHERE == 4608
