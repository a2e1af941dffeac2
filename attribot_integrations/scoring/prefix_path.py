"""The activations that ablated prompts share with the full one, computed once and gone on from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from attribot_integrations.scoring.cache import PrefixCache, SharedContext
from attribot_integrations.scoring.forward import within_memory
from attribot_integrations.scoring.growing import GrowingAnswer, own_of
from attribot_integrations.scoring.packing import Branch
from attribot_integrations.scoring.path_base import ScoringPath

if TYPE_CHECKING:
    from transformers import DynamicCache

    from attribot_integrations.scoring.attention import AttentionReader

__all__ = ["PrefixPath"]

_LEAST_PIECE = 512
"""Tokens of one branch that are run together, however small the token budget."""


class PrefixPath(ScoringPath):
    """Keeps the activations of the prompt, and of an answer that goes on.

    The pass that computes the prompt's runs the answer, too, as a plain one would.
    """

    _cache: PrefixCache | None = None
    _whole: torch.Tensor | None = None
    """The unablated answer's log-probabilities by the pass over prompt and answer."""
    _grown: GrowingAnswer | None = None
    _shared: SharedContext | None = None
    _shared_length: Callable[[], int]
    _reader: AttentionReader | None = None
    """Looks on while the prompt's prefix is computed."""

    def warm_up(self) -> None:
        """Run the prompt's prefix."""
        self._prefix(0)

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

    def follow(self, answer: GrowingAnswer) -> None:
        """Go on from what was run for this answer's beginning, and keep what is run for its end."""
        # Else what was run, or may run together, depends on how long all of it is.
        if self._length_held is None and self._capabilities.packed_limit is None:
            answer.begin(self._prompt)
            self._grown = answer

    def _whole_branch(self) -> Branch:
        """Return all of the unablated prompt, and the answer."""
        return Branch(-1, 0, (*self._prompt, *self._answer[:-1]))

    def _unablated(self, start: int) -> Branch:
        """Return the rest of the unablated prompt from a branch point on, and the answer."""
        return Branch(-1, start, (*self._prompt[start:], *self._answer[:-1]))

    def _allows(self, tokens: int) -> bool:
        """Tell whether the budget allows a pass over so many tokens, and the prefix if needed."""
        return self.budget.allows(tokens + (len(self._prompt) if self._cache is None else 0))

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

        if self._grown is not None:
            return self._grown_prefix(self._grown)
        # Without a config every layer keeps all its keys, sliding ones too: branches may need them.
        cache = DynamicCache()
        if self._shared is not None:
            length = min(self._shared_length(), len(self._prompt) - 1)
            if length > 0:
                context = self._shared.take(
                    self._prompt[:length],
                    lambda begun: self._run_behind(begun, length),
                    self._run_model.state,
                )
                cache = context.view(length)
        return self._run_on(cache, cache.get_seq_length(), len(self._prompt))

    def _grown_prefix(self, grown: GrowingAnswer) -> PrefixCache:
        """Run the prompt and the answer, but for what is kept of them."""
        known = grown.of(self._whole_branch(), self._answer)
        if known is not None and grown.confirmed:  # what is new of the answer runs beside the rest
            return known.own.part(0, len(self._prompt))
        branch = grown.continued(self._whole_branch(), self._answer)
        kept = known if branch.known else None
        if kept is None:
            from transformers import DynamicCache

            prefix = self._run_on(DynamicCache(), 0, len(self._prompt))
        elif not branch.left:
            prefix, self._whole = kept.own, kept.log_probs[: branch.known]
        else:
            cache = kept.own.view(branch.done)
            with self._reader or nullcontext():
                new = self._run_pieces(branch, cache)
            self._whole = self._row(branch, new)
            prefix = PrefixCache.of(cache)
        assert self._whole is not None
        grown.keep(branch, self._answer, prefix, self._whole, self._whole)
        return prefix

    def _run_behind(self, begun: PrefixCache | None, length: int) -> PrefixCache:
        """Run the prompt's first `length` tokens, as far as no activations of them are held."""
        from transformers import DynamicCache

        done = 0 if begun is None else begun.length
        cache = DynamicCache() if begun is None else begun.view(done)
        return self._run_on(cache, done, length)

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
            self._whole = self._log_probs(logits)
        else:
            logits.cpu()  # waits for the device: the budget times this pass
        return PrefixCache.of(cache)

    def _run_pieces(self, branch: Branch, cache: DynamicCache) -> torch.Tensor:
        count, step = len(branch.tokens), max(self._token_budget, _LEAST_PIECE)
        wanted = len(self._answer) - branch.known
        # The last piece holds all places that predict the answer.
        edges = [*range(branch.done, max(branch.done + 1, count - wanted), step), count]
        logits = torch.empty(0)
        for low, high in pairwise(edges):
            rows = wanted if high == count else 1
            logits = self._forward(
                torch.tensor([branch.tokens[low:high]]),
                torch.arange(high - low - rows, high - low),
                position_ids=torch.arange(branch.start + low, branch.start + high)[None],
                past_key_values=cache,
                use_cache=True,
            )
        return self._log_probs(logits, [branch.known])

    def _continued(self, branch: Branch) -> Branch:
        """Return a branch that goes on from what is kept of it."""
        return branch if self._grown is None else self._grown.continued(branch, self._answer)

    def _row(self, branch: Branch, new: torch.Tensor) -> torch.Tensor:
        """Join what is known of a branch with what was run: `[answer tokens]`."""
        kept = self._grown.of(branch, self._answer) if self._grown and branch.known else None
        return new if kept is None else torch.cat([kept.log_probs[: branch.known], new])

    def _beside(self, branch: Branch, reference: torch.Tensor) -> torch.Tensor:
        """Return the unablated answer as run beside a branch, then and now: `[answer tokens]`."""
        kept = self._grown.of(branch, self._answer) if self._grown and branch.known else None
        if kept is None:
            return reference
        return torch.cat([kept.reference[: branch.known], reference[branch.known :]])

    def _cache_for(self, branches: Sequence[Branch], prefix: int) -> DynamicCache:
        """Return a cache that holds a prefix of the prompt, and what is done of the branches."""
        cache = self._prefix(prefix)
        behind = self._grown.behind(branches, self._answer) if self._grown else []
        if not behind:
            return cache
        whole = PrefixCache.of(cache).followed_by(*behind)
        return whole.view(prefix + sum(branch.done for branch in branches))

    def _keep(
        self,
        branches: Sequence[Branch],
        rows: Sequence[torch.Tensor],
        reference: torch.Tensor,
        cache: DynamicCache,
    ) -> None:
        """Keep what a pass has left of branches, if the answer may go on."""
        if self._grown is None:
            return
        prefix = max(branch.start for branch in branches)
        for branch, row, own in zip(branches, rows, own_of(cache, branches, prefix), strict=True):
            beside = row if branch.index < 0 else self._beside(branch, reference)
            self._grown.keep(branch, self._answer, own, row, beside)
