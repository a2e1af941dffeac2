from __future__ import annotations

import json
from pathlib import Path

import pytest

from attribot_integrations.results import fitted
from attribot_integrations.results.policies import CiteDependence
from attribot_integrations.results.support import FEATURES, LabelSupport

PUBLISHED = Path(__file__).parents[3] / "benchmarks" / "results" / "defaults.json"


def test_defaults_are_the_fitted_values() -> None:
    policy = CiteDependence()
    assert (policy.min_score, policy.min_share) == (fitted.MIN_SCORE, fitted.MIN_SHARE)
    assert (policy.enough_score, policy.max_citations) == (
        fitted.ENOUGH_SCORE,
        fitted.MAX_CITATIONS,
    )
    probability = LabelSupport().probability
    assert probability is not None
    assert (probability.weights, probability.bias) == (
        fitted.SUPPORT_WEIGHTS,
        fitted.SUPPORT_BIAS,
    )
    assert len(fitted.SUPPORT_WEIGHTS) == len(FEATURES)


def test_defaults_are_those_that_were_published() -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    rules = [row["policy"] for row in published["policies"]]
    assert repr(CiteDependence()) in rules
    support = published["support"]
    assert support["weights"] == pytest.approx(fitted.SUPPORT_WEIGHTS, rel=0.02)
    assert support["bias"] == pytest.approx(fitted.SUPPORT_BIAS, rel=0.02)
