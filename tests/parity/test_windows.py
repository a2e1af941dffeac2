"""Windows are what the model's code makes of them, not what its config says."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from attribot_integrations.scoring.capabilities import AttentionRule, inspect_model
from attribot_integrations.scoring.forward import ForwardPass
from attribot_integrations.scoring.paths import PATHS
from attribot_integrations.scoring.verification import verify, verify_at
from tests.parity.architectures import ARCHITECTURES, VOCABULARY

LENGTH, ANSWER = 60, 6


def unused_window(model_type: str, window: int) -> PreTrainedModel:
    """A model whose config holds a window that its code does not look at."""
    config_class: Any = CONFIG_MAPPING[model_type]
    config = config_class(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        ffn_dim=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        num_local_experts=2,
        num_experts_per_tok=2,
        max_position_embeddings=4096,
        sliding_window=window,
        initializer_range=0.15,
    )
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config).float().eval()
    return model


def alone(model: PreTrainedModel, prompt: list[int], answer: list[int]) -> float:
    """Log-likelihood of an answer by a forward pass of ids alone, in nats."""
    with torch.inference_mode():
        logits = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
    return float(logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None]).sum())


def largest_error(model: PreTrainedModel, length: int, path: str | None = None) -> float:
    """Largest error of an answer's log-likelihood on the path that was chosen, in nats."""
    capabilities = verify(model, inspect_model(model))
    assert path is None or capabilities.path == path, capabilities.reason
    rng = random.Random(0)
    prompt = [rng.randrange(3, VOCABULARY) for _ in range(length)]
    answer = [rng.randrange(3, VOCABULARY) for _ in range(ANSWER)]
    cuts = ((2, 9), (length // 2, length // 2 + 5), (length - 9, length - 3))
    ablated = [prompt[:low] + prompt[high:] for low, high in cuts]
    path_class = PATHS[capabilities.path]
    scores = path_class(model, capabilities, prompt, answer, 1 << 12).score(ablated)
    errors = [
        float(row.sum()) - alone(model, each, answer)
        for row, each in zip(scores.log_probs, ablated, strict=True)
    ]
    errors.append(float(scores.reference[0].sum()) - alone(model, prompt, answer))
    return max(map(abs, errors))


@pytest.mark.parametrize("model_type", ["moshi", "minimax_m2"])
def test_a_window_that_the_code_does_not_use_is_not_put_on(model_type: str) -> None:
    """At a length that no prompt is run at when a model is loaded."""
    model = unused_window(model_type, 1121)
    assert inspect_model(model).masks == {None: AttentionRule(window=1121)}
    assert verify(model, inspect_model(model)).masks == {None: AttentionRule()}
    assert largest_error(model, 1300, "packed") < 1e-4


@pytest.mark.parametrize("window", [1, 7, LENGTH - 1, LENGTH, LENGTH + 1])
@pytest.mark.parametrize("name", ["mistral", "gemma3", "gpt-oss", "qwen2-sliding"])
def test_windows_of_any_width(name: str, window: int) -> None:
    model = ARCHITECTURES[name].build(sliding_window=window)
    assert largest_error(model, LENGTH, "packed") < 1e-4


@pytest.mark.parametrize("chunk", [1, 7, LENGTH - 1, LENGTH, LENGTH + 1, 900])
def test_chunks_of_any_width(chunk: int) -> None:
    model = ARCHITECTURES["llama4"].build(attention_chunk_size=chunk)
    assert largest_error(model, LENGTH, "packed") < 1e-4


@pytest.mark.parametrize("window", [300, 900])
def test_a_window_that_no_config_names_is_noticed(window: int) -> None:
    """Nothing that is run as a whole prompt at loading is as long."""
    model = ARCHITECTURES["mistral"].build(sliding_window=window)
    right = inspect_model(model)
    forgetful = verify(model, replace(right, masks={None: AttentionRule()}))
    assert forgetful.path == ("cached" if window < 512 else "packed")
    forward = ForwardPass(model, forgetful)
    assert verify_at(forward, window - 20)
    assert not verify_at(forward, window + 20)
    for misread in (window - 1, window + 1):
        wrong = replace(right, masks={None: AttentionRule(misread)})
        assert verify(model, wrong).path == "cached"
