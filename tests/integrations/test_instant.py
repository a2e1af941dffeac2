"""The preset that needs an attention screen."""

from __future__ import annotations

import numpy as np
import pytest

from attribot_integrations import AttributionEngine, EngineOptions, ScreenAndRescore
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.examples import EvaluationExample, demo_set
from attribot_integrations.methods import LearnedAttention
from attribot_integrations.results import Attribution
from tests.unit.evaluation.tiny import tiny_engine


@pytest.fixture(scope="module")
def engine() -> AttributionEngine:
    return AttributionEngine.from_pretrained(
        bundled_model_path(), options=EngineOptions(alternatives=None)
    )


@pytest.fixture(scope="module")
def example() -> EvaluationExample:
    return demo_set(1, chunks=(8, 8), kinds=("single",)).examples[0]


def ask(engine: AttributionEngine, example: EvaluationExample, method: object) -> Attribution:
    options = EngineOptions(method=method, alternatives=None)  # type: ignore[arg-type]
    return engine.attribute(example.question, example.chunks, example.answer, options=options)


def test_the_bundled_model_has_its_screen(
    engine: AttributionEngine, example: EvaluationExample
) -> None:
    found = ask(engine, example, "instant")
    assert found.method == "learned attention"
    assert set(found.estimands) == {"target_attention"}
    assert not found.exact.any()
    assert found.support[0].label == "supported"
    (cost,) = found.cost.models
    exact = ask(engine, example, "exact")
    assert cost.tokens < 0.4 * exact.cost.models[0].tokens
    np.testing.assert_allclose(found.token_log_probs, exact.token_log_probs, atol=1e-4)
    again = Attribution.from_dict(found.to_dict())
    assert again.estimands == found.estimands


def test_the_best_can_be_rescored(engine: AttributionEngine, example: EvaluationExample) -> None:
    exact = ask(engine, example, "exact")
    found = ask(engine, example, ScreenAndRescore(LearnedAttention()))
    assert found.exact.sum() >= 3
    np.testing.assert_allclose(found.scores[found.exact], exact.scores[found.exact], atol=1e-4)
    assert found.cost.models[0].tokens < exact.cost.models[0].tokens


def test_another_model_is_refused_with_the_remedy(example: EvaluationExample) -> None:
    with pytest.raises(ConfigurationError, match=r"fit one with attribot fit-screen .* and pass"):
        ask(tiny_engine(), example, "instant")
