"""Functions as verifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.verifying import FunctionVerifier, Verifier
from attribot_integrations.verifying.protocol import verified


def overlap(question: str, statements: Sequence[str], passages: Sequence[str]) -> list[list[float]]:
    assert question == "Who?"
    return [[float(one in passage) for one in statements] for passage in passages]


def test_what_it_returns_is_the_score() -> None:
    verifier: Verifier = FunctionVerifier(overlap, "overlap")
    found = verified(verifier, "Who?", ["Ada", "Bo"], ["Ada sings", "Bo", "Ada and Bo"])
    assert found.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert verifier.name == "overlap"


def test_what_it_returns_is_checked() -> None:
    with pytest.raises(ModelError, match='the verifier "halves" must return one score'):
        verified(FunctionVerifier(lambda *_: [0.5], "halves"), "q", ["s"], ["p"])


@pytest.mark.parametrize(
    ("function", "name", "message"),
    [(3, "x", "function must be callable, got 3"), (overlap, " ", "name must be a text")],
)
def test_wrong_arguments(function: Any, name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FunctionVerifier(function, name)
