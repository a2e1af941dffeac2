from __future__ import annotations

import json
from pathlib import Path

import pytest

from attribot_integrations.results import fitted
from attribot_integrations.results.policies import CiteDependence, CiteEvidence, CiteSupport
from attribot_integrations.results.support import FEATURES, LabelSupport, SupportProbability
from attribot_integrations.verifying import LexicalVerifier

PUBLISHED = Path(__file__).parents[3] / "benchmarks" / "results" / "defaults.json"


def test_defaults_are_the_fitted_values() -> None:
    depends, states = CiteDependence(), CiteSupport()
    assert (depends.min_score, depends.min_share) == (fitted.MIN_SCORE, fitted.MIN_SHARE)
    assert (depends.enough_score, depends.max_citations) == (
        fitted.ENOUGH_SCORE,
        fitted.MAX_CITATIONS,
    )
    assert (states.min_stated, states.near_best) == (fitted.MIN_STATED, fitted.NEAR_BEST_STATED)
    assert CiteEvidence() == CiteEvidence(depends, states)
    labels = LabelSupport()
    assert labels.probability == SupportProbability(
        fitted.SUPPORT_WEIGHTS, fitted.SUPPORT_BIAS, fitted.SUPPORT_VERIFIER
    )
    assert LexicalVerifier("german").name.startswith(f"{fitted.SUPPORT_VERIFIER},")
    assert labels.unverified == SupportProbability(
        fitted.UNVERIFIED_WEIGHTS, fitted.UNVERIFIED_BIAS
    )
    assert len(fitted.SUPPORT_WEIGHTS) == len(FEATURES)


def test_defaults_are_those_that_were_published() -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert repr(CiteEvidence()) in [row["policy"] for row in published["policies"]]
    for key, weights, bias in (
        ("support", fitted.SUPPORT_WEIGHTS, fitted.SUPPORT_BIAS),
        ("support_without_verifier", fitted.UNVERIFIED_WEIGHTS, fitted.UNVERIFIED_BIAS),
    ):
        assert published[key]["weights"] == pytest.approx(weights, rel=0.02)
        assert published[key]["bias"] == pytest.approx(bias, rel=0.02)
