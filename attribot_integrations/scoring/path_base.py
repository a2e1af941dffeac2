"""What every way to run ablated prompts has in common: its inputs, its passes, its results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attribot_integrations.errors import PromptTooLongError
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.forward import ForwardPass
from attribot_integrations.scoring.packing import Branch, branch_off, longest_first

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from attribot_integrations.scoring.attention import GroupSums
    from attribot_integrations.scoring.capabilities import Capabilities

__all__ = ["PathScores", "ScoringPath", "Work"]

_ROWS_AT_ONCE = 64
"""Answer positions whose log-softmax is computed together."""


@dataclass
class Work:
    """What has been run so far."""

    tokens: int = 0
    passes: int = 0


@dataclass(frozen=True)
class PathScores:
    """Log-probabilities of the answer's tokens, natural log, float32 on the CPU."""

    log_probs: torch.Tensor
    """`[ablations, answer tokens]`."""
    reference: torch.Tensor
    """`[ablations, answer tokens]`: the unablated prompt, as run beside each ablation."""
    done: torch.Tensor
    """`[ablations]`, true or false: whether it was run before the budget ended; else it is 0."""

    @classmethod
    def nothing_yet(cls, ablations: int, tokens: int) -> PathScores:
        """Return scores to fill in."""
        empty = torch.zeros(ablations, tokens)
        return cls(empty, empty.clone(), torch.zeros(ablations, dtype=torch.bool))

    def put(self, index: int, log_probs: torch.Tensor, reference: torch.Tensor) -> None:
        """Fill in an ablation, with `[answer tokens]` of its own and of the unablated prompt."""
        self.log_probs[index], self.reference[index], self.done[index] = log_probs, reference, True


class ScoringPath(ABC):
    """Runs ablated versions of one prompt.

    Args:
        model: A causal language model in evaluation mode.
        capabilities: What the model's architecture allows.
        prompt: Token ids of the unablated prompt.
        answer: Token ids of the answer, at least one.
        token_budget: Most tokens in one forward pass, where the path divides its work.
        forward: Runs the model; one shared by all requests on it, or a new one.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        capabilities: Capabilities,
        prompt: Sequence[int],
        answer: Sequence[int],
        token_budget: int,
        forward: ForwardPass | None = None,
    ) -> None:
        self._model = model
        self._capabilities = capabilities
        self._prompt = tuple(prompt)
        self._answer = tuple(answer)
        self._token_budget = token_budget
        self._run_model = forward or ForwardPass(model, capabilities)
        self._length_held = _length_to_hold(capabilities, len(self._prompt) + len(self._answer))
        self.work = Work()
        self.budget = Budget()
        """Consulted between passes; without limits until it is replaced."""

    @abstractmethod
    def warm_up(self) -> None:
        """Run what all ablations need, so that the time of a token is known before they begin."""

    @abstractmethod
    def score(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        """Score the answer behind each ablated prompt, as many of them as the budget allows.

        Raises:
            OutOfMemoryError: If not even one of them fits in memory.
        """

    @abstractmethod
    def read(
        self, start: int, sums: GroupSums, beside: Iterable[Sequence[int]] = ()
    ) -> list[torch.Tensor]:
        """Return the attention of the unablated prompt from `start` on, and of the answer.

        Args:
            start: The first token whose attention is read.
            sums: The groups of tokens that are asked for.
            beside: Ablated prompts that are scored next; where an answer goes on, what is new of
                it behind them is run in the same pass.

        Returns:
            One tensor for each attention that the model computes, in order, see `AttentionReader`;
            its rows are the prompt's tokens from `start` on, and the answer's but the last.
            None where the model computes its attention in a way that shows nothing.

        Raises:
            OutOfMemoryError: If the pass does not fit in memory.
        """

    def _rows_from(self, start: int) -> int:
        """Return how many tokens of prompt and answer are run from one on."""
        return len(self._prompt) - start + len(self._answer) - 1

    def _forward(self, tokens: torch.Tensor, rows: torch.Tensor, **inputs: Any) -> torch.Tensor:
        """Run one pass and return the logits at `rows`, `[rows, vocabulary]`."""
        self.budget.check_wanted()
        if self._length_held is not None:
            tokens, inputs = _with_last(tokens, self._answer[-1], self._length_held, inputs)
        logits = self._run_model(tokens, rows, **inputs)
        if self._length_held is not None and "past_key_values" in inputs:
            inputs["past_key_values"].crop(-1)
        self.budget.spend(tokens.numel())
        self.work.tokens += tokens.numel()
        self.work.passes += 1
        return logits

    def _check_lengths(self, prompts: Sequence[Sequence[int]]) -> None:
        """Refuse ablated prompts that are longer than the full one by what changes positions."""
        switch = self._capabilities.length_switch
        if switch is None or self._length_held is not None:
            return
        longest = max((len(prompt) for prompt in prompts), default=0) + len(self._answer) - 1
        if longest > switch:
            raise PromptTooLongError(
                f"a prompt that something was removed from has become longer than the full one: "
                f"with the answer it takes {longest:,} positions, and above {switch:,} the model "
                "encodes them in another way; pass fewer or shorter chunks"
            )

    def _log_probs(self, logits: torch.Tensor, known: Sequence[int] = (0,)) -> torch.Tensor:
        """Pick the answer's log-probabilities out of logits `[rows, vocabulary]`.

        Args:
            logits: Of all branches in turn, a row for each token of the answer that is not known.
            known: How many of them each branch knows.
        """
        wanted = [token for count in known for token in self._answer[count:]]
        targets = torch.tensor(wanted, device=logits.device)
        parts = [
            rows.float().log_softmax(-1).gather(1, wanted[:, None])[:, 0]
            for rows, wanted in zip(
                logits.split(_ROWS_AT_ONCE), targets.split(_ROWS_AT_ONCE), strict=True
            )
        ]
        return torch.cat(parts).cpu()

    def _branches(self, prompts: Sequence[Sequence[int]]) -> list[Branch]:
        self._check_lengths(prompts)
        return longest_first(
            branch_off(index, self._prompt, prompt, self._answer)
            for index, prompt in enumerate(prompts)
        )


def _length_to_hold(capabilities: Capabilities, length: int) -> int | None:
    """Return the length that all passes are to be run as, if the encoding of positions needs it.

    Above some length, all positions are encoded in another way. A prompt that falls below it when
    a source is removed would differ from the full one by far more than the source.
    """
    switch = capabilities.length_switch
    if switch is None or capabilities.first_position is None or length <= switch:
        return None
    return length


def _with_last(
    tokens: torch.Tensor, last: int, length: int, inputs: dict[str, Any]
) -> tuple[torch.Tensor, dict[str, Any]]:
    """Put a token at the last position of a text of a given length behind all others.

    They do not see it, but the model takes the text for one of that length.
    """
    positions = torch.cat([inputs["position_ids"], torch.tensor([[length - 1]])], dim=1)
    inputs = {**inputs, "position_ids": positions}
    masks = inputs.get("attention_mask")
    if isinstance(masks, dict):
        inputs["attention_mask"] = {layer: _seen_by_one_more(each) for layer, each in masks.items()}
    elif masks is not None:
        inputs["attention_mask"] = _seen_by_one_more(masks)
    return torch.cat([tokens, torch.tensor([[last]])], dim=1), inputs


def _seen_by_one_more(mask: torch.Tensor) -> torch.Tensor:
    """Add a token to an additive mask that sees, and is seen by, itself alone."""
    wider = torch.nn.functional.pad(mask, (0, 1, 0, 1), value=torch.finfo(mask.dtype).min)
    wider[..., -1, -1] = 0
    return wider
