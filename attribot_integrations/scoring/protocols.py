"""What methods and the engine ask of a scoring model, wherever it runs.

`LanguageModel` and `Scorer` fulfil these protocols in this process; whatever else gives
log-probabilities of an answer under ablations can take their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from attribot_integrations.context.prompts import Prompt
    from attribot_integrations.context.sources import Span
    from attribot_integrations.results.parts import ModelCost
    from attribot_integrations.scoring.budget import Budget
    from attribot_integrations.tokens.ablated import Ablation

__all__ = [
    "AblationScores",
    "AnswerScorer",
    "AttentionReading",
    "Draft",
    "HeldContext",
    "HoldsAnswers",
    "ModelSignature",
    "ReadsAttention",
    "ScoringModel",
]

_SAME = 0.95
"""Least cosine of two probes of one model: rounding to four bits leaves .99, other models 0."""


@dataclass(frozen=True)
class AblationScores:
    """Log-probabilities of the answer's tokens, natural log, float32."""

    log_probs: npt.NDArray[np.float32]
    """`[ablations, answer tokens]`, with the ablation's sentences removed."""
    reference: npt.NDArray[np.float32]
    """`[ablations, answer tokens]`, nothing removed, run beside the ablation."""
    scored: npt.NDArray[np.bool_] | None = None
    """`[ablations]`: which were scored before the budget ended, the rows of the others are 0;
    `None` if all were."""

    @property
    def complete(self) -> bool:
        """Whether every ablation was scored."""
        return self.scored is None or bool(self.scored.all())

    @property
    def drops(self) -> npt.NDArray[np.float32]:
        """Fall of each token's log-probability, `[ablations, answer tokens]`, in nats."""
        return self.reference - self.log_probs


@dataclass(frozen=True)
class Draft:
    """A drafted answer, and what writing it left behind."""

    text: str
    """The answer, control tokens left out; may be blank."""
    prefix: Any
    """What the model that wrote it may go on from when it scores the draft; `None` if nothing."""
    tokens: int
    """Tokens run through the model."""
    passes: int
    """Forward passes."""


@dataclass(frozen=True, eq=False)
class ModelSignature:
    """What tells one model's attention heads from another's.

    A quantised or half-precision copy of a model has the signature of the model; so may one that
    was tuned further from the same weights.
    """

    architecture: str
    """Class of the model."""
    layers: int
    vocabulary: int
    """Number of its embeddings."""
    probe: npt.NDArray[np.float32]
    """`[tokens, numbers]`: parts of the embeddings of some tokens."""

    def difference(self, other: ModelSignature) -> str | None:
        """Say in which way another model differs; `None` if it is the same."""
        for name in ("architecture", "layers", "vocabulary"):
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                return f"{name} {its}, not {mine}"
        if self.probe.shape != other.probe.shape:
            return "embeddings of another width"
        norm = float(np.linalg.norm(self.probe) * np.linalg.norm(other.probe))
        alike = float((self.probe * other.probe).sum()) / norm if norm else 0.0
        return None if alike >= _SAME else f"other embeddings (cosine {alike:.2f})"


@dataclass(frozen=True)
class AttentionReading:
    """What the answer's tokens attend to, when nothing is removed."""

    shares: npt.NDArray[np.float32]
    """`[heads, groups, answer tokens]`: how much of its attention each head of each layer pays to a
    group of the prompt's tokens, at the place that predicts the answer's token; 0 to 1."""
    model: ModelSignature


class HeldContext(Protocol):
    """What one model keeps of a context for the next requests with it."""

    def let_go(self) -> bool:
        """Free what is held, and tell whether there was anything."""
        ...


@runtime_checkable
class HoldsAnswers(Protocol):
    """A scoring model that need not run the beginning of an answer again when that has gone on."""

    def hold_answer(self) -> HeldContext:
        """Return what keeps, between scorers of one prompt, what was run for an answer so far."""
        ...


class AnswerScorer(Protocol):
    """Scores one answer under ablations of one prompt, on one model."""

    @property
    def token_spans(self) -> tuple[Span, ...]:
        """Span in the answer of each of its tokens, by the model's own tokenizer."""
        ...

    @property
    def can_knock_out(self) -> bool:
        """Whether `knock_out` can be used with this model and prompt."""
        ...

    @property
    def cost(self) -> ModelCost:
        """What has been run so far."""
        ...

    def score(self, ablations: Sequence[Ablation]) -> AblationScores:
        """Score the answer with each set of sentences, given by their ids, really removed.

        Where the request's budget ends before, those that were not scored are marked.
        """
        ...

    def knock_out(self, ablations: Sequence[Ablation], rerun: int = 0) -> AblationScores:
        """Approximate `score` by hiding sentences, with so many tokens behind each run again.

        Raises:
            ModelError: If `can_knock_out` is false; the message says why it is.
        """
        ...

    def within(self, removed: Ablation) -> AnswerScorer:
        """Return a scorer of the context that is left when sentences are removed for good."""
        ...

    def tokens_for(self, removed: Ablation, rerun: int | None = None) -> int:
        """Return about how many tokens `score` would run for one more removal.

        Args:
            removed: Ids of sentences; a removal that is scored already takes none.
            rerun: If given, what `knock_out` would run, with so many tokens run again.

        Raises:
            ModelError: If `rerun` is given and `can_knock_out` is false.
        """
        ...


@runtime_checkable
class ReadsAttention(Protocol):
    """A scorer that can tell what its model attends to."""

    def read_attention(
        self, groups: Sequence[Ablation], beside: Sequence[Ablation] = ()
    ) -> AttentionReading:
        """Read what the answer attends to in sets of sentences, given by their ids.

        Where nothing has been run yet, that is one pass over prompt and answer, whose activations
        `score` goes on from; else one over the answer.

        Args:
            groups: The sets.
            beside: Sets whose removal `score` will be asked for next. What is new of an answer that
                goes on is run for all of them in one pass.

        Raises:
            ModelError: If the model computes its attention in a way that shows nothing.
            OutOfMemoryError: If the pass does not fit in memory.
        """
        ...


@runtime_checkable
class ScoringModel(Protocol):
    """A model that scores answers, with its own tokenizer and chat format."""

    @property
    def name(self) -> str:
        """Name shown in results."""
        ...

    @property
    def parameters(self) -> int:
        """Number of parameters, shared ones counted once."""
        ...

    @property
    def can_knock_out(self) -> bool:
        """Whether its scorers can knock sources out, as far as no prompt stands in the way."""
        ...

    @property
    def way(self) -> str:
        """How it scores, in a word, such as the name of the path that it takes."""
        ...

    @property
    def uses_chat_template(self) -> bool:
        """Whether chat messages are put into a chat format of the model's own."""
        ...

    def runs(self, model: object) -> bool:
        """Tell whether this is what it runs: a framework's model that it shares."""
        ...

    def scorer(
        self,
        prompt: Prompt,
        answer: str,
        *,
        token_budget: int | None = None,
        generated_ids: Sequence[int] | None = None,
        held: Any = None,
        drafted: Draft | None = None,
        budget: Budget | None = None,
    ) -> AnswerScorer:
        """Return what scores an answer under ablations of a prompt.

        Args:
            prompt: The prompt, with its sources marked.
            answer: The answer to score; never changed.
            token_budget: Most tokens in one forward pass; by default what suits the model.
            generated_ids: Ids of the prompt and, behind it, the answer, as this model wrote them.
            held: What `hold_context` returned, if requests with the same context are scored in
                turn; or `hold_answer`, if one answer is scored while it grows.
            drafted: The answer as this model has drafted it, whose activations are used again.
            budget: What the request may spend, to be consulted between passes; no limit by default.

        Raises:
            InputError: If prompt or answer cannot be scored.
        """
        ...

    def hold_context(self, most_bytes: int | None = None) -> HeldContext:
        """Return what keeps contexts' activations between scorers, at first nothing.

        Args:
            most_bytes: How many bytes they may take; by default the last context alone is kept.
        """
        ...

    def draft(self, prompt: Prompt, max_new_tokens: int) -> Draft:
        """Answer a prompt by the likeliest tokens, so many at most.

        Raises:
            PromptTooLongError: If the prompt alone exceeds the model's context.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has, those that the model adds by itself left out."""
        ...
