"""Fitting relevance to labelled chunks."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest

from attribot_integrations.demo import demo_examples
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, InputError, MissingExtraError
from attribot_integrations.evaluation import relevance_calibration
from attribot_integrations.evaluation.relevance_calibration import (
    LabelledChunks,
    calibrate_relevance,
)
from attribot_integrations.filtering import DraftSignal, WordProbability, WordSignal
from attribot_integrations.filtering.drafted import DraftEvidence


def labelled(count: int, seed: int = 1950) -> list[LabelledChunks]:
    return [
        LabelledChunks(
            asked.question,
            example.chunk_texts,
            sorted({chunk for places in asked.gold for chunk, _ in places}),
        )
        for example in demo_examples(count, seed, chunks=(4, 6), kinds=("single",))
        for asked in example.questions
    ]


def test_fitted_signal_keeps_relevant_chunks(pair: AttributionEngine) -> None:
    kept = DraftSignal(max_new_tokens=32)
    fitted = calibrate_relevance(pair, labelled(15), signal=kept, min_recall=0.9)
    assert isinstance(fitted.signal, DraftSignal)
    assert fitted.signal.max_new_tokens == 32
    assert fitted.signal.probability.necessity > 0
    assert fitted.signal.probability.sufficiency > 0
    assert fitted.recall >= 0.9
    assert fitted.dropped > 0.7
    assert fitted.calibration_error < 0.15
    assert 15 * 4 <= fitted.chunks <= 15 * 6
    for unseen in labelled(3, seed=1960):
        scores = pair.score_chunks(unseen.question, unseen.chunks, signal=fitted.signal)
        assert set(unseen.relevant) <= set(scores.keep(threshold=fitted.threshold))


def test_words_are_fitted_by_default(pair: AttributionEngine) -> None:
    fitted = calibrate_relevance(pair, labelled(20), min_recall=0.9)
    assert isinstance(fitted.signal, WordSignal)
    assert fitted.signal.probability != WordProbability()
    assert fitted.recall >= 0.9
    assert fitted.dropped > 0.3
    unseen = labelled(1, seed=1960)[0]
    scores = pair.score_chunks(unseen.question, unseen.chunks, signal=fitted.signal)
    assert scores.signal == "words"
    assert int(scores.relevance.argmax()) in unseen.relevant


def test_chunks_that_words_say_nothing_of_are_not_fitted_to(pair: AttributionEngine) -> None:
    kept = WordSignal(language=None)
    examples = labelled(8)
    foreign = [
        LabelledChunks(each.question, [*each.chunks, "Der Preis ist nicht zu hoch."], each.relevant)
        for each in examples
    ]
    plain = calibrate_relevance(pair, examples, signal=kept, folds=2)
    fitted = calibrate_relevance(pair, foreign, signal=kept, folds=2)
    assert isinstance(fitted.signal, WordSignal)
    assert fitted.signal.language is None
    assert fitted.chunks == plain.chunks + 8


def stub(monkeypatch: pytest.MonkeyPatch, evidence: Sequence[DraftEvidence]) -> None:
    waiting = iter(evidence)
    monkeypatch.setattr(relevance_calibration, "_examine", lambda *_: next(waiting))


def test_noise_is_not_believed(pair: AttributionEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    noise = rng.random((2, 60, 5), dtype=np.float32)
    stub(monkeypatch, [DraftEvidence(a, b, "x", ()) for a, b in zip(*noise, strict=True)])
    examples = [
        LabelledChunks("Who?", ["A."] * 5, [int(index) for index in rng.integers(5, size=1)])
        for _ in range(60)
    ]
    fitted = calibrate_relevance(pair, examples, min_recall=0.9)
    assert fitted.calibration_error < 0.1
    assert fitted.recall >= 0.9
    assert fitted.dropped < 0.3


def test_threshold_spares_what_may_be_missed(
    pair: AttributionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.array([0.0, 5.0], dtype=np.float32)
    misses = np.array([0.0, 0.0], dtype=np.float32)
    evidence = [DraftEvidence(values, values, "x", ()) for _ in range(19)]
    stub(monkeypatch, [*evidence, DraftEvidence(misses, misses, "x", ())])
    examples = [LabelledChunks("Who?", ["A.", "B."], [1]) for _ in range(20)]
    fitted = calibrate_relevance(pair, examples, min_recall=0.95)
    assert (fitted.recall, fitted.dropped) == (0.95, 1.0)


def test_blank_chunks_do_not_count(
    pair: AttributionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.array([0.0, 5.0], dtype=np.float32)
    stub(monkeypatch, [DraftEvidence(values, values, "x", ())] * 4)
    examples = [LabelledChunks("Who?", ["A.", " ", "B."], [2]) for _ in range(4)]
    assert calibrate_relevance(pair, examples, folds=2).chunks == 8


def test_bad_input(pair: AttributionEngine) -> None:
    one = LabelledChunks("Who?", ["A.", "B."], [0])
    with pytest.raises(ConfigurationError, match=r"folds must be at least 2.* got 1 and 0\.98"):
        calibrate_relevance(pair, [one], folds=1)
    with pytest.raises(ConfigurationError, match=r"min_recall above 0 .* got 5 and 0"):
        calibrate_relevance(pair, [one], min_recall=0)
    with pytest.raises(InputError, match=r"at least 5 questions, .* there are 1"):
        calibrate_relevance(pair, [one, LabelledChunks("Who?", ["A."], [0])])
    with pytest.raises(InputError, match="example 0 has 2 chunks, and none of index 2"):
        calibrate_relevance(pair, [LabelledChunks("Who?", ["A.", "B."], [2])])


def test_without_scikit_learn(pair: AttributionEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    values = np.array([0.0, 5.0], dtype=np.float32)
    stub(monkeypatch, [DraftEvidence(values, values, "x", ())] * 5)
    with pytest.raises(MissingExtraError, match="calibration needs packages"):
        calibrate_relevance(pair, [LabelledChunks("Who?", ["A.", "B."], [0])] * 5)
