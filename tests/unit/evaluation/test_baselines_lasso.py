"""The Lasso over random ablations, on models that are linear by construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.baselines_lasso import RandomAblationLasso, random_ablations
from attribot_integrations.methods.base import MethodInput
from attribot_integrations.results.statements import find_statements
from attribot_integrations.scoring.protocols import AblationScores


@dataclass
class LinearScorer:
    """A model whose logit is a sum over the sources that are kept."""

    weights: Sequence[float]
    bias: float
    asked: int = 0

    @property
    def token_spans(self) -> tuple[tuple[int, int], ...]:
        return ((0, 2), (2, 3))

    def score(self, ablations: Sequence[frozenset[int]]) -> AblationScores:
        self.asked += len(ablations)
        full = frozenset[int]()
        rows = [self._log_probs(removed) for removed in (*ablations, full)]
        log_probs = np.array(rows, dtype=np.float32)
        return AblationScores(log_probs[:-1], np.repeat(log_probs[-1:], len(ablations), 0))

    def _log_probs(self, removed: frozenset[int]) -> list[float]:
        kept = [weight for id_, weight in enumerate(self.weights) if id_ not in removed]
        total = -float(np.log1p(np.exp(-self.bias - sum(kept))))
        return [0.25 * total, 0.75 * total]


def linear_inputs(scorer: LinearScorer) -> MethodInput:
    context = SourceSet.build(tuple(Chunk(f"Source {n}.") for n in range(len(scorer.weights))))
    spans = ((0, 2), (2, 3))
    return MethodInput(
        target=cast(Any, scorer),
        proxy=None,
        sources=context.sentences,
        context=context,
        statements=find_statements("Yes", spans),
        token_spans=spans,
    )


@pytest.mark.parametrize("bias", [-6.0, 0.0, 3.0])
def test_lasso_recovers_a_linear_model(bias: float) -> None:
    weights = (0.0, 4.0, 0.0, 0.0, -1.0, 0.0, 2.0, 0.0)
    scorer = LinearScorer(weights, bias)
    result = RandomAblationLasso(ablations=64, penalty=1e-4).run(linear_inputs(scorer))
    np.testing.assert_allclose(result.scores.sum(axis=1), weights, atol=0.02)
    np.testing.assert_allclose(result.scores[:, 0], result.scores[:, 1])
    assert scorer.asked == 65
    assert set(result.estimands) == {"baseline"}
    assert not result.exact.any()
    np.testing.assert_allclose(result.log_probs.sum(), -np.log1p(np.exp(-bias - 5)), rtol=1e-4)
    without = result.log_probs_without_context.sum()
    np.testing.assert_allclose(without, -np.log1p(np.exp(-bias)), rtol=1e-4)


def test_lasso_by_hand_for_one_source() -> None:
    """With one standardised input, the Lasso shrinks the slope by the penalty."""
    kept = np.array([[True], [False], [True], [False]])
    log_probs = np.log([0.8, 0.5, 0.8, 0.5]).astype(np.float32)
    slope = np.log(4)  # logit(0.8) - logit(0.5)
    for penalty in (0.01, 0.25):
        found = RandomAblationLasso(penalty=penalty).fit(kept, log_probs)
        assert found[0] == pytest.approx(slope * (1 - penalty), rel=1e-5)


def test_lasso_of_an_answer_that_nothing_changes() -> None:
    kept = random_ablations(8, 3, 0)
    assert RandomAblationLasso().fit(kept, np.full(8, -2, np.float32)).tolist() == [0, 0, 0]


def test_lasso_of_a_certain_answer_is_finite() -> None:
    kept = random_ablations(8, 3, 0)
    log_probs: npt.NDArray[np.float32] = np.where(kept[:, 0], 0.0, -30.0).astype(np.float32)
    found = RandomAblationLasso().fit(kept, log_probs)
    assert np.isfinite(found).all()
    assert found.argmax() == 0


def test_random_ablations() -> None:
    kept = random_ablations(500, 40, 7)
    assert kept.shape == (500, 40)
    assert kept.mean() == pytest.approx(0.5, abs=0.02)
    np.testing.assert_array_equal(kept, random_ablations(500, 40, 7))
    assert (kept != random_ablations(500, 40, 7, 1)).any()


@pytest.mark.parametrize("options", [{"ablations": 1}, {"penalty": 0.0}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="ablations must be at least 2 and penalty above"):
        RandomAblationLasso(**options)
