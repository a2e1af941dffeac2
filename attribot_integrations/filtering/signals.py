"""What tells relevant chunks from others, by name, and those that take little code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.filtering.drafted import DraftSignal
from attribot_integrations.filtering.relevance import (
    Relevance,
    RelevanceInput,
    RelevanceSignal,
)
from attribot_integrations.filtering.worded import WordSignal
from attribot_integrations.results.probabilities import logistic

__all__ = ["SIGNALS", "CombinedSignal", "QuestionSignal"]

_STEEPNESS = 4.0  # a question that gains nothing has the probability 0.02


@dataclass(frozen=True)
class QuestionSignal:
    """A chunk is relevant if it makes the question itself more likely; nothing is drafted.

    log p(question | this source) - log p(question), logistic around `half` nats. It suits models
    that have seen questions follow their documents.
    """

    half: float = 2.0
    """Gain of the question's log-likelihood, in nats, at which a source is as likely relevant as
    not."""

    def __post_init__(self) -> None:
        if not self.half > 0:
            raise ConfigurationError(f"half must be above 0 nats, got {self.half}")

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "question"

    def __call__(self, inputs: RelevanceInput) -> Relevance:
        """Score every source."""
        scorer = inputs.scorer("", inputs.question)
        everything = inputs.context.all_ids
        kept = [everything - frozenset(source.sentence_ids) for source in inputs.sources]
        result = scorer.score([*kept, everything])
        gains = (result.log_probs[:-1] - result.log_probs[-1]).sum(axis=1)
        probabilities = logistic(_STEEPNESS * (gains / self.half - 1.0))
        return Relevance(probabilities.astype(np.float32), (scorer.cost,))


@dataclass(frozen=True)
class CombinedSignal:
    """Relevant by any of several signals: the highest probability."""

    signals: tuple[RelevanceSignal, ...] = (DraftSignal(), QuestionSignal())

    def __post_init__(self) -> None:
        if not self.signals:
            raise ConfigurationError("a combined signal needs at least one signal")

    @property
    def name(self) -> str:
        """Name shown in results."""
        return " or ".join(signal.name for signal in self.signals)

    def __call__(self, inputs: RelevanceInput) -> Relevance:
        """Score every source."""
        found = [signal(inputs) for signal in self.signals]
        drafts = [each.draft for each in found if each.draft is not None]
        return Relevance(
            np.max([each.probabilities for each in found], axis=0),
            tuple(cost for each in found for cost in each.cost),
            drafts[0] if drafts else None,
        )


SIGNALS: dict[str, RelevanceSignal] = {
    "words": WordSignal(),
    "draft": DraftSignal(),
    "question": QuestionSignal(),
    "both": CombinedSignal(),
}
"""Signals by name."""
