"""Many suffixes in a pass: how many passes and tokens, and what hiding runs again."""

from __future__ import annotations

import pytest
import torch

from attribot_integrations.scoring.packed import PackedPath
from tests.unit.scoring.small import ANSWER, PROMPT, llama, log_probs, without

ABLATED = [without(start, start + 3) for start in range(3, 27, 3)]


def path(token_budget: int = 4096) -> PackedPath:
    return PackedPath(*llama(), PROMPT, ANSWER, token_budget)


def test_all_suffixes_share_one_pass_after_the_prompt() -> None:
    packed = path()
    found = packed.score(ABLATED)
    assert packed.work.passes == 2
    expected = torch.stack([log_probs(prompt) for prompt in ABLATED])
    torch.testing.assert_close(found.log_probs, expected, atol=1e-5, rtol=0)
    suffixes = [len(PROMPT) - start - 3 + len(ANSWER) - 1 for start in range(3, 27, 3)]
    # The unablated end is run beside the suffix that it has most in common with.
    reference = packed.work.tokens - len(PROMPT) - sum(suffixes)
    assert 0 < reference <= len(PROMPT) + len(ANSWER)


def test_a_small_budget_takes_more_passes_and_gives_the_same() -> None:
    small = path(token_budget=40)
    found = small.score(ABLATED)
    assert small.work.passes > 4
    torch.testing.assert_close(found.log_probs, path().score(ABLATED).log_probs, atol=1e-5, rtol=0)


def test_in_parts_a_branch_beyond_the_budget_takes_one_pass() -> None:
    long, expected = path(token_budget=12), path().score(ABLATED)
    long.least_in_parts = 2
    found = long.score(ABLATED[:2])  # the longest
    torch.testing.assert_close(found.log_probs, expected.log_probs[:2], atol=1e-5, rtol=0)
    assert long.work.passes == 1 + 2  # the prompt, and each of them
    long._run_model.remember_shortage(1)
    long.score(ABLATED[2:3])
    assert long.work.passes == 1 + 2 + 1


def test_in_full_precision_the_reference_is_run_once() -> None:
    packed = path()
    packed.score(ABLATED)
    before = packed.work.tokens
    packed.score([ABLATED[0]])
    assert packed.work.tokens - before == len(PROMPT) - 6 + len(ANSWER) - 1


def test_hiding_nothing_is_the_reference() -> None:
    packed = path()
    found = packed.knock_out(25, [(), ()], rerun=2)
    torch.testing.assert_close(found.log_probs[0], log_probs(PROMPT), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.log_probs, found.reference, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("spans", "rerun", "again"),
    [
        ([(5, 9)], 0, 0),
        ([(5, 9)], 4, 4),
        ([(20, 25)], 4, 0),  # nothing is left between it and what is run anyway
        ([(20, 23)], 4, 2),
        ([(5, 9), (11, 13)], 4, 2 + 4),  # up to the next gap, and behind it
    ],
)
def test_so_many_tokens_behind_what_is_hidden_are_run_again(
    spans: list[tuple[int, int]], rerun: int, again: int
) -> None:
    packed = path()
    packed.knock_out(25, [()])
    before = packed.work.tokens
    packed.knock_out(25, [spans], rerun=rerun)
    end = len(PROMPT) - 25 + len(ANSWER) - 1
    assert packed.work.tokens - before == end + again


def test_hiding_everything_before_the_end_with_all_run_again_is_removing_it() -> None:
    # Where nothing that is left has read the hidden tokens, hiding is exact.
    packed = path()
    found = packed.knock_out(25, [[(1, 25)]]).log_probs[0]
    torch.testing.assert_close(found, log_probs(without(1, 25)), atol=1e-5, rtol=0)


def test_nothing_asked() -> None:
    assert path().score([]).log_probs.shape == (0, len(ANSWER))
    assert path().knock_out(25, []).log_probs.shape == (0, len(ANSWER))
