"""Knockout equals one full pass in which late tokens may not see the hidden ones."""

from __future__ import annotations

import random

import pytest
import torch
from transformers import PreTrainedModel

from attribot_integrations.context.sources import Span
from attribot_integrations.scoring import attention_parts
from attribot_integrations.scoring.capabilities import AttentionRule, Capabilities, inspect_model
from attribot_integrations.scoring.paths import PackedPath
from attribot_integrations.scoring.verification import verify
from tests.parity.architectures import ARCHITECTURES, VOCABULARY

TOLERANCE = 1e-4
START = 60
HIDDEN: list[list[Span]] = [
    [],
    [(3, 12)],
    [(0, 1), (40, 60)],
    [(0, 60)],
    [(5, 9), (12, 20), (57, 60)],
]
RERUN = 3
# What runs again behind the hidden tokens, and how far it moves to the front; START: the tail.
EXPECTED: list[tuple[list[tuple[int, int]], int]] = [
    ([], 0),
    ([(12, 9), (13, 9), (14, 9)], 0),
    ([(1, 1), (2, 1), (3, 1)], 20),
    ([], 60),
    ([(9, 4), (10, 4), (11, 4), (20, 12), (21, 12), (22, 12)], 3),
]
FAMILIES = [
    *("llama", "qwen2-sliding", "gemma3", "mistral", "gpt2", "qwen3-moe", "gpt-oss"),
    *("gemma3-vision", "gemma4-vision", "qwen2.5-vision"),
]


IN_PARTS = ["llama", "qwen2-sliding", "gemma3", "mistral", "gpt2", "qwen3-moe", "qwen2.5-vision"]
"""Whose attention a pack may compute in parts; not where layers use the keys of others."""


def full_pass(
    model: PreTrainedModel,
    capabilities: Capabilities,
    ids: list[int],
    hidden: list[Span],
    again: list[tuple[int, int]],
    tail_shift: int,
) -> torch.Tensor:
    """Log-probabilities of all tokens but the first, by one pass with an explicit mask.

    The pass holds the prompt up to START, then copies of the tokens that run again, then the rest.
    """
    places = list(range(START)) + [place for place, _ in again] + list(range(START, len(ids)))
    positions = list(range(START)) + [place - shift for place, shift in again]
    positions += [place - tail_shift for place in range(START, len(ids))]
    gone = {place for low, high in hidden for place in range(low, high)} | {p for p, _ in again}
    count = len(places)

    def mask(rule: AttentionRule) -> torch.Tensor:
        built = torch.full((count, count), torch.finfo(torch.float32).min)
        for query in range(count):
            for key in range(query + 1):
                at, seen_at = positions[query], positions[key]
                near = rule.window is None or seen_at > at - rule.window
                same = rule.chunk is None or seen_at // rule.chunk == at // rule.chunk
                early = query < START or key >= START
                if near and same and (early or (key not in gone and places[key] < places[query])):
                    built[query, key] = 0.0
        return built[None, None]

    masks = {layer: mask(rule) for layer, rule in capabilities.masks.items()}
    tokens = torch.tensor([[ids[place] for place in places]])
    with torch.inference_mode():
        logits: torch.Tensor = model(
            tokens,
            attention_mask=masks.get(None, masks),
            position_ids=torch.tensor([positions]),
            use_cache=False,
        ).logits[0]
    return logits[:-1].log_softmax(-1).gather(1, tokens[0, 1:, None])[:, 0]


def draw(count: int, seed: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(3, VOCABULARY) for _ in range(count)]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("token_budget", [30, 4096])
def test_knockout_is_a_masked_full_pass(name: str, token_budget: int) -> None:
    prompt, answer = draw(70, 1), draw(5, 2)
    model = ARCHITECTURES[name].build()
    capabilities = inspect_model(model)
    path = PackedPath(model, capabilities, prompt, answer, token_budget)
    scores = path.knock_out(START, HIDDEN, RERUN)
    for row, (hidden, (again, shift)) in enumerate(zip(HIDDEN, EXPECTED, strict=True)):
        expected = full_pass(model, capabilities, prompt + answer, hidden, again, shift)
        assert float((scores.log_probs[row] - expected[-len(answer) :]).abs().max()) < TOLERANCE
    unhidden = full_pass(model, capabilities, prompt + answer, [], [], 0)[-len(answer) :]
    assert float((scores.reference - unhidden).abs().max()) < TOLERANCE
    assert float((scores.log_probs[3] - unhidden).abs().max()) > 100 * TOLERANCE
    reruns = sum(len(again) for again, _ in EXPECTED)
    # The prompt with the answer; each branch; and the unablated answer behind its prompt's end.
    assert path.work.tokens == len(prompt) + reruns + len(HIDDEN) * 14 + 2 * len(answer) - 1


@pytest.mark.parametrize("name", IN_PARTS)
def test_in_parts_it_is_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_parts, "_LEAST_KEYS", 4)  # cut as finely as long prompts are
    prompt, answer = draw(70, 1), draw(5, 2)
    model = ARCHITECTURES[name].build()
    capabilities = verify(model, inspect_model(model))
    assert capabilities.attention_in_parts
    found = []
    for least in (0, 1 << 20):
        path = PackedPath(model, capabilities, prompt, answer, 60)
        path.least_in_parts = least
        found.append(path.knock_out(START, HIDDEN, RERUN).log_probs)
    assert float((found[0] - found[1]).abs().max()) < TOLERANCE


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("hidden", [(3, 12), (40, 55), (50, 60)])
def test_rerunning_everything_behind_is_removal(name: str, hidden: Span) -> None:
    """What knockout leaves out is the rerun of later tokens, and nothing else."""
    prompt, answer = draw(70, 3), draw(5, 4)
    model = ARCHITECTURES[name].build()
    path = PackedPath(model, inspect_model(model), prompt, answer, 4096)
    removed = path.score([prompt[: hidden[0]] + prompt[hidden[1] :]]).log_probs
    # Moved to the front as a whole, the tail closes the gap too.
    knocked = path.knock_out(START, [[hidden]], rerun=START).log_probs
    assert float((knocked - removed).abs().max()) < TOLERANCE


def test_nothing_runs_again_unless_asked() -> None:
    prompt, answer = draw(70, 5), draw(5, 6)
    model = ARCHITECTURES["llama"].build()
    path = PackedPath(model, inspect_model(model), prompt, answer, 4096)
    path.knock_out(START, [[(3, 12)], [(20, 30)]])
    assert path.work.tokens == len(prompt) + 2 * (10 + len(answer) - 1) + 2 * len(answer) - 1
