"""What tells relevant chunks from others: a drafted answer, the question, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.parts import ModelCost
from attribot_integrations.scoring.drafting import draft_answer
from attribot_integrations.scoring.scorer import AblationScores, Scorer
from attribot_integrations.statements import find_statements, statement_scores

if TYPE_CHECKING:
    from attribot_integrations.config import EngineOptions
    from attribot_integrations.parts import FloatArray
    from attribot_integrations.scoring.models import LanguageModel
    from attribot_integrations.sources import Source, SourceSet

__all__ = [
    "SIGNALS",
    "CombinedSignal",
    "DraftSignal",
    "QuestionSignal",
    "Relevance",
    "RelevanceInput",
    "RelevanceSignal",
]

_RERUN = 8
"""Tokens behind each hidden source that are run again, see `methods.Knockout`."""


@dataclass(frozen=True)
class RelevanceInput:
    """One question with its context, on one model."""

    model: LanguageModel
    question: str
    context: SourceSet
    sources: tuple[Source, ...]
    """The sources to score."""
    options: EngineOptions

    def scorer(self, question: str, answer: str) -> Scorer:
        """Return a scorer of some answer to a question over this context."""
        from attribot_integrations.prompts import fill_template

        prompt = fill_template(self.options.template, question, self.context)
        return Scorer(self.model, prompt, answer, token_budget=self.options.token_budget)


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


@dataclass(frozen=True)
class DraftSignal:
    """The model drafts an answer; what the draft depends on is relevant.

    A source counts if removing it costs the draft likelihood (it is necessary), or if it alone
    restores what all sources together add (it is sufficient): of two that say the same, neither is
    necessary and both are sufficient. Probabilities are logistic in both, per statement:
    1/2 at `necessary` nats, and at the share `sufficient` of the gain.

    It runs the prompt once, the draft, and for each source question and draft twice more.
    """

    max_new_tokens: int = 48
    """Most tokens of the draft."""
    necessary: float = 1.5
    """Fall of a statement's log-likelihood, in nats, at which a source is as likely relevant as
    not."""
    sufficient: float = 0.65
    """Likewise, the share of the context's gain that a source restores alone."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ConfigurationError(
                f"max_new_tokens must be at least 1, got {self.max_new_tokens}"
            )
        if not self.necessary > 0 or not 0 < self.sufficient <= 1:
            raise ConfigurationError(
                "necessary must be above 0 nats and sufficient a share above 0 and up to 1, "
                f"got {self.necessary} and {self.sufficient}"
            )

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "draft"

    def __call__(self, inputs: RelevanceInput) -> Relevance:
        """Score every source."""
        from attribot_integrations.prompts import fill_template

        prompt = fill_template(inputs.options.template, inputs.question, inputs.context)
        draft = draft_answer(inputs.model, prompt, self.max_new_tokens)
        spent = ModelCost(
            inputs.model.name, inputs.model.parameters, draft.tokens, draft.passes, draft.tokens
        )
        if not draft.text:  # nothing was said, so nothing can depend on anything
            return Relevance(np.zeros(len(inputs.sources), np.float32), (spent,), "")
        scorer = Scorer(
            inputs.model,
            prompt,
            draft.text,
            token_budget=inputs.options.token_budget,
            prefix=draft.prefix,
        )
        probabilities = self._judge(inputs, scorer, draft.text)
        return Relevance(probabilities, (spent, scorer.cost), draft.text)

    def _judge(self, inputs: RelevanceInput, scorer: Scorer, draft: str) -> FloatArray:
        statements = find_statements(draft, scorer.answer.offsets, inputs.options.splitter)
        everything = inputs.context.all_ids
        removed = [frozenset(source.sentence_ids) for source in inputs.sources]
        result = _ablated(scorer, [*removed, *(everything - each for each in removed), everything])
        count = len(removed)
        necessary = statement_scores(result.drops[:count], statements)
        none = result.log_probs[-1]
        alone = statement_scores(result.log_probs[count:-1] - none, statements)
        gain = statement_scores(result.reference[-1:] - none, statements)
        # What the context adds little to, no source is needed for.
        share = np.where(gain >= self.necessary, alone / np.maximum(gain, self.necessary), 0.0)
        best = np.maximum(_logistic(necessary / self.necessary), _logistic(share / self.sufficient))
        return np.asarray(best.max(axis=1, initial=0.0), dtype=np.float32)


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
        probabilities = np.asarray(_logistic(gains / self.half), dtype=np.float32)
        return Relevance(probabilities, (scorer.cost,))


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
    "draft": DraftSignal(),
    "question": QuestionSignal(),
    "both": CombinedSignal(),
}
"""Signals by name."""


def _ablated(scorer: Scorer, ablations: Sequence[frozenset[int]]) -> AblationScores:
    if scorer.can_knock_out:
        return scorer.knock_out(ablations, _RERUN)
    return scorer.score(ablations)


def _logistic(ratio: npt.NDArray[np.floating]) -> FloatArray:
    """Return a probability that is 1/2 at 1, and 0.02 at 0."""
    logits = 4.0 * (np.clip(ratio, -10.0, 10.0) - 1.0)
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)
