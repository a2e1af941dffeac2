from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

from attribot_integrations.errors import MissingExtraError
from attribot_integrations.evaluation.contenders import text_scorer
from attribot_integrations.evaluation.text_scorers import (
    Bm25Similarity,
    StringFirst,
    TextScorer,
    TfidfSimilarity,
    VerifierScores,
)
from attribot_integrations.verifying import FunctionVerifier

TEXTS = ["The harbour opened in 1962.", "It opened early, the harbour.", "A river runs."]


@pytest.mark.parametrize("scorer", [TfidfSimilarity(), StringFirst(), Bm25Similarity()])
def test_the_text_that_says_it_comes_first(scorer: TextScorer) -> None:
    scores = scorer.score("When did the harbour open?", "in 1962", TEXTS)
    assert scores.shape == (3,)
    assert scores.argmax() == 0
    assert scores[1] > scores[2]


@pytest.mark.parametrize("scorer", [TfidfSimilarity(), StringFirst(), Bm25Similarity()])
@pytest.mark.parametrize("texts", [["…", ""], ["red"], ["?!"]])
def test_texts_without_common_words(scorer: TextScorer, texts: list[str]) -> None:
    np.testing.assert_array_equal(scorer.score("When?", "blue", texts), np.zeros(len(texts)))


def test_the_answer_s_words_in_a_row() -> None:
    scorer = StringFirst()
    texts = ["Warsaw has a club, Polonia.", "They play for polonia  WARSAW!", "Polonia Warsaws"]
    assert (scorer.score("Who won?", "Polonia Warsaw", texts) > 1).tolist() == [False, True, False]
    assert scorer.score("Who?", "…", ["…"]).tolist() == [0]  # no word is no match


def test_verifiers_score_texts_too() -> None:
    verifier = FunctionVerifier(lambda *_: [[0.25], [1.0]], "fixed")
    scorer: TextScorer = VerifierScores(verifier)
    assert scorer.score("When?", "in 1962", ["a", "b"]).tolist() == [0.25, 1.0]
    assert scorer.name == "fixed"


@pytest.mark.parametrize(
    ("module", "build", "extra"),
    [
        ("sklearn.feature_extraction.text", StringFirst, "evaluation"),
        ("bm25s", Bm25Similarity, "evaluation"),
        ("sentence_transformers", lambda: text_scorer("embeddings:x"), "embeddings"),
        ("sentence_transformers", lambda: text_scorer("cross-encoder:x"), "embeddings"),
    ],
)
def test_missing_packages(
    module: str, build: Callable[[], object], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf'pip install "attribot-integrations\[{extra}\]"'):
        build()
