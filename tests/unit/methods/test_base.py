"""The removal that all methods share, on an answer whose losses are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import (
    MethodScores,
    check_role,
    remove_each,
    remove_sets,
)
from tests.unit.methods.linear import LinearScorer, inputs_of, losses_of

LOSSES = losses_of(A=(2.0, 0.0), D=(0.5, 4.0))


def test_each_source_is_removed_and_then_all_of_them() -> None:
    scorer = LinearScorer(LOSSES)
    inputs = inputs_of(scorer, levels=("chunk",))
    removal = remove_each(inputs, "target", inputs.sources)
    assert removal.drops.tolist() == [[2.0, 0.0], [0.5, 4.0], [0.0, 0.0]]
    assert removal.log_probs.tolist() == [-1.0, -1.0]
    assert removal.log_probs_without_context.tolist() == [-3.5, -5.0]
    assert [removed for _, removed in scorer.asked] == [{0, 1}, {2, 3}, {4, 5}, {*range(6)}]


def test_hiding_takes_the_place_of_removing_where_it_is_asked_for() -> None:
    scorer = LinearScorer(LOSSES, seen=0.5)
    removal = remove_sets(inputs_of(scorer), "target", [frozenset({0})], rerun=3)
    assert removal.drops.tolist() == [[1.0, 0.0]]
    assert {how for how, _ in scorer.asked} == {"knock out 3"}


def test_another_scorer_of_the_same_model_can_be_used() -> None:
    inputs = inputs_of(LinearScorer(LOSSES))
    narrowed = inputs.target.within(frozenset({3}))
    removal = remove_each(inputs, "target", inputs.sources[:1], scorer=narrowed)
    assert removal.drops.tolist() == [[2.0, 0.0]]
    assert removal.log_probs.tolist() == [-1.5, -5.0]


def test_values_of_the_proxy_are_carried_over_to_the_targets_tokens() -> None:
    target = replace(LinearScorer(LOSSES), token_spans=((0, 2), (2, 4), (4, 8)))
    inputs = inputs_of(target, LinearScorer(LOSSES))
    removal = remove_each(inputs, "proxy", inputs.sources[:1])
    assert removal.drops.tolist() == [[1.0, 1.0, 0.0]]
    assert removal.log_probs.sum() == pytest.approx(-2.0)


def test_without_a_proxy_none_can_be_asked() -> None:
    inputs = inputs_of(LinearScorer(LOSSES))
    assert inputs.scorer("target") is inputs.target
    with pytest.raises(ConfigurationError, match="runs a proxy model, and the engine has none"):
        remove_each(inputs, "proxy", inputs.sources)


def test_a_source_counts_by_the_statement_that_needs_it_most() -> None:
    inputs = inputs_of(LinearScorer(LOSSES))
    scores = np.array([[3.0, -9.0], [-1.0, -2.0]], dtype=np.float32)
    assert inputs.best(scores).tolist() == [3.0, -1.0]


def test_only_leave_one_out_on_the_target_is_exact() -> None:
    none = np.zeros((4, 1), dtype=np.float32)
    estimands = ("target_loo", "proxy_loo", "target_pruned_loo", "target_knockout")
    scores = MethodScores(none, estimands, none[0], none[0])  # type: ignore[arg-type]
    assert scores.exact.tolist() == [True, False, False, False]


def test_roles_have_names() -> None:
    check_role("target")
    check_role("proxy")
    with pytest.raises(ConfigurationError, match='on must be "target" or "proxy", got \'both\''):
        check_role("both")
