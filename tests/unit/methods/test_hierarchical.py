"""Chunks first, then their sentences, on an answer whose losses are known."""

from __future__ import annotations

from typing import Literal

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.hierarchical import Hierarchical
from tests.unit.methods.linear import LinearScorer, inputs_of, losses_of

# The first statement needs the first chunk, the second one the second, and a little the third.
LOSSES = losses_of(A=(3.0, 0.0), D=(0.0, 2.0), E=(0.0, 0.5))


def test_the_best_chunks_of_each_statement_are_divided() -> None:
    scorer = LinearScorer(LOSSES)
    result = Hierarchical(keep=1).run(inputs_of(scorer))
    assert result.scores.tolist() == [[3, 0], [0, 0], [0, 0], [0, 2], [0, 0], [0, 0]]
    assert result.estimands == (*["target_loo"] * 4, "dropped", "dropped")
    asked = [removed for _, removed in scorer.asked]
    assert asked[:4] == [{0, 1}, {2, 3}, {4, 5}, {*range(6)}]  # chunks
    assert asked[4:] == [{0}, {1}, {2}, {3}, {*range(6)}]


def test_more_chunks_and_a_least_score() -> None:
    kept_all = Hierarchical(keep=2).run(inputs_of(LinearScorer(LOSSES)))
    assert kept_all.scores[4].tolist() == [0.0, 0.5]
    strict = Hierarchical(keep=2, min_score=1.0).run(inputs_of(LinearScorer(LOSSES)))
    assert strict.estimands[4:] == ("dropped", "dropped")
    none = Hierarchical(min_score=99.0).run(inputs_of(LinearScorer(LOSSES)))
    assert set(none.estimands) == {"dropped"}
    assert (none.scores == 0).all()


def test_in_the_pruned_context_the_other_chunks_are_gone() -> None:
    scorer = LinearScorer(LOSSES)
    result = Hierarchical(keep=1, within="pruned").run(inputs_of(scorer))
    assert result.estimands[:4] == ("target_pruned_loo",) * 4
    assert result.log_probs.tolist() == [-1.0, -1.0]  # those of the full context
    assert not result.exact.any()


def test_chunks_are_scored_where_they_are_asked_for_too() -> None:
    inputs = inputs_of(LinearScorer(LOSSES), levels=("sentence", "chunk"))
    result = Hierarchical(keep=1).run(inputs)
    by_id = {each.id: row for row, each in enumerate(inputs.sources)}
    assert result.scores[by_id[8]].tolist() == [0.0, 0.5]
    assert result.estimands[by_id[8]] == "target_loo"


@pytest.mark.parametrize("within", ["pruned", "full"])
def test_where_all_chunks_are_kept_they_are_not_removed(
    within: Literal["pruned", "full"],
) -> None:
    scorer = LinearScorer(LOSSES)
    result = Hierarchical(within=within).run(inputs_of(scorer))
    assert result.scores.tolist() == [list(each) for each in LOSSES]
    assert set(result.estimands) == {"target_loo" if within == "full" else "target_pruned_loo"}
    assert [removed for _, removed in scorer.asked] == [
        *({place} for place in range(6)),
        {*range(6)},
    ]


def test_there_must_be_sentences() -> None:
    with pytest.raises(ConfigurationError, match='levels must hold "sentence", or use leave-one'):
        Hierarchical().run(inputs_of(LinearScorer(LOSSES), levels=("chunk",)))


def test_names() -> None:
    assert Hierarchical(on="proxy", within="pruned").name == (
        "hierarchical on proxy: chunks, then sentences in the pruned context"
    )
    assert Hierarchical(on="proxy").needs_proxy
    with pytest.raises(ConfigurationError, match="keep must be at least 1, got 0"):
        Hierarchical(keep=0)
