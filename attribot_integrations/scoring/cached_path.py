"""Ablated prompts one at a time, over the cached activations of what they share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from attribot_integrations.scoring.attention import AttentionReader, GroupSums
from attribot_integrations.scoring.cache import PrefixCache, SharedContext
from attribot_integrations.scoring.capabilities import inner_model
from attribot_integrations.scoring.forward import tolerance, within_memory
from attribot_integrations.scoring.growing import GrowingAnswer, own_of
from attribot_integrations.scoring.packing import Branch
from attribot_integrations.scoring.path_base import PathScores, ScoringPath
from attribot_integrations.scoring.plain_path import PlainPath

if TYPE_CHECKING:
    from transformers import DynamicCache

__all__ = ["CachedPath"]

_logger = logging.getLogger(__name__)

_SLACK = 5
"""How many times the rounding of a short text that of a long one may be."""
_LEAST_PIECE = 512
"""Tokens of one branch that are run together, however small the token budget."""


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
    _grown: GrowingAnswer | None = None
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
            row = self._reference if same else self._run_alone(branch, self._reference)
            scores.put(branch.index, row, self._reference)
            self.budget.advance(1, len(branch.tokens))
        return scores

    def read(
        self, start: int, sums: GroupSums, beside: Iterable[Sequence[int]] = ()
    ) -> list[torch.Tensor]:
        """Return the attention of the unablated prompt's end and the answer.

        It is read while the prompt's prefix is computed, or, where that has been done, as the end
        is run again.
        """
        if self._grown is not None:
            return self._read_grown(self._grown, start, sums, beside)
        if self._cache is not None:
            return self._read_again(start, sums)
        return self._read_prefix(self._reader_of(self._rows_from(start), sums))

    def _read_grown(
        self,
        grown: GrowingAnswer,
        start: int,
        sums: GroupSums,
        beside: Iterable[Sequence[int]],
    ) -> list[torch.Tensor]:
        """Read what an answer attends to that goes on, as far as that has not been read."""
        branch = self._continued(self._unablated(start))
        known = grown.reading(sums, self._answer[: branch.known])
        if known is None or not grown.confirmed:
            layers = self._read_again(start, sums)
        elif not branch.left:
            layers = known
        else:
            self._prefix(0)  # unseen by the reader
            new = self._read_on(branch, self._branches(tuple(beside)), sums)
            layers = [torch.cat(both, dim=1) for both in zip(known, new, strict=True)]
        grown.keep_reading(sums, self._answer, layers)
        return layers

    def _read_on(
        self, branch: Branch, beside: Sequence[Branch], sums: GroupSums
    ) -> list[torch.Tensor]:
        """Run what is new of the unablated answer, and read what it attends to.

        Args:
            branch: The unablated answer, as far as it has been run.
            beside: What is scored next, and may be run in the same pass.
            sums: The groups of tokens that are asked for.
        """
        reader = AttentionReader(branch.left, sums)
        with reader:
            self._run_alone(branch)
        return reader.layers

    def _read_prefix(self, reader: AttentionReader) -> list[torch.Tensor]:
        """Read while the prompt's prefix, and the answer, are run."""
        self._reader = reader
        try:
            self._prefix(0)
        finally:
            self._reader = None
        return reader.layers

    def _read_again(self, start: int, sums: GroupSums) -> list[torch.Tensor]:
        """Read while the end of the prompt, and the answer, are run again."""
        end, reader = self._unablated(start), self._reader_of(self._rows_from(start), sums)
        self._prefix(0)  # unseen by the reader
        within_memory(
            lambda: self._run_read(end, reader),
            lambda: f"the end of a prompt with its answer, of {len(end.tokens):,} tokens,",
        )
        return reader.layers

    def _reader_of(self, rows: int, sums: GroupSums) -> AttentionReader:
        return AttentionReader(rows, sums, 0 if self._length_held is None else 1)

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

    def _whole_branch(self) -> Branch:
        """Return all of the unablated prompt, and the answer."""
        return Branch(-1, 0, (*self._prompt, *self._answer[:-1]))

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
            if self._grown is not None:
                self._grown.confirmed = True
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

    def follow(self, answer: GrowingAnswer) -> None:
        """Go on from what was run for this answer's beginning, and keep what is run for its end."""
        # Else what was run, or may run together, depends on how long all of it is.
        if self._length_held is None and self._capabilities.packed_limit is None:
            answer.begin(self._prompt)
            self._grown = answer

    def _run_alone(self, branch: Branch, reference: torch.Tensor | None = None) -> torch.Tensor:
        """Run one branch by itself, with the model's own mask: `[answer tokens]`.

        A long one is run in pieces, whose masks grow with its length and not with its square.

        Args:
            branch: The branch.
            reference: The unablated answer's log-probabilities, unless the branch is that.
        """
        branch = self._continued(branch)
        if not branch.left:
            return self._row(branch, torch.empty(0))
        cache = self._cache_for([branch], branch.start)
        new = within_memory(
            lambda: self._run_pieces(branch, cache),
            lambda: (
                f"a single ablation of {branch.left:,} tokens over a prefix of {branch.start:,}"
            ),
        )
        row = self._row(branch, new)
        self._keep([branch], [row], row if reference is None else reference, cache)
        return row

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
