"""Knockout on an answer whose losses are known: what it asks, and what it makes of the answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import MethodInput, MethodScores
from attribot_integrations.methods.knockout import Knockout
from attribot_integrations.methods.loo import LeaveOneOut
from attribot_integrations.results import Estimand
from tests.unit.methods.linear import NOTHING, LinearScorer, inputs_of, losses_of

LOSSES = losses_of(A=(2.0, 0.0), F=(0.0, 1.0))


def test_sources_are_hidden_and_tokens_behind_them_run_again() -> None:
    scorer = LinearScorer(LOSSES, seen=0.75)
    result = Knockout(rerun=5).run(inputs_of(scorer))
    assert result.scores[0].tolist() == [1.5, 0.0]
    assert result.scores[5].tolist() == [0.0, 0.75]
    assert {how for how, _ in scorer.asked} == {"knock out 5"}
    assert set(result.estimands) == {"target_knockout"}
    assert not result.exact.any()
    assert result.sufficiency is None


def test_what_a_source_restores_alone_is_over_no_context() -> None:
    scorer = LinearScorer(LOSSES, seen=0.5)
    result = Knockout(sufficiency=True).run(inputs_of(scorer))
    assert result.sufficiency is not None
    # All hidden is -1 - 0.5 x (2, 1); alone, a source gives back what it carries.
    assert result.log_probs_without_context.tolist() == [-2.0, -1.5]
    assert result.sufficiency[0].tolist() == [1.0, 0.0]
    assert result.sufficiency[5].tolist() == [0.0, 0.5]
    assert (result.sufficiency[1:5] == 0).all()


def test_sources_in_a_group_that_does_not_matter_are_dropped() -> None:
    scorer = LinearScorer(LOSSES)
    result = Knockout(groups=3, group_score=0.5).run(inputs_of(scorer))
    scored = [estimand == "target_knockout" for estimand in result.estimands]
    assert scored == [True, True, False, False, True, True]
    assert (result.scores[2:4] == 0).all()
    assert result.scores[0].tolist() == [2.0, 0.0]


def test_on_the_proxy() -> None:
    target = LinearScorer(NOTHING)
    result = Knockout(on="proxy").run(inputs_of(target, LinearScorer(LOSSES)))
    assert set(result.estimands) == {"proxy_knockout"}
    assert target.asked == []
    assert (Knockout().name, Knockout(on="proxy").name) == ("knockout", "knockout on proxy")
    assert Knockout(on="proxy").needs_proxy


@dataclass(frozen=True)
class Guess:
    """Puts sources in a fixed order, at no cost."""

    scores: tuple[tuple[float, float], ...]
    name: str = "guess"
    needs_proxy: bool = False

    def run(self, inputs: MethodInput) -> MethodScores:
        values = np.array(self.scores, np.float32)
        zeros = np.zeros(2, np.float32)
        estimands: tuple[Estimand, ...] = tuple("target_attention" for _ in values)
        return MethodScores(values, estimands, zeros, zeros)


GUESS = Guess(((0.1, 0.0), (0.0, 0.2), (0.05, 0.0), (0.0, 0.0), (0.3, 0.0), (0.0, 0.1)))


def test_behind_a_screen_only_the_best_of_each_statement_are_hidden() -> None:
    scorer = LinearScorer(LOSSES, seen=0.5)
    method = Knockout(after=GUESS, keep=2, rerun=3)
    result = method.run(inputs_of(scorer))
    hidden = {tuple(each) for how, each in scorer.asked if how == "knock out 3" and len(each) == 1}
    assert hidden == {(0,), (1,), (4,), (5,)}
    assert [estimand == "target_knockout" for estimand in result.estimands] == [
        *(True, True, False, False, True, True)
    ]
    assert result.scores[0].tolist() == [1.0, 0.0]
    assert result.scores[2].tolist() == pytest.approx([0.05, 0.0])  # the screen's, marked so
    assert result.estimands[2] == "target_attention"
    assert method.name == "guess, then knockout"


def test_behind_a_screen_it_is_priced_by_what_is_hidden() -> None:
    inputs = inputs_of(LinearScorer(LOSSES, hiding=4))
    assert Knockout().work(inputs) == 6 * 4 * 100
    assert Knockout(after=GUESS, keep=1).work(inputs) == 2 * 4 * 100  # one for each statement
    assert Knockout(after=Knockout(), keep=1).work(inputs) == (2 + 6) * 4 * 100


def test_sufficiency_is_of_all_sources_behind_a_screen_too() -> None:
    result = Knockout(after=GUESS, keep=1, sufficiency=True).run(inputs_of(LinearScorer(LOSSES)))
    assert result.sufficiency is not None
    assert result.sufficiency.shape == (6, 2)
    assert result.sufficiency[0].tolist() == [2.0, 0.0]


def test_a_screen_that_is_exact_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="already gives exact scores on the target"):
        Knockout(after=LeaveOneOut()).run(inputs_of(LinearScorer(LOSSES)))
    with pytest.raises(ConfigurationError, match="keep must be at least 1, got 0"):
        Knockout(keep=0)
