"""Scores that methods are compared with: what a baseline is given, and those of texts alone.

Baselines are for comparison only: their scores are not falls of a log-likelihood, so nothing is
cited by them. Their rankings can be judged all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source, Span
    from attribot_integrations.evaluation.text_scorers import TextScorer
    from attribot_integrations.results import FloatArray
    from attribot_integrations.scoring.language_model import LanguageModel

__all__ = ["Baseline", "BaselineInput", "BaselineScores", "TextBaseline"]


@dataclass(frozen=True)
class BaselineInput:
    """One question, its context and answer, as texts and as the model's tokens."""

    question: str
    answer: str
    sources: tuple[Source, ...]
    model: LanguageModel
    prompt_ids: tuple[int, ...]
    """Token ids of the full prompt."""
    answer_ids: tuple[int, ...]
    """Token ids of the answer."""
    sentence_tokens: Mapping[int, Span]
    """Half-open token range in the prompt of each sentence, by its id."""

    def per_source(self, values: FloatArray, *, squared: bool = False) -> FloatArray:
        """Add up values of the prompt's tokens over the tokens of each source.

        Args:
            values: `[prompt tokens]` or more; what is behind the prompt is left out.
            squared: Whether to take the root of the sum of squares instead.

        Returns:
            `[sources]`; 0 for a source without tokens.
        """
        powers = values.astype(np.float64) ** (2 if squared else 1)
        totals = [
            sum(powers[slice(*self.sentence_tokens.get(id_, (0, 0)))].sum() for id_ in ids)
            for ids in (source.sentence_ids for source in self.sources)
        ]
        return np.asarray(np.sqrt(totals) if squared else totals, dtype=np.float32)


@dataclass(frozen=True)
class BaselineScores:
    """One score for each source, in a unit of the baseline's own."""

    scores: FloatArray
    """`[sources]`."""
    tokens: int
    """Tokens run through the target, in units of a forward pass."""
    passes: int
    """Passes through the target."""


class Baseline(Protocol):
    """Anything that scores sources for the answer as a whole."""

    @property
    def name(self) -> str:
        """Name shown in results."""
        ...

    def run(self, inputs: BaselineInput) -> BaselineScores:
        """Score every source."""
        ...


@dataclass(frozen=True)
class TextBaseline:
    """A text scorer in the place of a baseline: the answer is its statement, no model is run."""

    scorer: TextScorer

    @property
    def name(self) -> str:
        """Name shown in results."""
        return self.scorer.name

    def run(self, inputs: BaselineInput) -> BaselineScores:
        """Score every source."""
        texts = [each.text for each in inputs.sources]
        return BaselineScores(
            self.scorer.score(inputs.question, inputs.answer, texts), tokens=0, passes=0
        )
