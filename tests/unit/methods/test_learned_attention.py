"""Scores predicted from attention."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.methods import LearnedAttention, ScreenAndRescore
from tests.unit.methods.linear import NOTHING, LinearScorer, inputs_of, losses_of
from tests.unit.methods.reading import SCREEN, ReadingScorer, signature

LOSSES = losses_of(B=(4.0, 0.0), E=(0.0, 3.0))


def test_scores_are_weighted_sums_of_attention() -> None:
    scorer = ReadingScorer(LOSSES)
    result = LearnedAttention(SCREEN).run(inputs_of(scorer))
    numbers = np.arange(6)[:, None] * np.ones(2)
    expected = 0.05 * numbers + 0.2 * np.array(LOSSES)
    np.testing.assert_allclose(result.scores, expected, atol=1e-6)
    assert set(result.estimands) == {"target_attention"}
    assert not result.exact.any()
    np.testing.assert_allclose(result.log_probs, [-1, -1])
    np.testing.assert_allclose(result.log_probs_without_context, [-5, -4])
    assert [how for how, _ in scorer.asked] == ["read", "score"]


def test_it_runs_on_the_proxy() -> None:
    method = LearnedAttention(SCREEN, on="proxy")
    target, proxy = LinearScorer(NOTHING), ReadingScorer(LOSSES)
    result = method.run(inputs_of(target, proxy))
    assert method.needs_proxy
    assert method.name == "learned attention on proxy"
    assert set(result.estimands) == {"proxy_attention"}
    assert target.asked == []


def test_the_best_are_rescored_exactly() -> None:
    scorer = ReadingScorer(LOSSES)
    method = ScreenAndRescore(LearnedAttention(SCREEN), at_least=1)
    result = method.run(inputs_of(scorer))
    assert method.name == "learned attention, then rescored"
    assert result.exact[[1, 4]].all()
    np.testing.assert_allclose(result.scores[[1, 4]], [LOSSES[1], LOSSES[4]])


def test_levels_have_scores_of_their_own() -> None:
    result = LearnedAttention(SCREEN).run(inputs_of(ReadingScorer(LOSSES), levels=("chunk",)))
    np.testing.assert_allclose(result.scores[:, 0], [0.85, 0.25, 0.45], atol=1e-6)


def test_a_model_without_a_screen_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        ConfigurationError,
        match="no attention screen comes with linear: fit one with attribot fit-screen",
    ):
        LearnedAttention().run(inputs_of(ReadingScorer(LOSSES)))


def test_another_models_screen_is_refused() -> None:
    scorer = ReadingScorer(LOSSES, model=signature(vocabulary=10))
    with pytest.raises(ConfigurationError, match="fitted for tiny, and this model has vocabulary"):
        LearnedAttention(SCREEN).run(inputs_of(scorer))
    assert [how for how, _ in scorer.asked] == ["read"]


def test_a_model_that_shows_nothing_is_refused() -> None:
    with pytest.raises(ModelError, match="linear shows no attention"):
        LearnedAttention(SCREEN).run(inputs_of(LinearScorer(LOSSES)))


def test_a_path_is_no_screen() -> None:
    with pytest.raises(ConfigurationError, match=r"got 'x.safetensors'; AttentionScreen.load"):
        LearnedAttention(cast(Any, "x.safetensors"))
    with pytest.raises(ConfigurationError, match="on must be"):
        LearnedAttention(SCREEN, on=cast(Any, "both"))


def test_its_work_is_the_answer_without_the_context() -> None:
    inputs = inputs_of(LinearScorer(NOTHING), ReadingScorer(LOSSES))
    assert LearnedAttention(SCREEN).work(inputs) == 10 * 100
    assert LearnedAttention(SCREEN, on="proxy").work(inputs) == 10  # one of a single parameter
