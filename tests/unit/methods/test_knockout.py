"""Knockout on an answer whose losses are known: what it asks, and what it makes of the answers."""

from __future__ import annotations

from attribot_integrations.methods.knockout import Knockout
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
