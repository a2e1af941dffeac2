"""Pruning: the best of a screen, scored in a context of those alone."""

from __future__ import annotations

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.loo import LeaveOneOut
from attribot_integrations.methods.pruning import ScreenAndPrune
from tests.unit.methods.linear import LinearScorer, inputs_of, losses_of

SCREEN = LeaveOneOut(on="proxy")
TRUE = losses_of(A=(5.0, 0.0), B=(0.0, 1.5), C=(0.5, 0.0), D=(0.25, 0.0))
CLOSE = losses_of(A=(4.0, 0.0), B=(0.0, 1.25), C=(0.5, 0.0), D=(0.25, 0.0), E=(0.125, 0.0))


def test_the_best_are_rescored_without_the_others() -> None:
    target = LinearScorer(TRUE)
    method = ScreenAndPrune(SCREEN, keep=2)
    result = method.run(inputs_of(target, LinearScorer(CLOSE)))
    assert [removed for _, removed in target.asked] == [{0}, {1}, {*range(6)}]
    assert result.estimands == (*["target_pruned_loo"] * 2, *["proxy_loo"] * 4)
    assert result.scores[:3].tolist() == [[5.0, 0.0], [0.0, 1.5], [0.5, 0.0]]
    assert not result.exact.any()
    assert result.audit is None


def test_names_and_needs_are_those_of_the_screen() -> None:
    method = ScreenAndPrune(SCREEN)
    assert method.name == "exact on proxy, then rescored in the pruned context"
    assert method.needs_proxy
    assert not ScreenAndPrune(LeaveOneOut()).needs_proxy


def test_bad_options() -> None:
    with pytest.raises(ConfigurationError, match="keep must be at least 1, got 0"):
        ScreenAndPrune(SCREEN, keep=0)
    with pytest.raises(ConfigurationError, match="the screen 'exact' already gives exact scores"):
        ScreenAndPrune(LeaveOneOut()).run(inputs_of(LinearScorer(TRUE), LinearScorer(CLOSE)))
