"""Legacy completions are asked for and read as vLLM and others speak them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from attribot_integrations.errors import ServerError
from attribot_integrations.scoring.servers.completions import Echo, VllmCompletions
from attribot_integrations.scoring.servers.routes import Asked, Route

ASKED = Asked((1, 20, 30, 40), 2, lambda ids: " ".join(map(str, ids)), 1)
# As vLLM 0.32 answers, without what is not read.
ANSWER: dict[str, Any] = {
    "model": "m",
    "choices": [
        {
            "text": "_",
            "logprobs": {
                "token_logprobs": [None, -18.0, -2.5, -0.25, -1.5],
                "tokens": ["<s>", "a", "b", "c", "_"],
            },
            "token_ids": [79],
            "prompt_logprobs": [
                None,
                {"20": {"logprob": -18.0, "rank": 9, "decoded_token": "a"}},
                {"30": {"logprob": -2.5, "rank": 2, "decoded_token": "b"}},
                {"40": {"logprob": -0.25, "rank": 1, "decoded_token": "c"}},
            ],
        }
    ],
    "usage": {"prompt_tokens": 4, "completion_tokens": 1},
}
ROUTES: list[Route] = [VllmCompletions(), Echo()]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_what_is_asked_for_and_read(route: Route) -> None:
    path, body = route.scoring("m", ASKED)
    assert path == "/v1/completions"
    assert body["prompt"] == [1, 20, 30, 40]
    assert body["max_tokens"] == 1
    assert route.log_probs(ANSWER, ASKED) == [-2.5, -0.25]
    assert route.spelled(ANSWER, ASKED) == "bc"


def test_what_differs() -> None:
    assert VllmCompletions().scoring("m", ASKED)[1]["prompt_logprobs"] == 0
    body = Echo().scoring("m", ASKED)[1]
    assert (body["echo"], body["logprobs"]) == (True, 1)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_what_is_written(route: Route) -> None:
    assert route.writing("m", ASKED, 5)[1]["max_tokens"] == 5
    choice = {"text": "xy", "logprobs": {"token_logprobs": [-1.0, -2.0]}, "token_ids": [7, 8]}
    written = route.written({"choices": [choice]})
    assert (written.text, written.ids, written.log_probs) == ("xy", (7, 8), (-1.0, -2.0))
    del choice["token_ids"]
    assert route.written({"choices": [choice]}).ids is None


def changed(**parts: Any) -> dict[str, Any]:
    answer = deepcopy(ANSWER)
    answer["choices"][0].update(parts)
    return answer


def test_a_table_that_is_too_short_or_of_others() -> None:
    entries = ANSWER["choices"][0]["prompt_logprobs"]
    route = VllmCompletions()
    with pytest.raises(ServerError, match="gives 3 entries for a prompt of 4 tokens"):
        route.log_probs(changed(prompt_logprobs=entries[:3]), ASKED)
    with pytest.raises(ServerError, match="no log-probability of the token 30 itself"):
        route.log_probs(changed(prompt_logprobs=[None, *entries[:3]]), ASKED)
    with pytest.raises(ServerError, match=r"has no choices.0.prompt_logprobs"):
        route.log_probs(changed(prompt_logprobs=None), ASKED)


def test_a_start_that_is_left_out_shifts_nothing() -> None:
    logprobs = {"token_logprobs": [None, -2.5, -0.25, -1.5], "tokens": ["a", "b", "c", "_"]}
    assert Echo().log_probs(changed(logprobs=logprobs), ASKED) == [-2.5, -0.25]
    bare = Asked((10, 20, 30, 40), 2, ASKED.spell, None)
    with pytest.raises(ServerError, match="gives 4 entries, 1 of them for new tokens"):
        Echo().log_probs(changed(logprobs=logprobs), bare)


def test_an_echo_of_other_tokens() -> None:
    answer = deepcopy(ANSWER)
    answer["usage"]["prompt_tokens"] = 5
    with pytest.raises(ServerError, match="sees 5 tokens in a prompt of 4"):
        Echo().log_probs(answer, ASKED)
    cut = {"token_logprobs": [-0.25, -1.5], "tokens": ["c", "_"]}
    with pytest.raises(ServerError, match="gives 2 entries"):
        Echo().log_probs(changed(logprobs=cut), ASKED)


def test_a_prompt_as_text() -> None:
    assert Echo("text").scoring("m", ASKED)[1]["prompt"] == "1 20 30 40"
    assert Echo("text behind the start").scoring("m", ASKED)[1]["prompt"] == "20 30 40"
    bare = Asked((10, 20), 1, ASKED.spell, None)
    with pytest.raises(ServerError, match="puts a token before each text"):
        Echo("text behind the start").scoring("m", bare)
    cut = Asked((1, 20), 1, lambda ids: None, 1)
    with pytest.raises(ServerError, match="no text becomes just these tokens"):
        Echo("text").scoring("m", cut)
