"""Both kinds of evidence, and that every output shows them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from attribot_integrations.render.evidence import (
    basis_of,
    basis_words,
    carried_lines,
    dependence,
    evidence,
    share,
    states_of,
)
from attribot_integrations.results import Attribution, Basis
from tests.unit.render.readers import JOINER
from tests.unit.render.samples import sample, weighed
from tests.unit.results.test_notes import OUTPUTS
from tests.unit.results.test_remarks import KNOWN, NOT_STATED

TOGETHER = "these 2 sources together carry 96 % of it"


def flat(text: str) -> str:
    return " ".join(text.replace(JOINER, "").split())


@pytest.mark.parametrize(
    ("score", "basis", "states", "expected"),
    [
        (3.214, "depends", None, "3.21 nats"),
        (3.214, "depends", 0.1, "3.21 nats; stated .10"),
        (3.214, "both", 0.944, "3.21 nats; stated .94"),
        (0.02, "states", 0.94, "+0.02 nats; stated .94"),
        (0.001, "states", 1.0, "+0.00 nats; stated 1.00"),
        (-0.02, "states", 0.94, "-0.02 nats; stated .94"),
    ],
)
def test_nats_and_shares_stay_apart(
    score: float, basis: Basis, states: float | None, expected: str
) -> None:
    assert evidence(score, basis, states) == expected
    assert expected.startswith(f"{dependence(score, basis)} nats")


@pytest.mark.parametrize(("value", "shown"), [(0.0, ".00"), (0.996, "1.00"), (0.5, ".50")])
def test_shares(value: float, shown: str) -> None:
    assert share(value) == shown


def test_several_citations_together() -> None:
    first, other, long, _, known, _ = weighed().citations
    assert basis_of([first, other]) == "both"
    assert basis_of([known]) == "states"
    assert basis_of([long, known]) == "both"
    assert states_of([long, known]) == 0.875
    assert states_of(sample().citations) is None


def test_words_are_left_out_where_there_is_one_kind() -> None:
    assert basis_words(sample(), "depends") is None
    assert basis_words(sample(), "states") == "states"
    assert basis_words(weighed(), "depends") == "depends"
    assert basis_words(weighed(), "both") == "depends and states"


def test_lines_say_which_statement() -> None:
    assert carried_lines(weighed()) == [
        f"Statement 1: {TOGETHER}.",
        "Statement 2: this source alone carries all of it.",
    ]
    assert carried_lines(sample()) == []


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_every_output_says_it(output: Callable[[Attribution], str]) -> None:
    seen = flat(output(weighed()))
    assert KNOWN in seen
    assert NOT_STATED in seen
    assert TOGETHER in seen
    plain = flat(output(sample()))
    assert "known to the model anyway" not in plain
    assert "does not seem to state it" not in plain
    assert "carry" not in plain.replace("carry together", "")


@pytest.mark.parametrize(
    "output", [each for name, each in OUTPUTS.items() if name not in ("json", "utf-16")]
)
def test_every_output_shows_basis_and_what_the_verifier_says(
    output: Callable[[Attribution], str],
) -> None:
    seen = flat(output(weighed()))
    assert re.search(r"depends and states|\"?basis\\?\"?: \\?\"both", seen) or (
        "depends and" in seen and "states" in seen  # in the terminal, on two lines
    )
    assert re.search(r"\.94|0\.94", seen)
    assert re.search(r"\.88|0\.875", seen)
    assert re.search(r"\+0\.02|\"score\\?\": 0\.02", seen) or "[4] states" in seen
