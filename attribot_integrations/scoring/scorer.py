"""The one place that runs ablations: removed sentences in, log-probabilities of the answer out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import EmptyAnswerError, PromptTooLongError
from attribot_integrations.prompts import Prompt, render
from attribot_integrations.results import ModelCost
from attribot_integrations.scoring.capabilities import PathName
from attribot_integrations.scoring.encoding import EncodedText
from attribot_integrations.scoring.models import LanguageModel
from attribot_integrations.scoring.paths import PATHS
from attribot_integrations.sources import Span, clean_text, first_visible

__all__ = ["AblationScores", "Scorer"]

Ablation = frozenset[int]
"""Ids of the sentences that are removed."""


@dataclass(frozen=True)
class AblationScores:
    """Log-probabilities of the answer's tokens, natural log, float32."""

    log_probs: npt.NDArray[np.float32]
    """`[ablations, answer tokens]`, with the ablation's sentences removed."""
    reference: npt.NDArray[np.float32]
    """`[ablations, answer tokens]`, nothing removed, run beside the ablation."""

    @property
    def drops(self) -> npt.NDArray[np.float32]:
        """Fall of each token's log-probability, `[ablations, answer tokens]`, in nats."""
        return self.reference - self.log_probs


class Scorer:
    """Scores one answer under ablations of one prompt, on one model.

    The prompt is rendered and tokenised anew for every ablation, so scores are exact; activations
    of the part that an ablated prompt shares with the full one are computed once and kept for all
    calls.

    Args:
        model: The model to run.
        prompt: The prompt, with its sources marked.
        answer: The answer to score; never changed.
        token_budget: Most tokens in one forward pass; by default 512 on a CPU, where packing
            gains little beyond that, and 8,192 elsewhere.
        path: Scoring path to force, for comparisons; the model's own by default.

    Raises:
        EmptyAnswerError: If the answer holds no text.
        PromptTooLongError: If prompt and answer exceed the model's context.
        ControlTokenError: If some text cannot be kept from becoming a control token.
        PromptError: If the model's chat template refuses the prompt.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt: Prompt,
        answer: str,
        *,
        token_budget: int | None = None,
        path: PathName | None = None,
    ) -> None:
        if not answer.strip():
            raise EmptyAnswerError(f"the answer is blank ({len(answer)} characters)")
        self._model = model
        self._leading, self._segments = model.encoder.segments(prompt)
        self.answer: EncodedText = model.encoder.encode_text(clean_text(answer))
        self.prompt: EncodedText = model.encoder.encode([render(self._segments)])[0]
        full = self._ids(self.prompt)
        self._check_length(len(full) + len(self.answer.ids))
        if token_budget is None:
            token_budget = 512 if model.model.device.type == "cpu" else 8192
        self._naive_tokens = 0
        self._path = PATHS[path or self._path_for(len(full))](
            model.model, model.capabilities, full, self.answer.ids, token_budget, model.lock
        )

    def score(self, ablations: Sequence[Ablation]) -> AblationScores:
        """Score the answer with each set of sentences removed.

        Args:
            ablations: Sets of sentence ids; the empty set scores the full prompt again.
        """
        rendered = [render(self._segments, ablation) for ablation in ablations]
        prompts = [self._ids(encoded) for encoded in self._model.encoder.encode(rendered)]
        self._naive_tokens += sum(len(prompt) + len(self.answer.ids) - 1 for prompt in prompts)
        scores = self._path.score(prompts)
        return AblationScores(scores.log_probs.numpy(), scores.reference.numpy())

    def sentence_tokens(self) -> dict[int, Span]:
        """Return the half-open token range of every sentence in the full prompt, by sentence id.

        A token belongs to the segment in which its first visible character stands.
        """
        rendered = render(self._segments)
        spans: dict[int, Span] = {}
        shift = len(self._leading)
        for id_, (start, end) in rendered.sentences:
            inside = [
                shift + number
                for number, offset in enumerate(self.prompt.offsets)
                if start <= first_visible(rendered.text, offset) < end
            ]
            if inside and id_ not in spans:
                spans[id_] = (inside[0], inside[-1] + 1)
        return spans

    @property
    def cost(self) -> ModelCost:
        """What has been run so far."""
        one = len(self._leading) + len(self.prompt.ids) + len(self.answer.ids) - 1
        return ModelCost(
            model=self._model.name,
            parameters=self._model.parameters,
            tokens=self._path.work.tokens,
            passes=self._path.work.passes,
            naive_tokens=one + self._naive_tokens,
        )

    def _ids(self, encoded: EncodedText) -> tuple[int, ...]:
        # An ablation of a bare captured prompt may leave nothing: something must predict a start.
        return (*self._leading, *encoded.ids) or (self._model.encoder.start_id,)

    def _path_for(self, length: int) -> PathName:
        capabilities = self._model.capabilities
        switch = capabilities.length_switch
        if switch is not None and length + len(self.answer.ids) > switch:
            return "plain"  # shorter, ablated prompts may use other rotary frequencies
        limit = capabilities.packed_limit
        if capabilities.path == "packed" and limit is not None and 2 * length >= limit:
            return "cached"
        return capabilities.path

    def _check_length(self, length: int) -> None:
        limit = self._model.capabilities.context_length
        if limit is not None and length > limit:
            raise PromptTooLongError(
                f"prompt and answer hold {length:,} tokens, {length - limit:,} more than the "
                f"{limit:,} of {self._model.name}: pass fewer or shorter chunks, or use a model "
                "with a longer context"
            )
