"""`verified` passes on what a verifier says, and refuses what is no score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.verifying import LexicalVerifier, Verifier
from attribot_integrations.verifying.protocol import verified


@dataclass
class Says:
    """Returns what it is told to."""

    returned: Any
    name: Any = "fixed"
    asked: int = 0

    def verify(self, question: str, statements: Sequence[str], passages: Sequence[str]) -> Any:
        self.asked += 1
        return self.returned


def test_scores_are_a_copy_in_one_type() -> None:
    given = np.array([[0.0], [1.0]])
    scores = verified(Says(given), "q", ["s"], ["p", "p"])
    assert scores.dtype == np.float32
    assert scores.tolist() == [[0.0], [1.0]]
    scores[:] = 0.5
    assert given.tolist() == [[0.0], [1.0]]


def test_lists_are_scores_too() -> None:
    assert verified(Says([[0.25, 0.5]]), "q", ["s", "t"], ["p"]).tolist() == [[0.25, 0.5]]


@pytest.mark.parametrize(
    ("statements", "passages", "shape"), [([], ["p"], (1, 0)), (["s"], [], (0, 1))]
)
def test_nothing_to_compare_asks_nobody(
    statements: list[str], passages: list[str], shape: tuple[int, int]
) -> None:
    verifier = Says(None)
    assert verified(verifier, "q", statements, passages).shape == shape
    assert verifier.asked == 0


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([[0.5]], r"2 passages and 1 statements, got shape \(1, 1\)"),
        ([0.5, 0.5], r"got shape \(2,\)"),
        ([[0.5], [1.5]], "from 0 to 1, got 1.5 for passage 1 and statement 0"),
        ([[-0.25], [1]], "got -0.25 for passage 0 and statement 0"),
        ([[0], [float("nan")]], "got nan for passage 1"),
        ([[0], [float("inf")]], "got inf for passage 1"),
        (None, r"shape \(\)"),
        ("text", "an array of numbers, got 'text'"),
        ([[0], [0, 1]], "an array of numbers"),
    ],
)
def test_what_is_no_score_is_refused(returned: Any, message: str) -> None:
    with pytest.raises(ModelError, match=f'the verifier "fixed" must return.*{message}'):
        verified(Says(returned), "q", ["s"], ["p", "p"])


@pytest.mark.parametrize("wrong", [None, "lexical", object(), LexicalVerifier])
def test_what_is_no_verifier_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="must have a method verify"):
        verified(wrong, "q", ["s"], ["p"])


@pytest.mark.parametrize("name", [None, "", 3])
def test_a_verifier_has_a_name(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="must have a name"):
        verified(Says([[0.5]], name), "q", ["s"], ["p"])


def test_the_built_in_one_is_a_verifier() -> None:
    verifier: Verifier = LexicalVerifier()
    assert verified(verifier, "", ["Cats sleep."], ["Cats sleep."]).shape == (1, 1)
