"""Relevance by a drafted answer: what the draft depends on is relevant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.filtering.relevance import Relevance, RelevanceInput
from attribot_integrations.results.parts import ModelCost
from attribot_integrations.results.probabilities import logistic
from attribot_integrations.results.statements import find_statements, statement_scores
from attribot_integrations.scoring.loading import shown_name

if TYPE_CHECKING:
    from attribot_integrations.results.parts import FloatArray, Statement
    from attribot_integrations.scoring.protocols import AblationScores, AnswerScorer

__all__ = ["DraftEvidence", "DraftProbability", "DraftSignal"]

_RERUN = 8
"""Tokens behind each hidden source that are run again, see `methods.Knockout`."""


@dataclass(frozen=True)
class DraftProbability:
    """A logistic model of relevance.

    The default is fitted to made-up questions, with a relevant chunk that is missed weighing much
    more than an irrelevant one that is kept. It is 1/2 at a fall of 1.5 nats, at a share of 0.62,
    or at less of both.
    """

    necessity: float = 5.7
    """Weight of the damped fall in nats, ln(1 + fall)."""
    sufficiency: float = 8.6
    """Weight of the share of the context's gain."""
    bias: float = -5.3

    def __post_init__(self) -> None:
        if not np.isfinite([self.necessity, self.sufficiency, self.bias]).all():
            raise ConfigurationError(
                "weights and bias must be finite, got "
                f"{(self.necessity, self.sufficiency, self.bias)}"
            )

    def __call__(self, evidence: DraftEvidence) -> FloatArray:
        """Return the probability of each source."""
        logits = evidence.features() @ np.array([self.necessity, self.sufficiency]) + self.bias
        return logistic(logits).astype(np.float32)


@dataclass(frozen=True, eq=False)
class DraftEvidence:
    """What a draft shows of each source."""

    necessary: FloatArray
    """`[sources]`: greatest fall of a statement's log-likelihood without the source, in nats."""
    sufficient: FloatArray
    """`[sources]`: greatest share of the context's gain that the source alone restores."""
    draft: str
    """The drafted answer; nothing depends on a blank one."""
    cost: tuple[ModelCost, ...]

    @property
    def telling(self) -> npt.NDArray[np.bool_]:
        """`[sources]`: whether the draft can say anything of them."""
        return np.ones(len(self.necessary), np.bool_)

    def features(self) -> FloatArray:
        """Return what `DraftProbability` weighs, `[sources, 2]`."""
        damped = np.log1p(np.maximum(self.necessary, 0.0))
        shares = np.clip(self.sufficient, -1.0, 1.5)
        return np.asarray(np.stack([damped, shares], axis=1), dtype=np.float32)


@dataclass(frozen=True)
class DraftSignal:
    """A model drafts an answer; what the draft depends on is relevant.

    A source counts if removing it costs the draft likelihood (it is necessary), or if it alone
    restores what all sources together add (it is sufficient): of two that say the same, neither is
    necessary and both are sufficient. Both are measured for each statement of the draft.

    It runs the prompt once, on either model if another one drafts, the draft, and for each source
    question and draft twice more.
    """

    max_new_tokens: int = 48
    """Most tokens of the draft."""
    least_gain: float = 0.5
    """Least nats that the context adds to a statement's log-likelihood for sources to be sufficient
    for it; what is as likely without them needs none. That any context makes the draft go on with
    one more statement does not count."""
    probability: DraftProbability = DraftProbability()
    """What becomes of both measures; fit it to your own chunks by
    `evaluation.relevance_calibration`."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ConfigurationError(
                f"max_new_tokens must be at least 1, got {self.max_new_tokens}"
            )
        if not self.least_gain > 0:
            raise ConfigurationError(f"least_gain must be above 0 nats, got {self.least_gain}")

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "draft"

    def __call__(self, inputs: RelevanceInput) -> Relevance:
        """Score every source."""
        evidence = self.examine(inputs)
        if not evidence.draft:
            nothing = np.zeros(len(inputs.sources), np.float32)
            return Relevance(nothing, evidence.cost, evidence.draft)
        return Relevance(self.probability(evidence), evidence.cost, evidence.draft)

    def examine(self, inputs: RelevanceInput) -> DraftEvidence:
        """Draft an answer, and measure how much it depends on every source."""
        prompt = inputs.prompt(inputs.question)
        model, budget = inputs.drafter or inputs.model, inputs.options.token_budget
        draft = model.draft(prompt, self.max_new_tokens)
        name, tokens = shown_name(model.name), draft.tokens
        spent = ModelCost(name, model.parameters, tokens, draft.passes, tokens)
        if not draft.text:
            nothing = np.zeros(len(inputs.sources), np.float32)
            return DraftEvidence(nothing, nothing, "", (spent,))
        scorer = inputs.model.scorer(
            prompt,
            draft.text,
            token_budget=budget,
            drafted=draft if model is inputs.model else None,
        )
        necessary, sufficient = self._measure(inputs, scorer, draft.text)
        return DraftEvidence(necessary, sufficient, draft.text, (spent, scorer.cost))

    def _measure(
        self, inputs: RelevanceInput, scorer: AnswerScorer, draft: str
    ) -> tuple[FloatArray, FloatArray]:
        statements = find_statements(draft, scorer.token_spans, inputs.options.splitter)
        everything = inputs.context.all_ids
        removed = [frozenset(source.sentence_ids) for source in inputs.sources]
        result = _ablated(scorer, [*removed, *(everything - each for each in removed), everything])
        count, none = len(removed), result.log_probs[-1]
        drops, alone = result.drops[:count], result.log_probs[count:-1] - none
        gain = result.reference[-1:] - none
        whole = [row for row, source in enumerate(inputs.sources) if source.level == "chunk"]
        silent = self._going_on(alone[whole], gain[0], statements)
        for tokens in (drops, alone, gain):
            tokens[:, silent] = 0.0
        fall, alone, gain = (statement_scores(each, statements) for each in (drops, alone, gain))
        least = self.least_gain
        share = np.where(gain >= least, alone / np.maximum(gain, least), 0.0)
        return (
            np.asarray(fall.max(axis=1), dtype=np.float32),
            np.asarray(share.max(axis=1), dtype=np.float32),
        )

    def _going_on(
        self, alone: FloatArray, gain: FloatArray, statements: Sequence[Statement]
    ) -> list[int]:
        """Return the tokens that tell no more than that the draft goes on with another statement.

        A model may decline once if there is no context at all, but with any context as often as
        something is asked for. So the first token of a further refusal gains by the context, and
        any chunk gives it that gain; the other tokens are as likely without.

        Args:
            alone: `[chunks, tokens]`: gain by each chunk alone, in nats.
            gain: `[tokens]`: gain by all chunks together, in nats.
            statements: The draft's statements.
        """
        if len(alone) < 2:  # a chunk can only be like the others if there are others
            return []
        found: list[int] = []
        for start, end in (statement.tokens for statement in statements[1:]):
            by_first_only = gain[start:end].sum() >= self.least_gain > gain[start + 1 : end].sum()
            if end - start > 1 and by_first_only and alone[:, start].min() >= gain[start] / 2:
                found.append(start)
        return found


def _ablated(scorer: AnswerScorer, ablations: Sequence[frozenset[int]]) -> AblationScores:
    if scorer.can_knock_out:
        return scorer.knock_out(ablations, _RERUN)
    return scorer.score(ablations)
