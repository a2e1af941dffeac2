"""Leave-one-out on an answer whose losses are known."""

from __future__ import annotations

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.loo import LeaveOneOut
from tests.unit.methods.linear import NOTHING, LinearScorer, inputs_of, losses_of

LOSSES = losses_of(B=(1.5, 0.0), E=(0.0, -0.5))


def test_scores_are_what_each_source_carries() -> None:
    scorer = LinearScorer(LOSSES)
    result = LeaveOneOut().run(inputs_of(scorer))
    assert result.scores.tolist() == [list(each) for each in LOSSES]
    assert set(result.estimands) == {"target_loo"}
    assert result.exact.all()
    assert result.log_probs_without_context.tolist() == [-2.5, -0.5]
    assert {how for how, _ in scorer.asked} == {"score"}


def test_both_levels_are_scored_in_the_order_of_the_sources() -> None:
    inputs = inputs_of(LinearScorer(LOSSES), levels=("sentence", "chunk"))
    by_id = dict(
        zip([each.id for each in inputs.sources], LeaveOneOut().run(inputs).scores, strict=True)
    )
    assert by_id[1].tolist() == by_id[6].tolist() == [1.5, 0.0]
    assert by_id[8].tolist() == [0.0, -0.5]


def test_on_the_proxy_the_target_is_never_run() -> None:
    target, proxy = LinearScorer(NOTHING), LinearScorer(LOSSES)
    method = LeaveOneOut(on="proxy")
    result = method.run(inputs_of(target, proxy))
    assert result.scores[1].tolist() == [1.5, 0.0]
    assert set(result.estimands) == {"proxy_loo"}
    assert target.asked == []
    assert (method.name, method.needs_proxy) == ("exact on proxy", True)
    assert (LeaveOneOut().name, LeaveOneOut().needs_proxy) == ("exact", False)


def test_other_models_there_are_not() -> None:
    with pytest.raises(ConfigurationError, match="on must be"):
        LeaveOneOut(on="draft")  # type: ignore[arg-type]
