"""The fast paths give the plain path's numbers, on every architecture."""

from __future__ import annotations

import functools
import random

import pytest
from transformers import PreTrainedModel

from attribot_integrations.scoring.capabilities import Capabilities, PathName, inspect_model
from attribot_integrations.scoring.paths import PATHS, PathScores
from attribot_integrations.scoring.verification import verify
from tests.parity.architectures import ARCHITECTURES, VOCABULARY

TOLERANCE = 1e-4
"""Largest difference of an answer's log-likelihood, in nats, float32."""


@functools.cache
def loaded(name: str) -> tuple[PreTrainedModel, Capabilities]:
    model = ARCHITECTURES[name].build()
    return model, verify(model, inspect_model(model))


def example() -> tuple[list[int], list[list[int]], list[int]]:
    """A prompt of 80 tokens, ablated prompts of several kinds, and an answer."""
    rng = random.Random(0)
    prompt = [rng.randrange(3, VOCABULARY) for _ in range(80)]
    ablated = [prompt[:start] + prompt[start + 9 :] for start in range(2, 66, 8)]
    ablated.append(prompt[:1] + prompt[70:])  # nearly everything removed
    ablated.append(prompt)  # nothing removed
    ablated.append([5, *prompt[9:]])  # nothing shared
    ablated.append([*prompt[:40], 7, 8, *prompt[44:]])  # another tokenisation at the join
    return prompt, ablated, [rng.randrange(3, VOCABULARY) for _ in range(6)]


def run(name: str, path: PathName, token_budget: int = 1 << 12) -> PathScores:
    model, capabilities = loaded(name)
    prompt, ablated, answer = example()
    return PATHS[path](model, capabilities, prompt, answer, token_budget).score(ablated)


def largest_difference(left: PathScores, right: PathScores) -> float:
    """Largest difference of an answer's log-likelihood, ablated or not, in nats."""
    pairs = ((left.log_probs, right.log_probs), (left.reference, right.reference))
    return max(float((one.sum(1) - other.sum(1)).abs().max()) for one, other in pairs)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_chosen_path_equals_plain(name: str) -> None:
    _, capabilities = loaded(name)
    assert capabilities.path == ARCHITECTURES[name].path, capabilities.reason
    expected = run(name, "plain")
    spread = (expected.log_probs - expected.reference).sum(1).abs().max()
    assert spread > 100 * TOLERANCE, "the example moves too little to tell right from wrong"
    assert largest_difference(run(name, capabilities.path), expected) < TOLERANCE


@pytest.mark.parametrize(
    "name", [name for name, each in ARCHITECTURES.items() if each.path == "packed"]
)
def test_cached_equals_plain_where_packed_does(name: str) -> None:
    assert largest_difference(run(name, "cached"), run(name, "plain")) < TOLERANCE


@pytest.mark.parametrize("name", ["llama", "gemma3", "mistral"])
@pytest.mark.parametrize("token_budget", [1, 60, 150, 700])
def test_pack_size_changes_nothing(name: str, token_budget: int) -> None:
    got = run(name, "packed", token_budget)
    assert largest_difference(got, run(name, "plain")) < TOLERANCE
