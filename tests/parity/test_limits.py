"""Limits of packing: branches that exceed them are run alone, with the same numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from attribot_integrations.context.sources import Span
from attribot_integrations.scoring import packed
from attribot_integrations.scoring.capabilities import inspect_model
from attribot_integrations.scoring.paths import PATHS, PackedPath, PathScores
from tests.parity.architectures import ARCHITECTURES, VOCABULARY

TOLERANCE = 1e-4
PROMPT, ANSWER = 80, 6


def draw(count: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    ids: list[int] = torch.randint(3, VOCABULARY, (count,), generator=generator).tolist()
    return ids


def tuned(floor_scale: int) -> PreTrainedModel:
    """A model whose queries are scaled by the number of cached tokens, from one length on."""
    return ARCHITECTURES["llama4-tuned"].build(floor_scale=floor_scale, attention_chunk_size=64)


def ablated(prompt: list[int]) -> list[list[int]]:
    starts = (0, 1, 20, 41, 70)
    return [prompt[:start] + prompt[start + 9 :] for start in starts] + [prompt, prompt[-4:]]


def largest_difference(left: PathScores, right: PathScores) -> float:
    pairs = ((left.log_probs, right.log_probs), (left.reference, right.reference))
    return max(float((one - other).abs().max()) for one, other in pairs)


@pytest.mark.parametrize(
    "floor_scale", [8, 60, 79, 80, 85, 86, 87, 90, 100, 120, 150, 164, 165, 172, 173, 200, 400]
)
@pytest.mark.parametrize("answer_length", [1, ANSWER, 40])
def test_scores_around_the_length_where_positions_change(
    floor_scale: int, answer_length: int
) -> None:
    prompt, answer = draw(PROMPT, 1), draw(answer_length, 2)
    model = tuned(floor_scale)
    capabilities = inspect_model(model)
    assert (capabilities.path, capabilities.packed_limit) == ("packed", floor_scale)
    prompts = ablated(prompt)
    for order in (prompts, prompts[:1], [prompt[-4:]]):
        expected, got = (
            PATHS[name](model, capabilities, prompt, answer, 1 << 12).score(order)
            for name in ("plain", "packed")
        )
        assert largest_difference(got, expected) < TOLERANCE


def test_knockout_within_the_limit_equals_knockout_without_one() -> None:
    """The least limit at which `Scorer` allows it is far enough, whatever runs again."""
    prompt, answer = draw(PROMPT, 1), draw(40, 2)
    hidden: list[list[Span]] = [[(0, 1)], [(place, place + 1) for place in range(0, 70, 2)]]
    limit = 2 * (len(prompt) + len(answer)) + 1
    got, expected = (
        PackedPath(model, inspect_model(model), prompt, answer, 1 << 12).knock_out(70, hidden, 70)
        for model in (tuned(limit), tuned(1 << 20))
    )
    assert largest_difference(got, expected) < TOLERANCE


class Masks:
    """A model's forward that notes the largest mask it is given."""

    def __init__(self, forward: Any) -> None:
        self.forward, self.cells, self.tokens = forward, 0, 0

    def __call__(self, input_ids: torch.Tensor, **inputs: Any) -> Any:
        mask = inputs.get("attention_mask")
        for each in mask.values() if isinstance(mask, dict) else [mask]:
            self.cells = max(self.cells, 0 if each is None else each.numel())
        self.tokens = max(self.tokens, input_ids.numel())
        return self.forward(input_ids=input_ids, **inputs)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, torch.float32) for name in ("llama", "mistral", "gemma3", "gpt2", "qwen3-moe")),
        ("llama4", torch.float32),
        ("llama", torch.float64),
    ],
)
def test_oversized_branches_get_no_mask(
    name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "_CELLS", 4000)
    prompt, answer = draw(PROMPT, 1), draw(ANSWER, 2)
    model: Any = ARCHITECTURES[name].build()
    model = model.to(dtype)
    capabilities = inspect_model(model)
    prompts = ablated(prompt)
    expected = PATHS["plain"](model, capabilities, prompt, answer, 1).score(prompts)
    masks = Masks(model.forward)
    monkeypatch.setattr(type(model), "forward", masks)
    path = PackedPath(model, capabilities, prompt, answer, 1 << 12)
    assert largest_difference(path.score(prompts), expected) < TOLERANCE
    assert 0 < masks.cells <= 4000


@pytest.mark.parametrize("name", ["llama", "mistral", "gemma3", "mpt", "bloom", "llama4-tuned"])
def test_long_branches_are_run_in_pieces(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attribot_integrations.scoring.prefix_path._LEAST_PIECE", 7)
    prompt, answer = draw(PROMPT, 1), draw(ANSWER, 2)
    model = ARCHITECTURES[name].build()
    capabilities = inspect_model(model)
    prompts = ablated(prompt)
    expected = PATHS["plain"](model, capabilities, prompt, answer, 1).score(prompts)
    path = PATHS["cached"](model, capabilities, prompt, answer, 10)
    path.warm_up()  # the prefix is run whole
    noted = Masks(model.forward)
    monkeypatch.setattr(type(model), "forward", noted)
    assert largest_difference(path.score(prompts), expected) < TOLERANCE
    assert noted.tokens <= 10 + ANSWER


@pytest.mark.parametrize("answer_length", [1, 30])
def test_half_precision_references_of_lone_branches(
    answer_length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "_CELLS", 1)
    prompt, answer = draw(PROMPT, 1), draw(answer_length, 2)
    model = ARCHITECTURES["llama"].build().bfloat16()
    path = PackedPath(model, inspect_model(model), prompt, answer, 1 << 12)
    got = path.score([*ablated(prompt), prompt])
    assert path.work.passes == 1 + 1 + len(ablated(prompt)) + 1
    assert float((got.log_probs[-1] - got.reference[-1]).abs().max()) < 0.3
    assert torch.equal(got.reference[0], got.reference[1])
