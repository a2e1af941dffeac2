"""SGLang's `/generate` is asked for the scored tokens only, and read as it speaks."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.errors import ServerError
from attribot_integrations.scoring.servers.routes import Asked
from attribot_integrations.scoring.servers.sglang import SglangGenerate

ASKED = Asked((10, 20, 30, 40), 2, lambda ids: None, None)
ROUTE = SglangGenerate()


def answer(entries: Any, seen: int = 4) -> dict[str, Any]:
    return {"text": "", "meta_info": {"prompt_tokens": seen, "input_token_logprobs": entries}}


def test_log_probabilities_begin_before_the_first_scored_token() -> None:
    path, body = ROUTE.scoring("m", ASKED)
    assert path == "/generate"
    assert body["input_ids"] == [10, 20, 30, 40]
    assert body["logprob_start_len"] == 1
    assert body["sampling_params"]["max_new_tokens"] == 0


def test_the_first_entry_is_empty() -> None:
    found = answer([[None, 20, "a"], [-2.5, 30, "b"], [-0.25, 40, "c"]])
    assert ROUTE.log_probs(found, ASKED) == [-2.5, -0.25]
    assert ROUTE.spelled(found, ASKED) == "bc"


def test_no_text_is_no_spelling() -> None:
    found = answer([[None, 20, None], [-2.5, 30, None], [-0.25, 40, None]])
    assert ROUTE.spelled(found, ASKED) is None


@pytest.mark.parametrize(
    ("entries", "seen", "message"),
    [
        ([[-2.5, 30, "b"], [-0.25, 40, "c"]], 4, "gives 2 entries where 3 were wanted"),
        ([[None, 10, ""], [-9.0, 20, "a"], [-2.5, 30, "b"]], 4, "token 0 .* has the id 30"),
        ([[None, 20, "a"], [None, 30, "b"], [-0.25, 40, "c"]], 4, "gives None as the log-prob"),
        ([[None, 20, "a"], [-2.5, 30, "b"], [-0.25, 40, "c"]], 5, "sees 5 tokens in a prompt of 4"),
        (None, 4, "has no meta_info.input_token_logprobs"),
    ],
)
def test_what_is_refused(entries: Any, seen: int, message: str) -> None:
    with pytest.raises(ServerError, match=message):
        ROUTE.log_probs(answer(entries, seen), ASKED)


def test_what_is_written() -> None:
    body = ROUTE.writing("m", ASKED, 5)[1]
    assert body["sampling_params"]["max_new_tokens"] == 5
    meta = {"output_token_logprobs": [[-1.0, 7, None], [-2.0, 8, None]]}
    written = ROUTE.written({"text": "xy", "meta_info": meta})
    assert (written.text, written.ids, written.log_probs) == ("xy", (7, 8), (-1.0, -2.0))
