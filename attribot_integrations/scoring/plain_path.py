"""One forward pass for each ablated prompt: the reference that the other ways are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from attribot_integrations.errors import ModelError
from attribot_integrations.scoring.attention import AttentionReader, GroupSums
from attribot_integrations.scoring.capabilities import inner_model
from attribot_integrations.scoring.forward import tolerance, within_memory
from attribot_integrations.scoring.path_base import PathScores, ScoringPath

__all__ = ["PlainPath"]


class PlainPath(ScoringPath):
    """One forward pass for each prompt, from its first token: naive leave-one-out.

    The model is given token ids alone, as a caller of it would do, and numbers them by itself.
    """

    _reference: torch.Tensor | None = None

    def warm_up(self) -> None:
        """Run the unablated prompt."""
        self._unablated()

    def score(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        """Score the answer behind each ablated prompt, as many of them as the budget allows."""
        self._check_lengths(prompts)
        scores = PathScores.nothing_yet(len(prompts), len(self._answer))
        for index, prompt in enumerate(prompts):
            tokens = len(prompt) + len(self._answer) - 1
            if not self.budget.allows(tokens):
                break
            reference = self._unablated()
            row = reference if tuple(prompt) == self._prompt else self._run(prompt)
            scores.put(index, row, reference)
            self.budget.advance(1, tokens)
        return scores

    def read(
        self, start: int, sums: GroupSums, beside: Iterable[Sequence[int]] = ()
    ) -> list[torch.Tensor]:
        """Return the attention of the unablated prompt's end and the answer."""
        behind = int(self._runs_last(self._prompt)) + int(self._length_held is not None)
        reader = AttentionReader(self._rows_from(start), sums, behind)
        with reader:
            self._run(self._prompt)
        return reader.layers

    def _unablated(self) -> torch.Tensor:
        if self._reference is None:
            self._reference = self._run(self._prompt)
            if self._chosen:
                self._check_repeats(self._reference)
        return self._reference

    def _check_repeats(self, reference: torch.Tensor) -> None:
        """Refuse a model that gives the same text other numbers when it is run again."""
        worst = float((self._run(self._prompt) - reference).abs().max())
        if not worst <= tolerance(self._model.dtype):
            raise ModelError(
                f"{type(inner_model(self._model)).__name__} gives other numbers, by {worst:.3g} "
                f"nats a token, when a text of {len(self._prompt):,} tokens is run again: its "
                "attention depends on chance"
            )

    def _run(self, prompt: Sequence[int]) -> torch.Tensor:
        """Run a prompt with the answer: `[answer tokens]`."""
        whole = self._runs_last(prompt)
        tokens = torch.tensor([[*prompt, *(self._answer if whole else self._answer[:-1])]])
        count = tokens.shape[1]
        end = count - 1 if whole else count
        positions: dict[str, torch.Tensor] = {}  # the model's own
        if self._length_held is not None:
            positions["position_ids"] = torch.arange(count)[None]

        def run() -> torch.Tensor:
            logits = self._forward(
                tokens, torch.arange(end - len(self._answer), end), use_cache=False, **positions
            )
            return self._log_probs(logits)

        return within_memory(run, lambda: f"a prompt with its answer, of {count:,} tokens,")

    def _runs_last(self, prompt: Sequence[int]) -> bool:
        """Tell whether the answer's last token is run, too."""
        limit = self._capabilities.context_length
        return self._chosen and (limit is None or len(prompt) + len(self._answer) <= limit)

    @property
    def _chosen(self) -> bool:
        """Whether the model can be run in no other way.

        Then its attention may be of any kind: the answer's last token is run too, from which
        nothing is predicted, and the full prompt is run twice.
        """
        return self._capabilities.path == "plain"
