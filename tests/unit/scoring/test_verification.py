from __future__ import annotations

import inspect
import logging
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import ReformerConfig, ReformerModelWithLMHead

from attribot_integrations import LanguageModel
from attribot_integrations.errors import ModelError, PromptTooLongError, UnsupportedModelError
from attribot_integrations.scoring.capabilities import (
    AttentionRule,
    inner_model,
    inspect_model,
)
from attribot_integrations.scoring.forward import tolerance
from attribot_integrations.scoring.scorer import Scorer
from attribot_integrations.scoring.verification import verify
from tests.parity.architectures import ARCHITECTURES
from tests.unit.scoring.harbour import ANSWER, ONE_BY_ONE, prompt
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template


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


@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("name", ["roberta", "xlm-roberta", "data2vec-text"])
def test_tokens_are_numbered_as_the_model_does(name: str, padding: int) -> None:
    model = ARCHITECTURES[name].build(pad_token_id=padding)
    found = verify(model, inspect_model(model))
    assert (found.path, found.first_position) == ("packed", padding + 1)
    assert found.context_length == 1024 - padding - 1
    assert found.plain_ids == {padding}


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert-generation", "opt", "gemma3"])
def test_tokens_are_numbered_from_zero_otherwise(name: str) -> None:
    model = ARCHITECTURES[name].build()
    found = verify(model, inspect_model(model))
    assert (found.first_position, found.plain_ids) == (0, frozenset())


def test_texts_with_ids_by_which_a_model_numbers_tokens_are_run_plainly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokenizer = byte_level_bpe()
    padding = tokenizer.convert_tokens_to_ids("<|im_end|>")
    model = LanguageModel.from_model(
        ARCHITECTURES["roberta"].build(pad_token_id=padding, max_position_embeddings=2048),
        with_chat_template(tokenizer, CHATML),
    )
    scorer = Scorer(model, prompt(), ANSWER)
    assert padding in scorer.prompt.ids
    assert "ids by which the model numbers tokens" in str(scorer.knockout_obstacle)
    got = scorer.score(ONE_BY_ONE)
    expected = Scorer(model, prompt(), ANSWER, path="plain").score(ONE_BY_ONE)
    torch.testing.assert_close(got.drops, expected.drops)
    forced = Scorer(model, prompt(), ANSWER, path="packed").score(ONE_BY_ONE)
    assert abs(forced.drops.sum(1) - expected.drops.sum(1)).max() > 1e-2


def test_a_position_embedding_that_is_too_small_is_an_error_of_the_package() -> None:
    model = ARCHITECTURES["whisper"].build(max_target_positions=64)
    found = LanguageModel.from_model(model, byte_level_bpe())
    assert found.capabilities.context_length == 64
    with pytest.raises(PromptTooLongError, match=r"more than the 64 of WhisperForCausalLM"):
        Scorer(found, prompt(), ANSWER * 3)


def reformer(attention: str, places: int, chunk: int = 16) -> LanguageModel:
    config = ReformerConfig(
        vocab_size=640,
        hidden_size=64,
        feed_forward_size=64,
        attention_head_size=16,
        num_attention_heads=2,
        attn_layers=[attention] * 2,
        lsh_attn_chunk_length=chunk,
        local_attn_chunk_length=chunk,
        num_buckets=8,
        initializer_range=0.15,
        is_decoder=True,
        axial_pos_embds_dim=[32, 32],
        axial_pos_shape=[8, places // 8],
    )
    torch.manual_seed(0)
    model: Any = ReformerModelWithLMHead(config).eval()
    return LanguageModel.from_model(model, byte_level_bpe())


def test_attention_that_depends_on_chance_from_some_length_on_is_noticed() -> None:
    model = reformer("lsh", 512, chunk=48)
    with pytest.raises(
        ModelError,
        match=r"gives other numbers, by .* is run again: its attention depends on chance",
    ):
        Scorer(model, prompt(), ANSWER * 20).score(ONE_BY_ONE)


def test_a_length_that_a_model_cannot_be_run_at_is_an_error_of_the_package() -> None:
    scores = Scorer(reformer("local", 512), prompt(), ANSWER).score(ONE_BY_ONE)
    assert abs(scores.drops).max() > 1e-3
    with pytest.raises(
        ModelError, match=r"ReformerModelWithLMHead fails on [\d,]+ tokens: ValueError: Make sure"
    ):
        Scorer(reformer("local", 48), prompt(), ANSWER).score(ONE_BY_ONE)


@pytest.mark.parametrize("error", [TypeError, ValueError])
def test_a_model_that_needs_an_image_is_refused(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ARCHITECTURES["llama"].build()
    capabilities = inspect_model(model)

    def needing_an_image(**inputs: Any) -> Any:
        raise error("pixel_values are missing")

    monkeypatch.setattr(model, "forward", needing_an_image)
    with pytest.raises(UnsupportedModelError, match=r"text alone: .*: pixel_values are missing"):
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
    monkeypatch.setattr(type(model), "forward", staticmethod(noting))
    assert verify(model, capabilities).path == "packed"
    return lengths


@pytest.mark.parametrize(
    "options",
    [
        {"sliding_window": 4096, "max_position_embeddings": 8192},
        {"sliding_window": 512, "max_position_embeddings": 400},
        {"sliding_window": 16},
        {"sliding_window": None, "max_position_embeddings": 1 << 17},
    ],
)
def test_attention_is_looked_at_far_away_by_few_tokens(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = lengths_run(ARCHITECTURES["mistral"].build(**options), monkeypatch)
    assert max(lengths) <= 64
    assert len(lengths) <= 25


def test_where_made_up_activations_do_not_fit_attention_is_known_less_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = ARCHITECTURES["mistral"].build(sliding_window=64)
    capabilities, forward = inspect_model(model), model.forward

    def starved(**inputs: Any) -> Any:
        cache = inputs.get("past_key_values")
        if cache is not None and cache.get_seq_length() > 40:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(**inputs)

    monkeypatch.setattr(type(model), "forward", staticmethod(starved))
    found = verify(model, capabilities)
    assert (found.path, found.verified_length) == ("packed", 28)


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


@pytest.mark.slow
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
