"""Signals on a model that looks for words, so that probabilities can be worked out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from attribot_integrations.context.prompts import ContextTemplate
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.filtering.relevance import Relevance, RelevanceInput
from attribot_integrations.filtering.signals import SIGNALS, CombinedSignal, QuestionSignal
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.results import ModelCost
from tests.unit.words import WordModel

CHUNKS = ("Zeta built the pier.", "Zeta sang.", "Nothing here.")


def inputs(question: str, chunks: Sequence[str] = CHUNKS) -> RelevanceInput:
    context = SourceSet.build(as_chunks(chunks))
    options = EngineOptions(template=ContextTemplate("{context}\n{question}"))
    return RelevanceInput(WordModel(), question, context, context.whole_chunks, options)


def logistic(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_a_question_is_likelier_by_two_nats_for_each_word_that_a_chunk_holds() -> None:
    found = QuestionSignal()(inputs("Zeta pier?"))
    # Gains of 2, 2 and 0 nats: "pier?" is in no chunk.
    expected = [0.5, 0.5, logistic(-4.0)]
    np.testing.assert_allclose(found.probabilities, expected, rtol=1e-5)
    assert found.draft is None
    assert [cost.model for cost in found.cost] == ["words"]


def test_half_says_which_gain_is_even() -> None:
    found = QuestionSignal(half=4.0)(inputs("Zeta pier"))
    np.testing.assert_allclose(
        found.probabilities, [0.5, logistic(-2.0), logistic(-4.0)], rtol=1e-5
    )
    assert QuestionSignal().name == "question"


class Fixed:
    """A signal that says what it was made with."""

    def __init__(self, name: str, values: Sequence[float], draft: str | None = None) -> None:
        self.name, self.values, self.draft = name, values, draft

    def __call__(self, inputs: RelevanceInput) -> Relevance:
        cost = ModelCost(self.name, 1, 10, 1, 10)
        return Relevance(np.array(self.values, np.float32), (cost,), self.draft)


def test_the_highest_of_several_counts() -> None:
    combined = CombinedSignal(
        (Fixed("a", [0.1, 0.9, 0.5]), Fixed("b", [0.2, 0.3, 0.5], "draft"), Fixed("c", [0, 0, 1]))
    )
    found = combined(inputs("Who?"))
    np.testing.assert_allclose(found.probabilities, [0.2, 0.9, 1.0], rtol=1e-6)
    assert [cost.model for cost in found.cost] == ["a", "b", "c"]
    assert found.draft == "draft"
    assert combined.name == "a or b or c"


def test_the_first_draft_is_shown() -> None:
    several = CombinedSignal((Fixed("a", [0.5] * 3, ""), Fixed("b", [0.5] * 3, "second")))
    assert several(inputs("Who?")).draft == ""
    assert CombinedSignal((Fixed("a", [0.5] * 3),))(inputs("Who?")).draft is None


def test_signals_have_the_names_that_engines_take() -> None:
    assert {name: signal.name for name, signal in SIGNALS.items()} == {
        "words": "words",
        "draft": "draft",
        "question": "question",
        "both": "draft or question",
    }


@pytest.mark.parametrize("half", [0, -1, float("nan")])
def test_half_is_a_gain(half: float) -> None:
    with pytest.raises(ValueError, match="half must be above 0 nats"):
        QuestionSignal(half=half)
