"""What the ways to run one prompt at a time have in common."""

from __future__ import annotations

import pytest
import torch

from attribot_integrations.scoring.cached_path import CachedPath
from attribot_integrations.scoring.path_base import ScoringPath
from attribot_integrations.scoring.plain_path import PlainPath
from tests.unit.scoring.small import ANSWER, PROMPT, llama, log_probs, without

ABLATED = (without(5, 9), without(20, 22), PROMPT)


def made(kind: type[ScoringPath]) -> ScoringPath:
    return kind(*llama(), PROMPT, ANSWER, 256)


@pytest.mark.parametrize("kind", [PlainPath, CachedPath])
def test_numbers_are_those_of_a_call_of_the_model(kind: type[ScoringPath]) -> None:
    found = made(kind).score(ABLATED)
    expected = torch.stack([log_probs(prompt) for prompt in ABLATED])
    torch.testing.assert_close(found.log_probs, expected, atol=1e-5, rtol=0)
    reference = log_probs(PROMPT).expand(3, -1)
    torch.testing.assert_close(found.reference, reference, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [PlainPath, CachedPath])
def test_nothing_asked(kind: type[ScoringPath]) -> None:
    found = made(kind).score([])
    assert found.log_probs.shape == found.reference.shape == (0, len(ANSWER))
