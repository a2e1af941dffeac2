"""Positions that are encoded in another way from some length on."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from attribot_integrations.errors import PromptTooLongError
from attribot_integrations.scoring.capabilities import PathName, inspect_model
from attribot_integrations.scoring.paths import PATHS, PackedPath
from attribot_integrations.scoring.verification import verify
from tests.parity.architectures import ARCHITECTURES, VOCABULARY
from tests.parity.test_windows import alone

PROMPT, ANSWER = 80, 6
FACTORS = [1.0 + 0.1 * step for step in range(8)]


def build(name: str, switch: int, **options: Any) -> PreTrainedModel:
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": FACTORS,
        "long_factor": [3 * factor for factor in FACTORS],
        "original_max_position_embeddings": switch,
        "attention_factor": 1.0,
    }
    return ARCHITECTURES[name].build(
        original_max_position_embeddings=switch, rope_parameters=rope, **options
    )


def example() -> tuple[list[int], list[list[int]], list[int]]:
    rng = random.Random(0)
    prompt = [rng.randrange(3, VOCABULARY) for _ in range(PROMPT)]
    answer = [rng.randrange(3, VOCABULARY) for _ in range(ANSWER)]
    cuts = ((2, 9), (30, 60), (70, 75))
    return prompt, [prompt[:low] + prompt[high:] for low, high in cuts], answer


@pytest.mark.parametrize("path", ["packed", "cached", "plain"])
@pytest.mark.parametrize(
    ("name", "switch"),
    [("llama", 60), *(("phi3", each) for each in (40, PROMPT - 1, PROMPT, PROMPT + ANSWER - 1))],
)
def test_all_of_a_request_is_encoded_as_its_full_prompt_is(
    name: str, switch: int, path: PathName
) -> None:
    """The reference is a model that always encodes positions as long texts'."""
    options = {"sliding_window": None} if name == "phi3" else {}
    prompt, ablated, answer = example()
    model, always_long = build(name, switch, **options), build(name, 1, **options)
    capabilities = verify(model, inspect_model(model))
    assert (capabilities.path, capabilities.length_switch) == ("packed", switch)
    scores = PATHS[path](model, capabilities, prompt, answer, 1 << 12).score(ablated)
    assert abs(float(scores.reference[0].sum()) - alone(model, prompt, answer)) < 1e-4
    for row, each in zip(scores.log_probs, ablated, strict=True):
        assert abs(float(row.sum()) - alone(always_long, each, answer)) < 1e-4
    shifted = alone(model, ablated[1], answer) - alone(always_long, ablated[1], answer)
    assert abs(shifted) > 0.1 or len(ablated[1]) + ANSWER > switch


@pytest.mark.parametrize("path", ["packed", "cached", "plain"])
@pytest.mark.parametrize("switch", [PROMPT + ANSWER, 900])
def test_prompts_below_the_switch_are_run_as_they_are(switch: int, path: PathName) -> None:
    prompt, ablated, answer = example()
    model = build("phi3", switch, sliding_window=16)
    capabilities = verify(model, inspect_model(model))
    scores = PATHS[path](model, capabilities, prompt, answer, 1 << 12).score(ablated)
    for row, each in zip(scores.log_probs, ablated, strict=True):
        assert abs(float(row.sum()) - alone(model, each, answer)) < 1e-4


def test_knockout_above_the_switch_equals_knockout_of_a_model_without_one() -> None:
    prompt, _, answer = example()
    found = []
    for switch in (PROMPT - 10, 1):
        model = build("phi3", switch, sliding_window=None)
        capabilities = verify(model, inspect_model(model))
        path = PackedPath(model, capabilities, prompt, answer, 1 << 12)
        found.append(path.knock_out(70, [[(2, 9)], [(30, 60)]], 4).log_probs)
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-4)


def test_a_prompt_that_grows_past_the_switch_is_refused() -> None:
    prompt, _, answer = example()
    model = build("phi3", PROMPT + ANSWER, sliding_window=None)
    capabilities = verify(model, inspect_model(model))
    for name in ("packed", "cached", "plain"):
        path = PATHS[name](model, capabilities, prompt, answer, 1 << 12)
        path.score([[*prompt, 7]])  # the answer's last token takes no position
        with pytest.raises(PromptTooLongError, match=r"takes 87 positions, and above 86"):
            path.score([[*prompt, 7, 8]])
