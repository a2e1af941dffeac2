"""The two ways to run ablated prompts one at a time: plain and cached.

`PlainPath` is the reference that the others are compared with: one forward pass for each prompt,
from its first token, with no cache and at batch size 1.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from attribot_integrations.errors import ModelError, PromptTooLongError
from attribot_integrations.scoring.attention import AttentionReader, GroupSums
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.cache import PrefixCache, SharedContext
from attribot_integrations.scoring.capabilities import inner_model
from attribot_integrations.scoring.forward import ForwardPass, tolerance, within_memory
from attribot_integrations.scoring.packing import Branch, branch_off, longest_first

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

    from attribot_integrations.scoring.capabilities import Capabilities

_logger = logging.getLogger(__name__)

__all__ = ["CachedPath", "PathScores", "PlainPath", "ScoringPath", "Work"]

_ROWS_AT_ONCE = 64
"""Answer positions whose log-softmax is computed together."""
_SLACK = 5
"""How many times the rounding of a short text that of a long one may be."""
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
    def read(self, start: int, sums: GroupSums) -> list[torch.Tensor]:
        """Return the attention of the unablated prompt from `start` on, and of the answer.

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
        self._check_lengths(prompts)
        return longest_first(
            branch_off(index, self._prompt, prompt, self._answer)
            for index, prompt in enumerate(prompts)
        )


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

    def read(self, start: int, sums: GroupSums) -> list[torch.Tensor]:
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
            return self._log_probs(logits, 1)[0]

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


class CachedPath(ScoringPath):
    """One suffix at a time over the cached activations of the shared prefix.

    The prefix is computed once. No mask is passed, so it suits models that build their own.

    The pass that computes it runs the answer, too, as a plain one would. Where the same path then
    gives the unablated answer other numbers, at this length or on this text, all is run plainly.
    """

    looks_again = True
    """Whether that is looked at."""
    _cache: PrefixCache | None = None
    _whole: torch.Tensor | None = None
    """The unablated answer's log-probabilities by the pass over prompt and answer."""
    _instead: PlainPath | None = None
    _shared: SharedContext | None = None
    _shared_length: Callable[[], int]
    _reference: torch.Tensor | None = None
    _reader: AttentionReader | None = None
    """Looks on while the prompt's prefix is computed."""

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
                self._reference = self._run_alone(self._unablated(len(self._prompt) - 1))
            if not self._confirmed(self._reference):
                return self._plainly(prompts)
            same = tuple(prompts[branch.index]) == self._prompt
            row = self._reference if same else self._run_alone(branch)
            scores.put(branch.index, row, self._reference)
            self.budget.advance(1, len(branch.tokens))
        return scores

    def read(self, start: int, sums: GroupSums) -> list[torch.Tensor]:
        """Return the attention of the unablated prompt's end and the answer.

        It is read while the prompt's prefix is computed, or, where that has been done, as the end
        is run again.
        """
        behind = 0 if self._length_held is None else 1
        reader = AttentionReader(self._rows_from(start), sums, behind)
        if self._cache is None:
            self._reader = reader
            try:
                self._prefix(0)
            finally:
                self._reader = None
        else:
            end = self._unablated(start)
            within_memory(
                lambda: self._run_read(end, reader),
                lambda: f"the end of a prompt with its answer, of {len(end.tokens):,} tokens,",
            )
        return reader.layers

    def _run_read(self, branch: Branch, reader: AttentionReader) -> None:
        """Run a branch in one pass, with the model's own mask, while the reader looks on."""
        with reader:
            self._forward(
                torch.tensor([branch.tokens]),
                torch.tensor([len(branch.tokens) - 1]),
                position_ids=branch.positions()[None],
                past_key_values=self._prefix(branch.start),
                use_cache=True,
            )

    def _unablated(self, start: int) -> Branch:
        """Return the rest of the unablated prompt from a branch point on, and the answer."""
        return Branch(-1, start, (*self._prompt[start:], *self._answer[:-1]))

    def _allows(self, tokens: int) -> bool:
        """Tell whether the budget allows a pass over so many tokens, and the prefix if needed."""
        return self.budget.allows(tokens + (len(self._prompt) if self._cache is None else 0))

    def _confirmed(self, reference: torch.Tensor) -> bool:
        """Tell whether the unablated answer has the numbers that a pass over all of it gave."""
        if self._whole is None or not self.looks_again or self._instead is not None:
            return self._instead is None
        apart = (reference - self._whole).abs()
        exact = self._model.dtype.itemsize >= 4
        worst = float(apart.max() if exact else apart.mean())
        self._whole = None  # looked at once
        most = tolerance(self._model.dtype) * (_SLACK if exact else 1)
        if not worst > most:  # what is not finite is told by whoever takes the scores
            return True
        name = type(inner_model(self._model)).__name__
        reason = (
            f"on a text of {len(self._prompt):,} tokens, the {self._capabilities.path} path "
            f"differed by {worst:.3g} nats a token"
        )
        _logger.warning("%s is run plainly from now on, scores stay exact: %s", name, reason)
        plain = self._run_model.capabilities.restricted_to("plain", reason)
        self._run_model.capabilities = plain
        self._instead = PlainPath(
            self._model, plain, self._prompt, self._answer, self._token_budget, self._run_model
        )
        self._instead.work = self.work
        self._instead.budget = self.budget
        return False

    def _plainly(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        assert self._instead is not None
        self._cache = self._reference = None
        return self._instead.score(prompts)

    def adopt(self, prefix: PrefixCache) -> None:
        """Use activations of the prompt that have been computed already, if they are the same.

        They are not where whoever computed them counted positions, or took the length of the text,
        in another way.
        """
        if self._length_held is None and not self._capabilities.first_position:
            self._cache = prefix

    def share(self, context: SharedContext, length: Callable[[], int]) -> None:
        """Run the prompt's first `length()` tokens by themselves, once for all that share them."""
        if self._length_held is not None:
            return  # it changes what they are
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
        """Run the prompt's tokens from `start` to `end`, behind those that the cache holds.

        Behind all of the prompt the answer is run, too.
        """
        last = end == len(self._prompt)
        tokens = (*self._prompt[start:end], *(self._answer[:-1] if last else ()))
        with self._reader if last and self._reader is not None else nullcontext():
            logits = self._forward(
                torch.tensor([tokens]),
                torch.arange(len(tokens) - (len(self._answer) if last else 1), len(tokens)),
                position_ids=torch.arange(start, start + len(tokens))[None],
                past_key_values=cache,
                use_cache=True,
            )
        if last:
            self._whole = self._log_probs(logits, 1)[0]
        else:
            logits.cpu()  # waits for the device: the budget times this pass
        return PrefixCache.of(cache)


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
