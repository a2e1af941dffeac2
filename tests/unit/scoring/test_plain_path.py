"""One pass for each prompt: what is run, and how often."""

from __future__ import annotations

from attribot_integrations.scoring.plain_path import PlainPath
from tests.unit.scoring.small import ANSWER, PROMPT, llama, without

ABLATED = (without(5, 9), without(20, 22), PROMPT)


def test_the_plain_path_runs_each_prompt_from_its_first_token() -> None:
    path = PlainPath(*llama(), PROMPT, ANSWER, 256)
    path.score(ABLATED)
    lengths = [len(prompt) + len(ANSWER) - 1 for prompt in (PROMPT, *ABLATED[:2])]
    assert (path.work.passes, path.work.tokens) == (3, sum(lengths))
    path.score([PROMPT])  # the unablated prompt is known
    assert path.work.passes == 3
