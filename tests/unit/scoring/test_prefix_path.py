"""What a prompt shares with its ablations is run once, and what an answer adds is run alone."""

from __future__ import annotations

import pytest
import torch

from attribot_integrations.scoring import prefix_path
from attribot_integrations.scoring.cached_path import CachedPath
from attribot_integrations.scoring.growing import GrowingAnswer
from tests.unit.scoring.small import ANSWER, PROMPT, llama, log_probs, without

ABLATED = (without(5, 9),)


def path_of(answer: tuple[int, ...] = ANSWER, token_budget: int = 256) -> CachedPath:
    return CachedPath(*llama(), PROMPT, answer, token_budget)


def test_long_suffixes_are_run_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefix_path, "_LEAST_PIECE", 8)
    whole, pieces = path_of(), path_of(token_budget=1)
    expected = whole.score(ABLATED)
    found = pieces.score(ABLATED)
    assert pieces.work.passes > whole.work.passes
    assert pieces.work.tokens == whole.work.tokens
    torch.testing.assert_close(found.log_probs, expected.log_probs, atol=1e-5, rtol=0)


def test_a_confirmed_prompt_is_not_run_again_for_an_answer_that_goes_on() -> None:
    grown = GrowingAnswer()
    for count in (2, 3, len(ANSWER)):
        path = path_of(ANSWER[:count])
        path.follow(grown)
        assert grown.confirmed == (count > 2)
        path.warm_up()
        assert path.work.tokens == (0 if count > 2 else len(PROMPT) + 1)
        path.score((PROMPT,))
    row = path.score((PROMPT,)).log_probs[0]
    torch.testing.assert_close(row, log_probs(PROMPT), atol=1e-5, rtol=0)
    assert grown.let_go()
    assert not grown.confirmed


def test_another_prompt_is_confirmed_anew() -> None:
    grown = GrowingAnswer()
    for prompt in (PROMPT, (*PROMPT, 3)):
        path = CachedPath(*llama(), prompt, ANSWER, 256)
        path.follow(grown)
        assert not grown.confirmed
        path.score((prompt,))
        assert grown.confirmed
