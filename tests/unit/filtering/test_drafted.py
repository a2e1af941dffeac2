"""What a draft depends on, on a model that looks for words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from attribot_integrations.context.prompts import ContextTemplate, Prompt
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.filtering.drafted import DraftEvidence, DraftProbability, DraftSignal
from attribot_integrations.filtering.relevance import RelevanceInput
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.scoring.protocols import Draft
from tests.unit.words import WordModel


class Writer(WordModel):
    """Drafts what it is told to."""

    text = "Zeta did"

    def draft(self, prompt: Prompt, max_new_tokens: int) -> Draft:
        return Draft(self.text, None, max_new_tokens, 2)


def inputs(*chunks: str, draft: str = "Zeta did") -> RelevanceInput:
    context = SourceSet.build(as_chunks(chunks))
    model = Writer()
    model.text = draft
    options = EngineOptions(template=ContextTemplate("{context}\n{question}"))
    return RelevanceInput(model, "Who?", context, context.whole_chunks, options)


def test_what_the_draft_needs_is_necessary_and_sufficient() -> None:
    evidence = DraftSignal(max_new_tokens=30).examine(inputs("Zeta did it.", "Nothing here."))
    assert evidence.draft == "Zeta did"
    assert evidence.necessary.tolist() == [4.0, 0.0]
    assert evidence.sufficient.tolist() == [1.0, 0.0]
    drafting, scoring = evidence.cost
    assert (drafting.tokens, drafting.passes, drafting.naive_tokens) == (30, 2, 30)
    assert scoring.model == "words"


def test_of_two_that_say_the_same_neither_is_necessary() -> None:
    evidence = DraftSignal().examine(inputs("Zeta did it.", "So Zeta did.", "Nothing here."))
    assert evidence.necessary.tolist() == [0.0, 0.0, 0.0]
    assert evidence.sufficient.tolist() == [1.0, 1.0, 0.0]


def test_half_of_the_draft_is_half_of_the_gain() -> None:
    evidence = DraftSignal().examine(inputs("Zeta sang.", "Somebody did it."))
    assert evidence.necessary.tolist() == [2.0, 2.0]
    assert evidence.sufficient.tolist() == [0.5, 0.5]


def test_what_is_as_likely_without_context_needs_none() -> None:
    evidence = DraftSignal().examine(inputs("Nothing here.", draft="Unheard of"))
    assert evidence.necessary.tolist() == evidence.sufficient.tolist() == [0.0]


def test_a_blank_draft_is_not_scored() -> None:
    given = inputs("Zeta did it.", draft="")
    found = DraftSignal()(given)
    assert found.probabilities.tolist() == [0.0]
    assert found.draft == ""
    assert len(found.cost) == 1
    assert isinstance(given.model, Writer)
    assert given.model.asked == []


def test_another_model_may_draft() -> None:
    given = inputs("Zeta did it.", "Nothing here.")
    drafter = Writer(name="big")
    drafter.text = "Nothing"
    found = DraftSignal()(replace(given, drafter=drafter))
    assert found.draft == "Nothing"
    assert [cost.model for cost in found.cost] == ["big", "words"]
    assert found.probabilities.argmax() == 1


def evidence_of(necessary: float, sufficient: float) -> DraftEvidence:
    return DraftEvidence(
        np.array([necessary], np.float32), np.array([sufficient], np.float32), "x", ()
    )


@pytest.mark.parametrize(
    ("necessary", "sufficient", "features"),
    [
        (0.0, 0.0, [0.0, 0.0]),
        (math.e - 1, 0.5, [1.0, 0.5]),
        (-3.0, 9.0, [0.0, 1.5]),  # no likelier than certain
        (0.0, -9.0, [0.0, -1.0]),
    ],
)
def test_evidence_is_damped(necessary: float, sufficient: float, features: list[float]) -> None:
    found = evidence_of(necessary, sufficient).features()
    np.testing.assert_allclose(found, [features], rtol=1e-6)


def test_the_default_is_even_where_its_docstring_says() -> None:
    default = DraftProbability()
    assert default(evidence_of(1.5, 0.0))[0] == pytest.approx(0.5, abs=0.03)
    assert default(evidence_of(0.0, 0.62))[0] == pytest.approx(0.5, abs=0.01)
    assert default(evidence_of(0.0, 0.0))[0] == pytest.approx(1 / (1 + math.exp(5.3)), rel=1e-4)
