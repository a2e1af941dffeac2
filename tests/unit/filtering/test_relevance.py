"""What a signal is given: the prompt and the scorer of any question over one context."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attribot_integrations.context.prompts import ContextTemplate
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.errors import PromptError
from attribot_integrations.filtering.relevance import Relevance, RelevanceInput
from attribot_integrations.requests.options import EngineOptions
from tests.unit.words import WordModel


class Counted(WordModel):
    """Notes the token budgets of its scorers."""

    budgets: list[int | None]

    def scorer(self, *args: object, token_budget: int | None = None, **others: object) -> object:  # type: ignore[override]
        self.budgets = [*getattr(self, "budgets", []), token_budget]
        return super().scorer(*args, **others)  # type: ignore[arg-type]


def inputs(model: WordModel) -> RelevanceInput:
    context = SourceSet.build(as_chunks(["Ada did it. Bob saw it.", "Nobody cared."]))
    options = EngineOptions(template=ContextTemplate("{context}\n{question}"), token_budget=77)
    return RelevanceInput(model, "Who did it?", context, context.whole_chunks, options)


def test_any_question_can_be_put_to_the_context() -> None:
    given = inputs(WordModel())
    (message,) = given.prompt("What?").messages
    assert message.text == "Ada did it. Bob saw it.\n\nNobody cared.\nWhat?"
    (blank,) = given.prompt("").messages
    assert blank.text.endswith("Nobody cared.\n")


def test_scorers_have_the_options_token_budget() -> None:
    model = Counted()
    scorer = inputs(model).scorer("Who?", "Ada.")
    assert model.budgets == [77]
    scores = scorer.score([frozenset(), frozenset({0})])
    assert scores.drops.tolist() == [[0.0], [0.0]]  # "Ada." with its stop is in no chunk
    assert inputs(model).scorer("Who?", "Ada").score([frozenset({0})]).drops.tolist() == [[2.0]]


def test_a_template_of_the_users_own_is_checked() -> None:
    given = inputs(WordModel())
    bad = replace(given, options=EngineOptions(template=lambda question, sources: question))
    with pytest.raises(PromptError, match="template"):
        bad.prompt("Who?")


def test_relevance_has_a_draft_only_where_something_was_drafted() -> None:
    assert Relevance(np.zeros(2, np.float32), ()).draft is None
