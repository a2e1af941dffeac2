"""One suffix at a time: what is run, how often, and what comes out."""

from __future__ import annotations

import torch

from attribot_integrations.scoring.cache import SharedContext
from attribot_integrations.scoring.cached_path import CachedPath
from tests.unit.scoring.small import ANSWER, PROMPT, llama, log_probs, without

ABLATED = (without(5, 9), without(20, 22), PROMPT)


def cached() -> CachedPath:
    return CachedPath(*llama(), PROMPT, ANSWER, 256)


def test_the_cached_path_runs_what_follows_the_first_change() -> None:
    path = cached()
    path.score(ABLATED[:1])
    # The whole prompt with the answer; its last token again with it; and the suffix after the gap.
    tokens = len(PROMPT) + len(ANSWER) - 1 + len(ANSWER) + (len(PROMPT) - 9 + len(ANSWER) - 1)
    assert (path.work.passes, path.work.tokens) == (3, tokens)
    path.score(ABLATED[1:2])
    assert path.work.passes == 4


def test_a_shared_context_is_run_once_for_two_prompts() -> None:
    shared = SharedContext()
    first, second = cached(), CachedPath(*llama(), (*PROMPT[:20], 60, 61), ANSWER, 256)
    for path in (first, second):
        path.share(shared, lambda: 20)
        path.warm_up()
    # The second prompt runs its own two tokens and the answer.
    assert second.work.tokens == 2 + len(ANSWER) - 1
    assert first.work.tokens == len(PROMPT) + len(ANSWER) - 1
    torch.testing.assert_close(
        second.score([(*PROMPT[:20], 60, 61)]).log_probs[0],
        log_probs((*PROMPT[:20], 60, 61)),
        atol=1e-5,
        rtol=0,
    )
