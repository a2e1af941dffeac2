"""Many ablated prompts in one forward pass, over one cached prefix."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from attribot_integrations.errors import ModelError, OutOfMemoryError
from attribot_integrations.scoring.apart import Held, joined, set_apart
from attribot_integrations.scoring.attention import AttentionReader, GroupSums
from attribot_integrations.scoring.cached_path import CachedPath
from attribot_integrations.scoring.forward import within_memory
from attribot_integrations.scoring.packing import Branch, Pack, PackLimits, Rerun, take_pack
from attribot_integrations.scoring.path_base import PathScores

if TYPE_CHECKING:
    from transformers import DynamicCache

    from attribot_integrations.context.sources import Span

__all__ = ["PackedPath"]

_CELLS = 1 << 26
"""Most cells in one attention mask (256 MiB in float32)."""
_LOGITS = 1 << 27
"""Most logits in one pass, unless a single branch has more (512 MiB in float32)."""


class PackedPath(CachedPath):
    """Many suffixes in one forward pass, each seeing its own prefix and itself only.

    In low precision every pack holds an unablated copy of the prompt's end and the answer: scores
    are then differences within one pass, in which rounding cancels. In full precision there is
    nothing to cancel, and one copy serves all packs.

    A branch that exceeds the limits all by itself is run in one pass, like the prompt, if its
    attention is computed in parts, or else as on the cached path. When a pack does not fit in
    memory, the token budget is halved and the pack tried again; what was already scored is kept,
    and later requests start with the smaller budget.
    """

    least_in_parts = 256
    """Tokens of a pack from which on attention is computed in parts; below, a mask is as fast."""
    _alone_reference: torch.Tensor | None = None
    _long_in_parts = True
    """Whether branches longer than the token budget are tried in one pass, like the prompt."""

    def score(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        """Score the answer behind each ablated prompt, as many of them as the budget allows."""
        scores = self._run_packs(self._branches(prompts))
        return self._plainly(prompts) if scores is None else scores

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

        Raises:
            OutOfMemoryError: If not even one row fits in memory.
            ModelError: If the unablated answer turns out to get other numbers in packs.
        """
        end = self._unablated(start).tokens
        branches = []
        for index, spans in enumerate(hidden):
            again = _behind(spans, rerun, start)
            tokens = [token for each in again for token in self._prompt[each.low : each.high]]
            shift = _gap(spans, again, start)
            branches.append(Branch(index, start, (*tokens, *end), tuple(spans), again, shift))
        scores = self._run_packs(branches)
        if scores is None:
            raise ModelError(
                f"sources cannot be knocked out here: {self._run_model.capabilities.reason}; "
                "use exact leave-one-out"
            )
        return scores

    def _run_packs(self, waiting: list[Branch]) -> PathScores | None:
        """Run branches, given deepest first, in as few passes as the limits allow.

        Nothing is returned where the unablated answer turns out to get other numbers in packs.
        """
        scores = PathScores.nothing_yet(len(waiting), len(self._answer))
        unablated = self._begin_reference(waiting[0].start) if waiting else None
        waiting = self._unfinished(waiting, scores)
        while waiting:
            reference = unablated if self._reference is None else None
            limits = self._limits()
            pack = take_pack(waiting, reference, limits)
            if not self._allows(pack.size):
                break
            branches = [branch for branch in pack.branches if branch is not reference]
            fits = limits.allow(pack.size, pack.prefix + pack.kept)
            if fits or not branches[0].continues or self._goes_in_parts(pack, limits):
                result = self._try_pack(pack, len(branches))
                if result is None:
                    continue
                reference_row = result[0] if self._reference is None else self._reference
                if self._model.dtype.itemsize >= 4:
                    self._reference = reference_row
                result = result[-len(branches) :]
            else:
                reference_row = self._unmasked_reference()
                result = [self._run_alone(branches[0], reference_row)]
            if not self._confirmed(reference_row):
                return None
            for branch, row in zip(branches, result, strict=True):
                scores.put(branch.index, row, self._beside(branch, reference_row))
            self.budget.advance(len(branches), pack.size)
            del waiting[: len(branches)]
        return scores

    def _read_on(
        self, branch: Branch, beside: Sequence[Branch], sums: GroupSums
    ) -> list[torch.Tensor]:
        others = [each for each in map(self._continued, beside) if each.known and each.left]
        pack = Pack((branch, *others))
        if others and self._limits().allow(pack.size, pack.prefix + pack.kept):
            reader = AttentionReader(branch.left, sums, pack.size - branch.left)
            self._prefix(0)  # unseen by the reader
            with reader:
                done = self._try_pack(pack, len(pack.branches))
            if done is not None:
                return reader.layers
        return super()._read_on(branch, (), sums)

    def _begin_reference(self, start: int) -> Branch:
        """Return the unablated copy that packs hold, as far as it is left to run."""
        whole = self._reference_branch(start)
        left = self._continued(whole)
        if left.left:
            return left
        if self._model.dtype.itemsize >= 4:
            self._reference = self._row(left, torch.empty(0))
        return whole

    def _unfinished(self, waiting: Sequence[Branch], scores: PathScores) -> list[Branch]:
        """Fill in what is known of all of the answer, and return the other branches."""
        unfinished = []
        for branch in map(self._continued, waiting):
            kept = self._grown.of(branch, self._answer) if self._grown else None
            if kept is None or branch.left:
                unfinished.append(branch)
            else:
                row, beside = kept.log_probs[: branch.known], kept.reference[: branch.known]
                scores.put(branch.index, row, beside)
        return unfinished

    def _try_pack(self, pack: Pack, ablations: int) -> list[torch.Tensor] | None:
        """Run a pack; where it does not fit in memory, lower the budget and return nothing.

        Returns:
            `[answer tokens]` for each of its branches.
        """
        cache = self._cache_for(pack.branches, pack.prefix)

        def run() -> list[torch.Tensor]:
            new = self._run_pack(pack, cache)
            counts = [len(self._answer) - branch.known for branch in pack.branches]
            pieces = zip(pack.branches, new.flatten().split(counts), strict=True)
            rows = [self._row(branch, piece) for branch, piece in pieces]
            reference = rows[0] if self._reference is None else self._reference
            self._keep(pack.branches, rows, reference, cache)
            return rows

        try:
            return within_memory(
                run,
                lambda: (
                    f"a single ablation of {pack.size:,} tokens over a prefix of {pack.prefix:,}"
                ),
            )
        except OutOfMemoryError:
            if ablations == 1 and not pack.branches[-1].continues:
                raise
        self._token_budget, self._long_in_parts = pack.size // 2, False
        if ablations > 1:
            self._run_model.remember_shortage(self._token_budget)
        return None

    def _run_pack(self, pack: Pack, cache: DynamicCache) -> torch.Tensor:
        """Run one pack; returns the log-probabilities that are not known, branch by branch."""
        held = Held()
        apart = set_apart(cache, held) if self._in_parts(pack) else None
        masks = pack.masks(
            self._capabilities.masks,
            self._model.dtype,
            self._run_model.device,
            held=None if apart is None else held,
        )
        logits = self._forward(
            pack.tokens(),
            pack.answer_rows(len(self._answer)),
            position_ids=pack.positions(),
            attention_mask=masks,
            past_key_values=cache if apart is None else apart,
            use_cache=True,
        )
        if apart is not None and self._grown is not None:
            cache.layers = joined(apart).layers
        return self._log_probs(logits, [branch.known for branch in pack.branches])

    def _in_parts(self, pack: Pack) -> bool:
        """Tell whether a pack's attention is computed in parts."""
        return (
            self._capabilities.attention_in_parts
            and pack.size >= max(2, self.least_in_parts)  # one token is no matrix
            and not pack.kept
            and self._length_held is None
        )

    def _goes_in_parts(self, pack: Pack, limits: PackLimits) -> bool:
        """Tell whether a branch beyond the token budget is run in one pass all the same.

        In parts it computes half of the pairs that it would under the model's own mask. In low
        precision the unablated copy would have to be as long, for rounding to cancel.
        """
        return (
            self._long_in_parts
            and self._run_model.token_cap is None  # memory has not been short before
            and self._capabilities.packed_limit is None
            and self._model.dtype.itemsize >= 4
            and self._in_parts(pack)
            and pack.size * (pack.prefix + pack.size) <= limits.cells
        )

    def _unmasked_reference(self) -> torch.Tensor:
        """Return the unablated answer's log-probabilities, run by itself: `[answer tokens]`."""
        if self._reference is not None:
            return self._reference
        if self._alone_reference is None:
            self._alone_reference = self._run_alone(self._unablated(len(self._prompt) - 1))
        return self._alone_reference

    def _reference_branch(self, start: int) -> Branch:
        """Return the unablated copy that goes with branches of which the deepest leaves at `start`.

        Rounding cancels best where it runs as many tokens as they do; where there is none to
        cancel, it runs the fewest.
        """
        exact = self._model.dtype.itemsize >= 4
        return self._unablated(len(self._prompt) - 1 if exact else start)

    def _limits(self) -> PackLimits:
        tokens = self._token_budget
        if self._run_model.token_cap is not None:
            tokens = min(tokens, self._run_model.token_cap)
        if self._capabilities.packed_limit is not None:
            # The longest prefix is one token shorter than the prompt.
            tokens = min(tokens, self._capabilities.packed_limit - len(self._prompt))
        vocabulary = self._model.config.get_text_config(decoder=True).vocab_size
        return PackLimits(
            tokens=tokens,
            cells=_CELLS,
            branches=max(1, _LOGITS // (vocabulary * len(self._answer))),
        )


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
