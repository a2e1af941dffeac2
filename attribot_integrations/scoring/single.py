"""The two ways to run ablated prompts one at a time: plain and cached.

`PlainPath` is the reference that the others are compared with: one forward pass for each prompt,
from its first token, with no cache and at batch size 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.cache import PrefixCache, SharedContext
from attribot_integrations.scoring.forward import ForwardPass, within_memory
from attribot_integrations.scoring.packing import Branch, branch_off, longest_first

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

    from attribot_integrations.scoring.capabilities import Capabilities

__all__ = ["CachedPath", "PathScores", "PlainPath", "ScoringPath", "Work"]

_ROWS_AT_ONCE = 64
"""Answer positions whose log-softmax is computed together."""
_LEAST_PIECE = 512
"""Tokens of one branch that are run together, however small the token budget."""


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

    def _forward(self, tokens: torch.Tensor, rows: torch.Tensor, **inputs: Any) -> torch.Tensor:
        """Run one pass and return the logits at `rows`, `[rows, vocabulary]`."""
        self.budget.check_wanted()
        logits = self._run_model(tokens, rows, **inputs)
        self.budget.spend(tokens.numel())
        self.work.tokens += tokens.numel()
        self.work.passes += 1
        return logits

    def _log_probs(self, logits: torch.Tensor, branches: int) -> torch.Tensor:
        """Pick the answer's log-probabilities out of logits `[branches * answer, vocabulary]`."""
        targets = torch.tensor(self._answer, device=logits.device).repeat(branches)
        parts = [
            rows.float().log_softmax(-1).gather(1, wanted[:, None])[:, 0]
            for rows, wanted in zip(
                logits.split(_ROWS_AT_ONCE), targets.split(_ROWS_AT_ONCE), strict=True
            )
        ]
        return torch.cat(parts).view(branches, len(self._answer)).cpu()

    def _branches(self, prompts: Sequence[Sequence[int]]) -> list[Branch]:
        return longest_first(
            branch_off(index, self._prompt, prompt, self._answer)
            for index, prompt in enumerate(prompts)
        )


class PlainPath(ScoringPath):
    """One forward pass for each prompt, from its first token: naive leave-one-out."""

    _reference: torch.Tensor | None = None

    def warm_up(self) -> None:
        """Run the unablated prompt."""
        self._unablated()

    def score(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        """Score the answer behind each ablated prompt, as many of them as the budget allows."""
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

    def _unablated(self) -> torch.Tensor:
        if self._reference is None:
            self._reference = self._run(self._prompt)
        return self._reference

    def _run(self, prompt: Sequence[int]) -> torch.Tensor:
        tokens = torch.tensor([[*prompt, *self._answer[:-1]]])
        count = tokens.shape[1]

        def run() -> torch.Tensor:
            logits = self._forward(
                tokens,
                torch.arange(count - len(self._answer), count),
                position_ids=torch.arange(count)[None],
                use_cache=False,
            )
            return self._log_probs(logits, 1)[0]

        return within_memory(run, lambda: f"a prompt with its answer, of {count:,} tokens,")


class CachedPath(ScoringPath):
    """One suffix at a time over the cached activations of the shared prefix.

    The prefix is computed once. No mask is passed, so it suits models that build their own.
    """

    _cache: PrefixCache | None = None
    _shared: SharedContext | None = None
    _shared_length: Callable[[], int]
    _reference: torch.Tensor | None = None

    def warm_up(self) -> None:
        """Run the prompt's prefix."""
        self._prefix(0)

    def score(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        """Score the answer behind each ablated prompt, as many of them as the budget allows."""
        scores = PathScores.nothing_yet(len(prompts), len(self._answer))
        for branch in self._branches(prompts):
            if not self._allows(len(branch.tokens)):
                break
            if self._reference is None:
                self._reference = self._run_alone(
                    branch_off(-1, self._prompt, self._prompt, self._answer)
                )
            scores.put(branch.index, self._run_alone(branch), self._reference)
            self.budget.advance(1, len(branch.tokens))
        return scores

    def _allows(self, tokens: int) -> bool:
        """Tell whether the budget allows a pass over so many tokens, and the prefix if needed."""
        return self.budget.allows(tokens + (len(self._prompt) if self._cache is None else 0))

    def adopt(self, prefix: PrefixCache) -> None:
        """Use activations of the prompt that have been computed already."""
        self._cache = prefix

    def share(self, context: SharedContext, length: Callable[[], int]) -> None:
        """Run the prompt's first `length()` tokens by themselves, once for all that share them."""
        self._shared, self._shared_length = context, length

    def _run_alone(self, branch: Branch) -> torch.Tensor:
        """Run one branch by itself, with the model's own mask: `[answer tokens]`.

        A long one is run in pieces, whose masks grow with its length and not with its square.
        """
        cache = self._prefix(branch.start)
        return within_memory(
            lambda: self._run_pieces(branch, cache),
            lambda: (
                f"a single ablation of {len(branch.tokens):,} tokens over a prefix of "
                f"{branch.start:,}"
            ),
        )

    def _run_pieces(self, branch: Branch, cache: DynamicCache) -> torch.Tensor:
        count, step = len(branch.tokens), max(self._token_budget, _LEAST_PIECE)
        # The last piece holds all places that predict the answer.
        edges = [*range(0, max(1, count - len(self._answer)), step), count]
        logits = torch.empty(0)
        for low, high in pairwise(edges):
            rows = len(self._answer) if high == count else 1
            logits = self._forward(
                torch.tensor([branch.tokens[low:high]]),
                torch.arange(high - low - rows, high - low),
                position_ids=torch.arange(branch.start + low, branch.start + high)[None],
                past_key_values=cache,
                use_cache=True,
            )
        return self._log_probs(logits, 1)[0]

    def _prefix(self, length: int) -> DynamicCache:
        """Return a cache that holds the prompt's first `length` tokens, computed at most once."""
        if self._cache is None:
            self._cache = within_memory(
                self._compute_prefix, lambda: f"a prompt of {len(self._prompt):,} tokens"
            )
            self.budget.advance(0, 0)
        return self._cache.view(length)

    def _compute_prefix(self) -> PrefixCache:
        from transformers import DynamicCache

        # Without a config every layer keeps all its keys, sliding ones too: branches may need them.
        cache = DynamicCache()
        if self._shared is not None:
            length = min(self._shared_length(), len(self._prompt) - 1)
            if length > 0:
                context = self._shared.take(
                    self._prompt[:length], lambda: self._run_on(DynamicCache(), 0, length)
                )
                cache = context.view(length)
        return self._run_on(cache, cache.get_seq_length(), len(self._prompt))

    def _run_on(self, cache: DynamicCache, start: int, end: int) -> PrefixCache:
        """Run the prompt's tokens from `start` to `end`, behind those that the cache holds."""
        logits = self._forward(
            torch.tensor([self._prompt[start:end]]),
            torch.tensor([end - start - 1]),
            position_ids=torch.arange(start, end)[None],
            past_key_values=cache,
            use_cache=True,
        )
        logits.cpu()  # waits for the device: the budget times this pass
        return PrefixCache.of(cache)
