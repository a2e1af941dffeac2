from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertLMHeadModel,
    LlamaConfig,
    LlamaModel,
    T5Config,
    T5ForConditionalGeneration,
)

from attribot_integrations.errors import ModelError, UnsupportedModelError
from attribot_integrations.scoring.capabilities import AttentionRule, Capabilities, inspect_model
from attribot_integrations.scoring.paths import PackedPath
from attribot_integrations.scoring.verification import verify
from tests.parity.architectures import ARCHITECTURES, VOCABULARY

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": 64,
}


def claiming_to_pack(name: str) -> Capabilities:
    """What a model would be taken for if its config did not give it away."""
    capabilities = inspect_model(ARCHITECTURES[name].build())
    return capabilities.restricted_to("packed", "for the test")


def test_encoder_decoder_is_refused() -> None:
    config = T5Config(d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2, vocab_size=64)
    with pytest.raises(UnsupportedModelError, match="is an encoder-decoder; a decoder-only"):
        inspect_model(T5ForConditionalGeneration(config).eval())


def test_model_without_head_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="LlamaModel has no language-model head"):
        inspect_model(LlamaModel(LlamaConfig(**SMALL)).eval())


def test_classifier_is_refused() -> None:
    model = AutoModelForSequenceClassification.from_config(LlamaConfig(**SMALL))
    with pytest.raises(UnsupportedModelError, match="has no language-model head"):
        inspect_model(model.eval())


def test_training_mode_is_refused() -> None:
    with pytest.raises(ModelError, match=r"is in training mode.*call \.eval\(\)"):
        inspect_model(ARCHITECTURES["llama"].build().train())


def test_model_that_looks_ahead_is_refused() -> None:
    torch.manual_seed(0)
    config = BertConfig(**SMALL, intermediate_size=64, initializer_range=0.3)
    model = BertLMHeadModel(config).eval()
    capabilities = inspect_model(model).restricted_to("plain", "for the test")
    with pytest.raises(UnsupportedModelError, match="is not causal: tokens appended"):
        verify(model, capabilities)


def test_weights_that_are_not_finite_are_refused() -> None:
    model = ARCHITECTURES["llama"].build()
    with torch.no_grad():
        model.get_output_embeddings().weight.fill_(float("nan"))
    with pytest.raises(UnsupportedModelError, match="not finite"):
        verify(model, inspect_model(model))


@pytest.mark.parametrize(
    ("name", "falls_to"),
    [("mpt", "cached"), ("bloom", "cached"), ("gpt-neo", "cached"), ("mamba", "plain")],
)
def test_a_path_that_gives_other_numbers_is_given_up(
    name: str, falls_to: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = ARCHITECTURES[name].build()
    with caplog.at_level(logging.WARNING):
        verified = verify(model, claiming_to_pack(name))
    assert verified.path == falls_to
    assert "the packed path differs from the plain one by" in caplog.text


def test_a_forgotten_window_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """Shows the hazard of an unwindowed mask, and so that the parity tests would see it."""
    model = ARCHITECTURES["mistral"].build()
    right = inspect_model(model)
    assert right.masks == {None: AttentionRule(window=16)}
    wrong = Capabilities("packed", "", {None: AttentionRule()}, None)
    prompt, answer = list(range(3, 63)), [70, 71]
    ablated = [prompt[:10] + prompt[20:]]

    def score(capabilities: Capabilities, *, looking_again: bool = True) -> float:
        path = PackedPath(model, capabilities, prompt, answer, 1 << 12)
        path.looks_again = looking_again
        return float(path.score(ablated).log_probs.sum())

    assert abs(score(right) - score(wrong, looking_again=False)) > 100 * 1e-4
    assert abs(score(right) - score(wrong)) < 1e-4
    assert "MistralForCausalLM is run plainly from now on, scores stay exact" in caplog.text


def test_dict_masks_name_the_models_layer_types() -> None:
    masks = inspect_model(ARCHITECTURES["gemma3"].build()).masks
    assert masks == {
        "full_attention": AttentionRule(),
        "sliding_attention": AttentionRule(window=16),
    }


def test_flash_attention_takes_no_packed_mask() -> None:
    model = ARCHITECTURES["llama"].build()
    model.config._attn_implementation_internal = "flash_attention_2"
    capabilities = inspect_model(model)
    assert capabilities.path == "cached"
    assert "takes no 4D mask" in capabilities.reason


def test_longrope_reports_where_positions_change() -> None:
    factors = [1.0 + 0.1 * i for i in range(8)]
    model = ARCHITECTURES["phi3"].build(
        original_max_position_embeddings=64,
        rope_parameters={
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": factors,
            "long_factor": [2 * factor for factor in factors],
            "original_max_position_embeddings": 64,
        },
    )
    assert inspect_model(model).length_switch == 64


def test_probe_uses_ids_that_the_model_has() -> None:
    model = ARCHITECTURES["llama"].build(vocab_size=11)
    assert verify(model, inspect_model(model)).path == "packed"
    assert VOCABULARY > 11
