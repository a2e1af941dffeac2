from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.errors import MissingExtraError
from attribot_integrations.evaluation.baselines import TextBaseline
from attribot_integrations.evaluation.baselines_lasso import RandomAblationLasso
from attribot_integrations.evaluation.text_scorers import TfidfSimilarity
from tests.unit.evaluation.tiny import EXAMPLE, tiny_case, tiny_engine

# TF-IDF


def test_tfidf_by_hand() -> None:
    case = tiny_case(tiny_engine())
    chunks = (Chunk("red fish"), Chunk("blue"))
    inputs = replace(
        case.inputs, question="red", answer="red", sources=SourceSet.build(chunks).sentences
    )
    result = TextBaseline(TfidfSimilarity()).run(inputs)
    # Three texts: "red" is in two of them, "fish" in one; the query is the unit vector of "red".
    red, fish = np.log(4 / 3) + 1, np.log(4 / 2) + 1
    np.testing.assert_allclose(result.scores, [red / np.hypot(red, fish), 0], rtol=1e-6)
    assert (result.tokens, result.passes) == (0, 0)


def test_tfidf_of_texts_without_words() -> None:
    case = tiny_case(tiny_engine())
    inputs = replace(
        case.inputs, question="?", answer="!", sources=SourceSet.build((Chunk("…"),)).sentences
    )
    assert TextBaseline(TfidfSimilarity()).run(inputs).scores.tolist() == [0.0]


# Attention


# Gradient


# Lasso on random ablations


# By name


@pytest.mark.parametrize("build", [TfidfSimilarity, RandomAblationLasso])
def test_missing_scikit_learn(build: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sklearn.feature_extraction.text", "sklearn.linear_model"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        MissingExtraError, match=r'pip install "attribot-integrations\[evaluation\]"'
    ):
        build()


def test_the_example_has_three_sources() -> None:
    assert len(tiny_case(tiny_engine()).inputs.sources) == 3
    assert EXAMPLE.gold == (((0, 0),),)
