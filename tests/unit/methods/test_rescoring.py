"""How many of a screen's sources are scored exactly, where both models are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attribot_integrations.context.sources import Level
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.hierarchical import Hierarchical
from attribot_integrations.methods.knockout import Knockout
from attribot_integrations.methods.loo import LeaveOneOut
from attribot_integrations.methods.rescoring import ScreenAndRescore
from tests.unit.methods.linear import LinearScorer, inputs_of, losses_of

SCREEN = LeaveOneOut(on="proxy")
TRUE = losses_of(A=(5.0, 0.0), B=(0.0, 1.5), C=(0.5, 0.0), D=(0.25, 0.0))
CLOSE = losses_of(A=(4.0, 0.0), B=(0.0, 1.25), C=(0.5, 0.0), D=(0.25, 0.0), E=(0.125, 0.0))


def fixed(method: ScreenAndRescore) -> ScreenAndRescore:
    """Let every score of a nat matter, and no lower one."""
    return replace(method, min_score=1.0, min_share=0.0)


def rows_rescored(method: ScreenAndRescore, screened: LinearScorer) -> list[int]:
    result = method.run(inputs_of(LinearScorer(TRUE), screened))
    return [row for row, each in enumerate(result.estimands) if each == "target_loo"]


def test_all_above_the_threshold_and_a_few_below_are_rescored() -> None:
    method = fixed(ScreenAndRescore(SCREEN, at_least=1))
    target = LinearScorer(TRUE)
    result = method.run(inputs_of(target, LinearScorer(CLOSE)))
    assert result.estimands == (*["target_loo"] * 3, *["proxy_loo"] * 3)
    assert result.scores[:3].tolist() == [[5.0, 0.0], [0.0, 1.5], [0.5, 0.0]]
    assert result.scores[4].tolist() == [0.125, 0.0]  # the screen's
    assert result.exact.tolist() == [True, True, True, False, False, False]
    assert [removed for _, removed in target.asked] == [{0}, {1}, {2}, {*range(6)}]


def test_a_screen_that_errs_below_the_threshold_is_followed_further() -> None:
    # It shows next to nothing of sources that matter, so none can be let go.
    blind = LinearScorer(losses_of(A=(4.0, 0.0), C=(0.5, 0.0), D=(0.375, 0.0), B=(0.25, 0.0)))
    method = fixed(ScreenAndRescore(SCREEN, at_least=2, step=1, caution=9.0))
    found = rows_rescored(method, blind)
    assert found == [0, 2, 3]  # C and D were as the screen had them, so B stays
    wrong = LinearScorer(losses_of(A=(4.0, 0.0), B=(0.0, 0.5), D=(0.25, 0.0), C=(0.125, 0.0)))
    assert rows_rescored(method, wrong) == [0, 1, 2, 3, 4]  # all would cost more than without it


def test_all_are_scored_at_once_where_screening_would_cost_more() -> None:
    method = fixed(ScreenAndRescore(Knockout(rerun=2), at_least=1))
    dear = LinearScorer(TRUE, hiding=6)  # of the 10 tokens of a removal
    result = method.run(inputs_of(dear))
    assert result.exact.all()
    assert {how for how, _ in dear.asked} == {"score"}
    cheap = LinearScorer(TRUE, hiding=4)
    assert not method.run(inputs_of(cheap)).exact.all()
    assert {how for how, _ in cheap.asked} == {"score", "knock out 2"}
    checked = replace(method, audit=1)
    assert checked.run(inputs_of(LinearScorer(TRUE, hiding=6))).audit is not None


def test_rescoring_ends_where_going_on_would_cost_more_than_exact_scores() -> None:
    # All six matter, and the screen has spent what two removals take.
    alike = LinearScorer(losses_of(**dict.fromkeys("ABCDEF", (2.0, 2.0))), hiding=3)
    result = fixed(ScreenAndRescore(Knockout(), at_least=1)).run(inputs_of(alike))
    assert [how for how, _ in alike.asked].count("score") == 4 + 1  # and that of all together
    assert result.estimands.count("target_loo") == 4


def test_a_screen_whose_price_is_not_known_is_always_run() -> None:
    proxy = LinearScorer(CLOSE)
    whole = Hierarchical(on="proxy", within="full")
    assert not fixed(ScreenAndRescore(whole)).run(inputs_of(LinearScorer(TRUE), proxy)).exact.all()
    served = LinearScorer(TRUE, parameters=0)  # a server does not tell
    method = fixed(ScreenAndRescore(SCREEN, at_least=1))
    assert method.run(inputs_of(served, proxy)).estimands == (
        *["target_loo"] * 3,
        *["proxy_loo"] * 3,
    )


def test_what_matters_is_relative_to_the_statement() -> None:
    # Of 8 nats for the first statement, 1 is little; of 1.5 for the second, 0.5 is a third.
    losses = losses_of(A=(7.0, 0.0), B=(1.0, 0.0), C=(0.0, 1.0), D=(0.0, 0.5))
    scorer = LinearScorer(losses)
    method = ScreenAndRescore(SCREEN, at_least=1, min_score=0.25, min_share=0.25)
    result = method.run(inputs_of(LinearScorer(losses), scorer))
    assert result.exact[[0, 2, 3]].all()
    sure = ScreenAndRescore(SCREEN, at_least=1, min_share=0.25, enough_score=1.0)
    assert sure.run(inputs_of(LinearScorer(losses), scorer)).exact[:4].all()


def test_at_most_so_many() -> None:
    method = ScreenAndRescore(SCREEN, at_least=4, keep=4)
    assert rows_rescored(method, LinearScorer(CLOSE)) == [0, 1, 2, 3]


def test_an_audit_counts_what_was_missed() -> None:
    # The screen puts all that matters to the second statement at nothing.
    blind = LinearScorer(losses_of(A=(4.0, 0.0)))
    method = fixed(ScreenAndRescore(SCREEN, at_least=1, keep=1, audit=5))
    result = method.run(inputs_of(LinearScorer(TRUE), blind))
    assert result.audit is not None
    assert (result.audit.sampled, result.audit.dropped, result.audit.missed) == (5, 5, 1)
    assert result.audit.recall == 0.5
    assert result.exact.all()  # what was checked keeps its exact score


def test_a_screen_that_is_exact_leaves_nothing_to_do() -> None:
    alone = LinearScorer(TRUE)
    assert ScreenAndRescore(LeaveOneOut()).run(inputs_of(alone)).exact.all()
    assert len(alone.asked) == 7  # each once, and all
    whole = Hierarchical(within="full")
    levels: tuple[Level, ...] = ("sentence", "chunk")
    with pytest.raises(ConfigurationError, match="already gives exact scores"):
        ScreenAndRescore(whole).run(inputs_of(LinearScorer(TRUE), levels=levels))


def test_names_say_what_screens() -> None:
    method = ScreenAndRescore(SCREEN)
    assert method.name == "exact on proxy, then rescored"
    assert method.needs_proxy
    with pytest.raises(ConfigurationError, match="step must be at least 1, got 0"):
        ScreenAndRescore(SCREEN, step=0)
