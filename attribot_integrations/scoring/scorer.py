"""The one place that runs ablations: removed sentences in, log-probabilities of the answer out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import EmptyAnswerError, ModelError, PromptTooLongError
from attribot_integrations.prompts import Prompt, render
from attribot_integrations.results import ModelCost
from attribot_integrations.scoring.capabilities import PathName
from attribot_integrations.scoring.encoding import EncodedText
from attribot_integrations.scoring.layout import TokenLayout
from attribot_integrations.scoring.models import LanguageModel
from attribot_integrations.scoring.paths import PATHS, PackedPath
from attribot_integrations.sources import clean_text

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
        without: Ids of sentences that are left out for good, see `within`.

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
        without: Ablation = frozenset(),
    ) -> None:
        if not answer.strip():
            raise EmptyAnswerError(f"the answer is blank ({len(answer)} characters)")
        self._model = model
        self._without = without
        self._leading, segments = model.encoder.segments(prompt)
        self._segments = [segment for segment in segments if segment.shown(without)]
        self.answer: EncodedText = model.encoder.encode_text(clean_text(answer))
        self.prompt: EncodedText = model.encoder.encode([render(self._segments)])[0]
        full = self._ids(self.prompt)
        self._check_length(len(full) + len(self.answer.ids))
        if token_budget is None:
            token_budget = 512 if model.model.device.type == "cpu" else 8192
        self._naive_tokens = 0
        self._narrowed: list[Scorer] = []
        self._narrow = partial(Scorer, model, prompt, answer, token_budget=token_budget, path=path)
        self._path = PATHS[path or self._path_for(len(full))](
            model.model, model.capabilities, full, self.answer.ids, token_budget, model.lock
        )

    def within(self, removed: Ablation) -> Scorer:
        """Return a scorer of the context that is left when sentences are removed for good.

        Its scores are leave-one-out inside the pruned context; what it runs counts here too.
        """
        narrowed = self._narrow(without=self._without | removed)
        self._narrowed.append(narrowed)
        return narrowed

    def score(self, ablations: Sequence[Ablation]) -> AblationScores:
        """Score the answer with each set of sentences removed.

        Args:
            ablations: Sets of sentence ids; the empty set scores the full prompt again.
        """
        rendered = [render(self._segments, self._without | ablation) for ablation in ablations]
        prompts = [self._ids(encoded) for encoded in self._model.encoder.encode(rendered)]
        self._naive_tokens += sum(len(prompt) + len(self.answer.ids) - 1 for prompt in prompts)
        scores = self._path.score(prompts)
        return AblationScores(scores.log_probs.numpy(), scores.reference.numpy())

    def knock_out(self, ablations: Sequence[Ablation], rerun: int = 0) -> AblationScores:
        """Approximate `score` at the cost of the question and the answer for each ablation.

        The full prompt is run once. Then only the tokens behind the last source are run again, and
        the few behind each hidden one, unable to attend to the tokens of what is removed;
        positions stay as they are. Differs from exact removal where other tokens have taken up
        what the hidden ones say.

        Args:
            ablations: Sets of sentence ids.
            rerun: How many tokens behind a hidden source are run again.

        Raises:
            ModelError: If the model cannot be run with a mask for each token.
        """
        if not isinstance(self._path, PackedPath):
            raise ModelError(
                f"knockout needs a mask for each token, which {self._model.name} does not take: "
                f"{self._model.capabilities.reason}; use exact leave-one-out"
            )
        layout = self.layout()
        start = min(layout.context_end(), len(self._ids(self.prompt)) - 1)
        hidden = [
            [
                (low, min(high, start))
                for low, high in layout.hidden(self._without | ablation)
                if low < start
            ]
            for ablation in ablations
        ]
        scores = self._path.knock_out(start, hidden, rerun)
        self._naive_tokens += len(ablations) * (
            len(self._ids(self.prompt)) + len(self.answer.ids) - 1
        )
        return AblationScores(scores.log_probs.numpy(), scores.reference.numpy())

    def layout(self) -> TokenLayout:
        """Return which token of the full prompt belongs to which part of its text."""
        return TokenLayout(self._segments, self.prompt, len(self._leading))

    @property
    def cost(self) -> ModelCost:
        """What has been run so far."""
        narrowed = [scorer.cost for scorer in self._narrowed]
        one = len(self._leading) + len(self.prompt.ids) + len(self.answer.ids) - 1
        return ModelCost(
            model=self._model.name,
            parameters=self._model.parameters,
            tokens=self._path.work.tokens + sum(each.tokens for each in narrowed),
            passes=self._path.work.passes + sum(each.passes for each in narrowed),
            naive_tokens=one + self._naive_tokens + sum(each.naive_tokens for each in narrowed),
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
