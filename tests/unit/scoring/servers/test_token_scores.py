"""vLLM's token route is asked for the answer's own tokens, and its packed numbers are read."""

from __future__ import annotations

import math
from typing import Any

import pytest

from attribot_integrations.errors import ServerError
from attribot_integrations.scoring.servers.routes import Asked
from attribot_integrations.scoring.servers.token_scores import VllmTokens
from tests.unit.scoring.servers.fake_servers import packed_scores

ASKED = Asked((10, 20, 30, 40), 2, lambda ids: None, None)
ROUTE = VllmTokens()


def test_what_is_asked_for() -> None:
    path, body = ROUTE.scoring("m", ASKED)
    assert path == "/inference/v1/generate"
    assert body["token_ids"] == [10, 20, 30, 40]
    sampling = body["sampling_params"]
    assert sampling["prompt_logprob_token_ids"] == [[30], [40]]
    assert sampling["prompt_logprob_start"] == 1


def test_what_is_read() -> None:
    found = {"prompt_token_id_logprobs": packed_scores([[-2.5], [-0.25]])}
    assert ROUTE.log_probs(found, ASKED) == [-2.5, -0.25]
    assert ROUTE.spelled(found, ASKED) is None


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (None, "has no prompt_token_id_logprobs"),
        ("???", "cannot be read"),
        (packed_scores([[-2.5], [-0.25]])[:40], "cannot be read"),
        (packed_scores([[-2.5]]), r"of shape \(1, 1\) for 2 tokens"),
        (packed_scores([-2.5, -0.25]), r"of shape \(2,\) for 2 tokens"),
        (packed_scores([[-2.5], [math.nan]]), "gives nan as the log-probability"),
        (packed_scores([[17.5], [3.0]]), r"gives 17.5 as the log-probability"),  # logits
    ],
)
def test_what_is_refused(packed: Any, message: str) -> None:
    with pytest.raises(ServerError, match=message):
        ROUTE.log_probs({"prompt_token_id_logprobs": packed}, ASKED)


def test_what_is_written() -> None:
    assert ROUTE.writing("m", ASKED, 5)[1]["sampling_params"]["max_tokens"] == 5
    content = [{"token_id": 7, "logprob": -1.0}, {"token_id": 8, "logprob": -2.0}]
    choice = {"token_ids": [7, 8], "logprobs": {"content": content}}
    written = ROUTE.written({"choices": [choice]})
    assert (written.ids, written.log_probs) == ((7, 8), (-1.0, -2.0))
