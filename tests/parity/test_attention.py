"""Attention that is read while a model runs equals what eager attention gives."""

from __future__ import annotations

import copy
import random

import pytest
import torch
from transformers import PreTrainedModel

from attribot_integrations.scoring.attention import GroupSums
from attribot_integrations.scoring.capabilities import Capabilities, PathName, inspect_model
from attribot_integrations.scoring.paths import PATHS
from tests.parity.architectures import ARCHITECTURES, VOCABULARY

ALWAYS = ["llama", "qwen3", "mistral", "gemma2", "gemma3", "gpt-oss"]
AT_TIMES = [
    "bloom",
    "qwen2-sliding",
    "qwen2",
    "gemma",
    "phi3",
    "olmo2",
    "olmo3",
    "gpt-neox",
    "gpt2",
    "opt",
    "qwen3-moe",
    "mixtral",
    "cohere2",
    "smollm3",
    "qwen2-dynamic-rope",
    "deepseek-v3",
]
READABLE = [*ALWAYS, *(pytest.param(name, marks=pytest.mark.slow) for name in AT_TIMES)]
GROUPS = [[(2, 9)], [(9, 30), (40, 41)], [], [(30, 40), (41, 66)]]
START = 66


def texts() -> tuple[list[int], list[int]]:
    """A prompt of 80 tokens, longer than any window, and an answer."""
    rng = random.Random(0)
    ids = [rng.randrange(3, VOCABULARY) for _ in range(86)]
    return ids[:80], ids[80:]


def shown(model: PreTrainedModel) -> torch.Tensor:
    """What the model gives with eager attention: `[layers, heads, rows, groups]`."""
    eager = copy.deepcopy(model)
    eager.set_attn_implementation("eager")
    prompt, answer = texts()
    with torch.inference_mode():
        tokens = torch.tensor([[*prompt, *answer[:-1]]])
        layers = eager(input_ids=tokens, output_attentions=True, use_cache=False).attentions
    rows = torch.stack([layer[0, :, START:] for layer in layers])
    sums = [sum(rows[..., low:high].sum(-1) for low, high in group) for group in GROUPS]
    return torch.stack([each + torch.zeros(rows.shape[:3]) for each in sums], dim=-1)


def read(
    model: PreTrainedModel, capabilities: Capabilities, path: PathName, *, again: bool = False
) -> torch.Tensor:
    prompt, answer = texts()
    scorer = PATHS[path](model, capabilities, prompt, answer, 1 << 12)
    if again:
        scorer.warm_up()
    tokens = scorer.work.tokens
    layers = torch.stack(scorer.read(START, GroupSums.of(GROUPS, torch.device("cpu"))))
    if again and path != "plain":
        assert scorer.work.tokens - tokens == len(prompt) - START + len(answer) - 1
    return layers


@pytest.mark.parametrize("name", READABLE)
def test_it_equals_eager_attention(name: str) -> None:
    model = ARCHITECTURES[name].build()
    capabilities, expected = inspect_model(model), shown(model)
    path = ARCHITECTURES[name].path
    ways = [read(model, capabilities, "plain"), read(model, capabilities, path)]
    ways.append(read(model, capabilities, path, again=True))
    for found in ways:
        assert found.shape == expected.shape
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
    assert expected[..., -1].std() > 0.01, "the example tells right from wrong"


def test_an_eager_model_is_read_too() -> None:
    model = ARCHITECTURES["qwen3"].build(attn_implementation="eager")
    found = read(model, inspect_model(model), "packed")
    torch.testing.assert_close(found, shown(model), atol=2e-5, rtol=0)
