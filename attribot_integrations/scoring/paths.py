"""The three ways to run ablated prompts through a model: plain, cached, packed.

All return the same numbers. `PlainPath` is the reference that the others are compared with: one
forward pass for each prompt, from its first token, with no cache and at batch size 1.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

from attribot_integrations.errors import OutOfMemoryError
from attribot_integrations.scoring.cache import PrefixCache
from attribot_integrations.scoring.packing import (
    Branch,
    Pack,
    PackLimits,
    Rerun,
    branch_off,
    longest_first,
    take_pack,
)

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

    from attribot_integrations.scoring.capabilities import Capabilities, PathName
    from attribot_integrations.sources import Span

__all__ = ["PATHS", "CachedPath", "PackedPath", "PathScores", "PlainPath", "ScoringPath", "Work"]

_CELLS = 1 << 26
"""Most cells in one attention mask (256 MiB in float32)."""
_LOGITS = 1 << 27
"""Most logits in one pass, unless a single branch has more (512 MiB in float32)."""
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


class ScoringPath(ABC):
    """Runs ablated versions of one prompt.

    Args:
        model: A causal language model in evaluation mode.
        capabilities: What the model's architecture allows.
        prompt: Token ids of the unablated prompt.
        answer: Token ids of the answer, at least one.
        token_budget: Most tokens in one forward pass, where the path packs any.
        lock: Held during forward passes.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        capabilities: Capabilities,
        prompt: Sequence[int],
        answer: Sequence[int],
        token_budget: int,
        lock: threading.Lock | None = None,
    ) -> None:
        self._model = model
        self._capabilities = capabilities
        self._prompt = tuple(prompt)
        self._answer = tuple(answer)
        self._token_budget = token_budget
        self._lock = lock or threading.Lock()
        self.work = Work()

    @abstractmethod
    def score(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        """Score the answer behind each ablated prompt."""

    def _forward(self, tokens: torch.Tensor, rows: torch.Tensor, **inputs: Any) -> torch.Tensor:
        """Run one pass and return the logits at `rows`, `[rows, vocabulary]`."""
        device = self._model.device
        if not self._capabilities.takes_position_ids:
            inputs.pop("position_ids")
        if self._capabilities.takes_logits_to_keep:
            inputs["logits_to_keep"] = rows.to(device)
        inputs = {
            key: value.to(device) if isinstance(value, torch.Tensor) else value
            for key, value in inputs.items()
        }
        with self._lock, torch.inference_mode():
            output = self._model(input_ids=tokens.to(device), **inputs)
        self.work.tokens += tokens.numel()
        self.work.passes += 1
        logits: torch.Tensor = output.logits[0]
        return logits if self._capabilities.takes_logits_to_keep else logits[rows]

    def _run_alone(self, branch: Branch, cache: Any = None) -> torch.Tensor:
        """Run one branch by itself; returns log-probabilities `[answer tokens]`."""
        pack = Pack((branch,))
        logits = self._forward(
            pack.tokens(),
            pack.answer_rows(len(self._answer)),
            position_ids=pack.positions(),
            past_key_values=cache,
            use_cache=cache is not None,
        )
        return self._log_probs(logits, 1)[0]

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

    def score(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        """Score the answer behind each ablated prompt."""
        if self._reference is None:
            self._reference = self._run(self._prompt)
        rows = [self._run(prompt) for prompt in prompts]
        return _assemble(rows, self._reference)

    def _run(self, prompt: Sequence[int]) -> torch.Tensor:
        return self._run_alone(Branch(0, 0, (*prompt, *self._answer[:-1])))


class CachedPath(ScoringPath):
    """One suffix at a time over the cached activations of the shared prefix.

    The prefix is computed once. No mask is passed, so it suits models that build their own.
    """

    _cache: PrefixCache | None = None
    _reference: torch.Tensor | None = None

    def score(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        """Score the answer behind each ablated prompt."""
        if self._reference is None:
            self._reference = self._run(branch_off(-1, self._prompt, self._prompt, self._answer))
        rows = [torch.empty(0)] * len(prompts)
        for branch in self._branches(prompts):
            rows[branch.index] = self._run(branch)
        return _assemble(rows, self._reference)

    def _run(self, branch: Branch) -> torch.Tensor:
        return self._run_alone(branch, self._prefix(branch.start))

    def _prefix(self, length: int) -> DynamicCache:
        """Return a cache that holds the prompt's first `length` tokens, computed at most once."""
        if self._cache is None:
            self._cache = self._compute_prefix()
        return self._cache.view(length)

    def _compute_prefix(self) -> PrefixCache:
        from transformers import DynamicCache

        tokens = torch.tensor([self._prompt])
        # Without a config every layer keeps all its keys, sliding ones too: branches may need them.
        cache = DynamicCache()
        self._forward(
            tokens,
            torch.tensor([tokens.shape[1] - 1]),
            position_ids=torch.arange(tokens.shape[1])[None],
            past_key_values=cache,
            use_cache=True,
        )
        return PrefixCache.of(cache)


class PackedPath(CachedPath):
    """Many suffixes in one forward pass, each seeing its own prefix and itself only.

    In low precision every pack holds an unablated copy of the prompt's end and the answer: scores
    are then differences within one pass, in which rounding cancels. In full precision there is
    nothing to cancel, and one copy serves all packs.

    When a pack does not fit in memory, the token budget is halved and the pack tried again; what
    was already scored is kept.
    """

    def score(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        """Score the answer behind each ablated prompt."""
        return self._run_packs(self._branches(prompts))

    def knock_out(self, start: int, hidden: Sequence[Sequence[Span]], rerun: int = 0) -> PathScores:
        """Score the answer with tokens hidden from the end of the full prompt and the answer.

        The prompt is run once. Its tokens from `start` on and the answer are run again, with
        attention to the hidden tokens masked, and so are the few tokens right behind the hidden
        ones: they take up most of what those say, and their positions close the gap, across which
        heads that look at the previous token would find none. An approximation: the other tokens
        before `start` have read the hidden ones.

        Args:
            start: First token of the prompt that is run again; hidden tokens stand before it.
            hidden: For each row of the result, ranges of tokens that are hidden, in order.
            rerun: How many tokens behind each hidden range are run again.
        """
        end = self._unablated(start).tokens
        branches = []
        for index, spans in enumerate(hidden):
            again = _behind(spans, rerun, start)
            tokens = [token for each in again for token in self._prompt[each.low : each.high]]
            shift = _gap(spans, again, start)
            branches.append(Branch(index, start, (*tokens, *end), tuple(spans), again, shift))
        return self._run_packs(branches)

    def _run_packs(self, waiting: list[Branch]) -> PathScores:
        """Run branches, given deepest first, in as few passes as the limits allow."""
        shape = (len(waiting), len(self._answer))
        scores = PathScores(torch.empty(shape), torch.empty(shape))
        unablated = self._unablated(waiting[0].start) if waiting else None
        while waiting:
            reference = unablated if self._reference is None else None
            pack = take_pack(waiting, reference, self._limits())
            try:
                result = self._run_pack(pack)
            except Exception as error:
                if not should_reduce_batch_size(error):
                    raise
                self._shrink(pack, error)
                continue
            unablated_row = result[0] if self._reference is None else self._reference
            if self._model.dtype.itemsize >= 4:
                self._reference = unablated_row
            for branch, row in zip(pack.branches, result, strict=True):
                if branch is not reference:
                    scores.log_probs[branch.index] = row
                    scores.reference[branch.index] = unablated_row
            del waiting[: len(pack.branches) - (reference is not None)]
        return scores

    def _unablated(self, start: int) -> Branch:
        """Return the rest of the unablated prompt from a branch point on."""
        return Branch(-1, start, (*self._prompt[start:], *self._answer[:-1]))

    def _limits(self) -> PackLimits:
        tokens = self._token_budget
        if self._capabilities.packed_limit is not None:
            tokens = min(tokens, self._capabilities.packed_limit - len(self._prompt))
        vocabulary = self._model.config.get_text_config(decoder=True).vocab_size
        return PackLimits(
            tokens=tokens,
            cells=_CELLS,
            branches=max(1, _LOGITS // (vocabulary * len(self._answer))),
        )

    def _shrink(self, pack: Pack, error: Exception) -> None:
        clear_device_cache(garbage_collection=True)
        if sum(branch.index >= 0 for branch in pack.branches) <= 1:
            raise OutOfMemoryError(
                f"a single ablation of {pack.size} tokens over a prefix of {pack.prefix} does not "
                "fit in memory; pass fewer or shorter chunks, or use a smaller model or dtype"
            ) from error
        self._token_budget = pack.size // 2

    def _run_pack(self, pack: Pack) -> torch.Tensor:
        """Run one pack; returns log-probabilities `[branches, answer tokens]`."""
        model = self._model
        logits = self._forward(
            pack.tokens(),
            pack.answer_rows(len(self._answer)),
            position_ids=pack.positions(),
            attention_mask=pack.masks(self._capabilities.masks, model.dtype, model.device),
            past_key_values=self._prefix(pack.prefix),
            use_cache=True,
        )
        return self._log_probs(logits, len(pack.branches))


def _behind(spans: Sequence[Span], count: int, limit: int) -> tuple[Rerun, ...]:
    """Return the at most `count` tokens behind each span, up to the next or `limit`."""
    found: list[Rerun] = []
    for (start, end), (edge, _) in pairwise([*spans, (limit, limit)]):
        shift = end - start
        if found and found[-1].high == start:
            shift += found[-1].shift
        if count and end < edge:
            found.append(Rerun(end, min(end + count, edge), shift))
    return tuple(found)


def _gap(spans: Sequence[Span], again: Sequence[Rerun], limit: int) -> int:
    """Return by how much the tokens from `limit` on are moved to close a gap right before them."""
    if again and again[-1].high == limit:
        return again[-1].shift
    if spans and spans[-1][1] == limit:
        low, high = spans[-1]
        return high - low + (again[-1].shift if again and again[-1].high == low else 0)
    return 0


PATHS: Mapping[PathName, type[ScoringPath]] = {
    "packed": PackedPath,
    "cached": CachedPath,
    "plain": PlainPath,
}
"""The paths by name, fastest first."""


def _assemble(rows: Sequence[torch.Tensor], reference: torch.Tensor) -> PathScores:
    log_probs = torch.stack(list(rows)) if rows else torch.empty(0, reference.shape[0])
    return PathScores(log_probs, reference.expand_as(log_probs))
