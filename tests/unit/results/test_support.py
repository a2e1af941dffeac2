"""Which label a statement gets."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results.parts import Basis
from attribot_integrations.results.statements import find_statements
from attribot_integrations.results.support import (
    FEATURES,
    NO_TOKEN,
    LabelSupport,
    SupportEvidence,
    SupportLabel,
    SupportProbability,
    support_evidence,
)
from tests.unit.attributions import make_attribution

GOOD = SupportEvidence(
    log_likelihood=-2.0,
    log_likelihood_without_context=-12.0,
    least_token_log_prob=-1.5,
    least_token_gain=0.5,
    tokens=10,
    best_score=8.0,
    cited=True,
)
STATED = dataclasses.replace(GOOD, best_stated=0.97, verifier="word overlap, english")
_NATS = st.floats(-1e5, 0)
_EVIDENCE = st.builds(
    SupportEvidence,
    log_likelihood=_NATS,
    log_likelihood_without_context=_NATS,
    least_token_log_prob=_NATS,
    least_token_gain=st.floats(-1e5, 1e5),
    tokens=st.integers(1, 5000),
    best_score=st.floats(-1e5, 1e5),
    cited=st.booleans(),
    best_stated=st.none() | st.floats(0, 1),
)


def label(labels: LabelSupport | None = None, **changes: Any) -> SupportLabel:
    evidence = dataclasses.replace(GOOD, **changes)
    return (labels or LabelSupport(probability=None))([evidence])[0].label


def test_what_depends_on_a_cited_source_is_supported() -> None:
    assert label() == "supported"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "supported"),
        ({"cited": False}, "uncertain"),
        ({"log_likelihood_without_context": -2.9}, "unknown"),
        ({"log_likelihood_without_context": -2.9, "least_token_log_prob": -7.0}, "unknown"),
        ({"log_likelihood": -30.0, "log_likelihood_without_context": -50.0}, "unsupported"),
        ({"log_likelihood": -30.0, "log_likelihood_without_context": -30.0}, "unsupported"),
    ],
)
def test_no_label_rests_on_an_incomplete_removal(changes: Any, expected: str) -> None:
    assert label(complete=False, **changes) == expected


def test_no_calibrated_label_rests_on_an_incomplete_removal() -> None:
    labels = LabelSupport(probability=SupportProbability((0.0,) * 5, -3.0))
    assert label(labels) == "unsupported"
    assert label(labels, complete=False) == "unknown"


def test_what_no_single_source_carries_is_uncertain() -> None:
    assert label(cited=False) == "uncertain"


def test_what_is_as_likely_without_the_context_is_parametric() -> None:
    assert label(log_likelihood_without_context=-2.9) == "parametric"
    assert label(log_likelihood_without_context=-2.9, cited=False) == "parametric"
    assert label(log_likelihood_without_context=-3.0) == "supported"  # 1 nat is enough
    assert label(log_likelihood_without_context=-1.0) == "parametric"


def test_what_surprises_the_model_is_not_known_to_it() -> None:
    assert label(log_likelihood_without_context=-2.0, least_token_log_prob=-6.1) == "unsupported"
    assert label(log_likelihood_without_context=-2.0, least_token_log_prob=-6.0) == "parametric"
    assert label(least_token_log_prob=-7.0) == "supported"  # the context speaks for it


def test_what_is_unlikely_even_with_the_context_is_unsupported() -> None:
    assert label(log_likelihood=-20.1, log_likelihood_without_context=-60.0) == "unsupported"
    assert label(log_likelihood=-20.0, log_likelihood_without_context=-60.0) == "supported"
    assert label(log_likelihood=-20.1, log_likelihood_without_context=-20.1) == "unsupported"


@pytest.mark.parametrize(
    ("bias", "expected"), [(-0.8, "supported"), (-1.9, "supported"), (-2.0, "unsupported")]
)
def test_what_is_cited_on_both_grounds_is_not_doubted_for_its_form(
    bias: float, expected: str
) -> None:
    labels = LabelSupport(probability=SupportProbability((0.0,) * 5, bias))  # .31, .130, .119
    assert label(labels) == "unsupported"
    assert label(labels, cited_on_both=True) == expected
    no_gain = {"log_likelihood_without_context": -2.0, "least_token_log_prob": -8.0}
    assert label(labels, **no_gain, cited_on_both=True) == "unsupported"
    assert label(labels, **no_gain, cited_on_both=True, best_stated=0.9) == expected


def test_what_is_cited_for_both_is_gathered() -> None:
    made = make_attribution("Q", ["A.", "B."], "One. Two.")
    (cited,) = made.citations
    for basis, expected in (("both", True), ("depends", False), ("states", False)):
        citation = dataclasses.replace(cited, basis=cast("Basis", basis))
        found = support_evidence(dataclasses.replace(made, citations=(citation,)))
        assert [each.cited_on_both for each in found] == [expected, False]


def test_a_statement_without_a_token_of_its_own_is_not_judged() -> None:
    """One token covers the border, and belongs to the first statement."""
    answer, spans = "对。是", ((0, 1), (1, 3))
    statements = find_statements(answer, spans, lambda text: [(0, 2), (2, 3)])
    assert [each.tokens for each in statements] == [(0, 2), (2, 2)]
    made = dataclasses.replace(
        make_attribution("Q", ["A."], answer),
        statements=statements,
        token_spans=spans,
        citations=(),
        scores=np.zeros((1, 2), dtype=np.float32),
        token_log_probs=np.full(2, -0.5, dtype=np.float32),
        token_log_probs_without_context=np.full(2, -0.5, dtype=np.float32),
    )
    evidence = support_evidence(made)
    calibrated = SupportProbability((0.0,) * len(FEATURES), 2.0)
    for labels in (LabelSupport(probability=None), LabelSupport(probability=calibrated)):
        first, second = labels(evidence)
        assert (first.label, first.reason) == ("parametric", None)
        assert (second.label, second.reason) == ("unknown", NO_TOKEN)
        assert second.probability is None
    assert evidence[1].features()[0] == 0.0


def test_statements_keep_their_order_and_likelihoods() -> None:
    low = dataclasses.replace(GOOD, log_likelihood_without_context=-1.0)
    first, second = LabelSupport(probability=None)([GOOD, low])
    assert (first.statement_index, second.statement_index) == (0, 1)
    assert (first.log_likelihood, first.log_likelihood_without_context) == (-2.0, -12.0)
    assert first.gain == 10.0
    assert first.probability is None


def test_calibrated_probability_takes_the_place_of_the_mean() -> None:
    by_share = SupportProbability(
        tuple(4.0 * (name == "explained_share") for name in FEATURES[:-1]), -2.0
    )
    labels = LabelSupport(probability=by_share)
    (judged,) = labels([GOOD])
    # 10 of 12 nats are explained.
    assert judged.probability == pytest.approx(1 / (1 + math.exp(2.0 - 4.0 * 10 / 12)), rel=1e-5)
    assert judged.label == "supported"
    assert label(labels, log_likelihood=-8.0) == "unsupported"
    assert label(labels, log_likelihood=-11.5) == "parametric"
    assert label(LabelSupport(probability=by_share, min_probability=0.9)) == "unsupported"


@settings(deadline=None, derandomize=True, max_examples=200)
@given(evidence=_EVIDENCE, weights=st.tuples(*[st.floats(-1e3, 1e3)] * len(FEATURES)))
def test_probabilities_are_probabilities(
    evidence: SupportEvidence, weights: tuple[float, ...]
) -> None:
    model = SupportProbability(weights, 0.0)
    assert model.can_judge(evidence) == (evidence.best_stated is not None)
    if model.can_judge(evidence):
        assert 0.0 <= model(evidence) <= 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_gain": 0.0}, "min_gain must be above 0 nats, got 0.0"),
        ({"min_token_log_prob": 0.5}, "min_token_log_prob must be below 0 nats, got 0.5"),
        ({"min_known_token_log_prob": 1.0}, "min_known_token_log_prob must be below 0 nats, got 1"),
        ({"min_probability": 1.0}, "min_probability must be between 0 and 1, got 1.0"),
    ],
)
def test_bad_thresholds(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LabelSupport(**options)


def test_probabilities_do_without_a_verifier() -> None:
    (with_it,) = LabelSupport()([STATED])
    (without,) = LabelSupport()([GOOD])
    (told,) = LabelSupport()([dataclasses.replace(STATED, best_stated=0.0)])
    assert with_it.probability is not None
    assert without.probability is not None
    assert told.probability is not None
    assert with_it.probability > without.probability > told.probability
    unverified = SupportProbability((0.0,) * 5, 1.0)
    assert LabelSupport(probability=unverified)([STATED])[0].probability == pytest.approx(
        0.731, abs=1e-3
    )
    assert LabelSupport(unverified=None)([GOOD])[0].probability is None


def test_another_verifier_is_not_taken_for_the_one_of_the_fit() -> None:
    words, other = (dataclasses.replace(STATED, verifier=name) for name in ("words, x", "other"))
    told = SupportProbability((0.0,) * 5 + (1.0,), 0.0, "words")
    assert told.can_judge(words)
    assert told.can_judge(dataclasses.replace(STATED, verifier="words"))
    assert not told.can_judge(other)
    assert not told.can_judge(dataclasses.replace(words, verifier="words of another kind"))
    with pytest.raises(ConfigurationError, match="it was fitted to 'words', not to 'other'"):
        told(other)
    labels = LabelSupport(probability=told, unverified=SupportProbability((0.0,) * 5, 1.0))
    assert labels([words])[0].probability != labels([other])[0].probability
    assert labels([other])[0].probability == labels([GOOD])[0].probability
    assert dataclasses.replace(told, verifier=None).can_judge(other)


@pytest.mark.parametrize(
    ("best_stated", "least", "expected"),
    [
        (0.97, -1.0, "parametric"),
        (0.97, -9.0, "supported"),
        (0.3, -9.0, "unsupported"),
        (None, -9.0, "unsupported"),
    ],
)
def test_what_is_stated_is_supported_whatever_the_model_makes_of_it(
    best_stated: float | None, least: float, expected: str
) -> None:
    sure = LabelSupport(probability=SupportProbability((0.0,) * 5, 3.0))
    found = label(
        sure,
        best_stated=best_stated,
        least_token_log_prob=least,
        log_likelihood_without_context=-2.5,
    )
    assert found == expected


def test_features_by_hand() -> None:
    share, best, gain, log_prob, length = GOOD.features()
    assert share == pytest.approx(10 / 12)
    assert best == pytest.approx(math.log(9.0))
    assert gain == pytest.approx(math.log(1.5))
    assert log_prob == -1.5
    assert length == pytest.approx(math.log(10))
    # What is likely anyway leaves little to explain, and no share of it says much.
    assert STATED.features()[:5] == GOOD.features()
    assert STATED.features()[5] == pytest.approx(math.log(0.97 / 0.03))
    sure = dataclasses.replace(GOOD, best_stated=1.0)
    assert sure.features()[5] == pytest.approx(math.log(999))
    known = dataclasses.replace(GOOD, log_likelihood=-0.1, log_likelihood_without_context=-0.2)
    assert known.features()[0] == pytest.approx(0.1)


def test_the_word_that_the_context_speaks_against() -> None:
    made = make_attribution("Q", ["A."], "One. Two.")
    log_probs = np.full(len(made.answer), -1.0, dtype=np.float32)
    without = np.full(len(made.answer), -2.0, dtype=np.float32)
    log_probs[6] = -9.0
    changed = dataclasses.replace(
        made, token_log_probs=log_probs, token_log_probs_without_context=without
    )
    first, second = support_evidence(changed)
    assert (first.least_token_gain, second.least_token_gain) == (1.0, -7.0)
    assert second.least_token_log_prob == -9.0


def test_the_default_is_sure_of_clear_cases() -> None:
    (clear,) = LabelSupport()([GOOD])
    assert clear.label == "supported"
    assert clear.probability is not None
    assert clear.probability > 0.9
    against = dataclasses.replace(
        GOOD,
        log_likelihood=-30.0,
        log_likelihood_without_context=-33.0,
        best_score=1.0,
        least_token_gain=-4.0,
        least_token_log_prob=-12.0,
    )
    (unclear,) = LabelSupport()([against])
    assert unclear.label == "unsupported"
    assert unclear.probability is not None
    assert unclear.probability < 0.1


def test_weights_are_counted() -> None:
    with pytest.raises(ConfigurationError, match="weights must be 6 numbers"):
        SupportProbability((1.0,), 0.0)
