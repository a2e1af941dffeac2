"""Fitting support labels to judged statements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attribot_integrations import AttributionEngine, EngineOptions
from attribot_integrations.demo import demo_examples
from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.evaluation.calibration import calibrate, expected_calibration_error
from attribot_integrations.results import Attribution
from attribot_integrations.results.support import FEATURES, LabelSupport, support_evidence
from tests.unit.attributions import make_attribution


def judged(likelihoods: list[float]) -> list[tuple[Attribution, list[bool]]]:
    """One statement each; those of -1 nat a token and more are right."""
    made = make_attribution("Who?", ["Ada did it. Yes."], "Ada.")
    return [
        (
            replace(made, token_log_probs=np.full(4, value, dtype=np.float32)),
            [value >= -1.0],
        )
        for value in likelihoods
    ]


def test_what_can_be_told_apart_is() -> None:
    examples = judged([-0.1, -0.2, -0.3, -0.4, -0.5, -3.0, -3.5, -4.0, -4.5, -5.0] * 3)
    fitted = calibrate(examples)
    assert fitted.statements == 30
    assert fitted.accuracy == 1.0
    assert fitted.calibration_error < 0.15
    assert fitted.labels.probability is not None
    for attribution, (right,) in examples:
        (evidence,) = support_evidence(attribution)
        assert (fitted.labels.probability(evidence) >= fitted.labels.min_probability) == right


def test_noise_is_not_believed() -> None:
    rng = np.random.default_rng(0)
    examples = [
        (attribution, [bool(rng.random() < 0.5)])
        for attribution, _ in judged(list(rng.uniform(-5, 0, 200)))
    ]
    fitted = calibrate(examples)
    assert fitted.accuracy < 0.7
    assert fitted.calibration_error < 0.15


def test_more_evidence_never_speaks_against_a_statement() -> None:
    """Here the unlikelier statements are the supported ones, which no data should teach."""
    examples = [(made, [not right]) for made, (right,) in judged([-0.1, -0.5, -3.0, -5.0] * 5)]
    fitted = calibrate(examples).labels.probability
    assert fitted is not None
    weights = dict(zip(FEATURES, fitted.weights, strict=False))
    assert min(weight for name, weight in weights.items() if name != "tokens") >= 0.0


def test_other_thresholds_are_kept() -> None:
    kept = LabelSupport(min_gain=3.0)
    assert calibrate(judged([-0.1, -4.0] * 5), labels=kept).labels.min_gain == 3.0


def test_fitted_labels_find_made_up_answers() -> None:
    """The demo target's likelihoods tell right values from wrong ones."""
    engine = AttributionEngine.demo(options=EngineOptions(method="knockout"))
    examples = []
    for example in demo_examples(24, seed=1950, chunks=(3, 5), kinds=("single",)):
        asked = example.questions[0]
        wrong = asked.answer.rstrip(".") + " Galba."
        for answer, right in ((asked.answer, True), (wrong, False)):
            result = engine.attribute(asked.question, example.chunk_texts, answer)
            examples.append((result, [right] * len(result.statements)))
    fitted = calibrate(examples)
    assert fitted.accuracy > 0.9
    options = EngineOptions(method="knockout", support=fitted.labels)
    asked, chunks = example.questions[0], example.chunk_texts
    good = engine.attribute(asked.question, chunks, asked.answer, options=options)
    bad = engine.attribute(asked.question, chunks, wrong, options=options)
    assert [each.label for each in good.support] == ["supported"]
    assert [each.label for each in bad.support] == ["unsupported"]
    assert bad.support[0].probability is not None
    assert bad.support[0].probability < 0.5


def test_expected_calibration_error() -> None:
    probabilities = np.array([0.05, 0.05, 0.95, 0.95])
    assert expected_calibration_error(probabilities, np.array([False, False, True, True])) == (
        pytest.approx(0.05)
    )
    # One bin half right: 0.95 was said and 0.5 happened.
    assert expected_calibration_error(probabilities, np.array([False, False, True, False])) == (
        pytest.approx((2 * 0.05 + 2 * 0.45) / 4)
    )
    assert expected_calibration_error(np.array([1.0]), np.array([True])) == 0.0


def test_statements_without_a_token_are_left_out() -> None:
    examples = judged([-0.1, -4.0] * 5)
    (made, _), *_ = examples
    (whole,) = made.statements
    empty = replace(whole, index=1, tokens=(4, 4))
    twofold = (replace(made, statements=(whole, empty)), [True, False])
    assert calibrate([*examples, twofold]).statements == len(examples) + 1


def test_bad_input() -> None:
    with pytest.raises(InputError, match="example 0 has 1 statements and 2 labels"):
        calibrate([(judged([-1.0])[0][0], [True, False])])
    with pytest.raises(InputError, match="each class needs at least 5 statements"):
        calibrate(judged([-0.1] * 10 + [-4.0] * 4))
    with pytest.raises(InputError, match="no labelled statements were given"):
        calibrate([])
    with pytest.raises(ConfigurationError, match="folds must be at least 2, got 1"):
        calibrate([], folds=1)
