"""What is read from answers can be log-probabilities of the tokens that were asked for."""

from __future__ import annotations

import math
from typing import Any

import pytest

from attribot_integrations.errors import ServerError
from attribot_integrations.scoring.servers.routes import (
    Asked,
    checked,
    field_of,
    next_to_ids,
    own_entry,
    table_of,
)


def test_the_scored_ids_are_the_last() -> None:
    asked = Asked((1, 5, 6, 7), 2, lambda ids: None, 1)
    assert asked.scored == (6, 7)


def test_a_field_and_a_table() -> None:
    answer = {"choices": [{"text": "x", "tokens": [1]}]}
    assert field_of(answer, "choices", 0, "text") == "x"
    assert table_of(answer, "choices", 0, "tokens") == [1]
    with pytest.raises(ServerError, match=r"has no choices.0.logprobs: \{'choices'"):
        field_of(answer, "choices", 0, "logprobs")
    with pytest.raises(ServerError, match=r"choices.0.text of the server's answer is no list"):
        table_of(answer, "choices", 0, "text")
    with pytest.raises(ServerError, match="has no choices"):
        field_of(None, "choices")


def test_log_probabilities_are_taken() -> None:
    assert checked([-1, -0.5, 0.0, 1e-5], 4) == [-1.0, -0.5, 0.0, 1e-5]


@pytest.mark.parametrize(
    "wrong", [None, math.nan, -math.inf, math.inf, 0.5, -9999.0, "-1", True, [], 1e9]
)
def test_what_is_no_log_probability(wrong: Any) -> None:
    with pytest.raises(ServerError, match="as the log-probability of token 1 of 2"):
        checked([-1.0, wrong], 2)


@pytest.mark.parametrize("count", [1, 3])
def test_too_few_or_too_many(count: int) -> None:
    with pytest.raises(ServerError, match=f"gives 2 log-probabilities for {count} tokens"):
        checked([-1.0, -2.0], count)


def test_values_of_other_ids_are_refused() -> None:
    assert next_to_ids([[-1.0, 5], [-2.0, 6, "x"]], (5, 6)) == [-1.0, -2.0]
    for wrong in ([-2.0, 7], [-2.0], None, 3):
        with pytest.raises(ServerError, match="token 1 that is scored has the id 6"):
            next_to_ids([[-1.0, 5], wrong], (5, 6))


def test_a_table_of_likely_tokens_without_the_token_itself() -> None:
    assert own_entry({"7": {"logprob": -3.0}}, 7) == {"logprob": -3.0}
    for wrong in ({"8": {"logprob": -0.1}}, None, {"7": -3.0}):
        with pytest.raises(ServerError, match="gives no log-probability of the token 7 itself"):
            own_entry(wrong, 7)
