"""What a relevance signal is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from attribot_integrations.context.prompts import Prompt, fill_template

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source, SourceSet
    from attribot_integrations.requests.options import EngineOptions
    from attribot_integrations.results.parts import FloatArray, ModelCost
    from attribot_integrations.scoring.protocols import AnswerScorer, ScoringModel

__all__ = ["Relevance", "RelevanceInput", "RelevanceSignal"]


@dataclass(frozen=True)
class RelevanceInput:
    """One question with its context, on one model."""

    model: ScoringModel
    question: str
    context: SourceSet
    sources: tuple[Source, ...]
    """The sources to score."""
    options: EngineOptions
    drafter: ScoringModel | None = None
    """The model that drafts, where it is another one."""

    def prompt(self, question: str) -> Prompt:
        """Return the prompt of some question over this context."""
        return fill_template(self.options.template, question, self.context)

    def scorer(self, question: str, answer: str) -> AnswerScorer:
        """Return a scorer of some answer to a question over this context."""
        budget = self.options.token_budget
        return self.model.scorer(self.prompt(question), answer, token_budget=budget)


@dataclass(frozen=True)
class Relevance:
    """How relevant sources are."""

    probabilities: FloatArray
    """`[sources]`, 0 to 1."""
    cost: tuple[ModelCost, ...]
    draft: str | None = None
    """The drafted answer, if there is one."""


class RelevanceSignal(Protocol):
    """Anything that says how relevant sources are to a question."""

    @property
    def name(self) -> str:
        """Name shown in results."""
        ...

    def __call__(self, inputs: RelevanceInput) -> Relevance:
        """Score every source."""
        ...
