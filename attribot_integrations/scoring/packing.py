"""Branches of a prompt, the packs they travel in, and the masks that keep them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch

from attribot_integrations.context.sources import Span
from attribot_integrations.scoring.apart import Held
from attribot_integrations.scoring.attention_parts import AttentionParts
from attribot_integrations.scoring.capabilities import AttentionRule
from attribot_integrations.scoring.split_attention import PackMask

__all__ = ["Branch", "Pack", "PackLimits", "Rerun", "branch_off", "longest_first", "take_pack"]


@dataclass(frozen=True)
class Rerun:
    """Tokens right behind hidden ones, run anew in the place of the shared ones."""

    low: int
    """First token."""
    high: int
    """Token behind the last."""
    shift: int
    """How many positions they move to the front, to close the gap that the hidden ones leave."""


@dataclass(frozen=True)
class Branch:
    """What is left to run of one ablated prompt after the prefix it shares with the full one."""

    index: int
    """Row of the ablation; -1 for the unablated reference."""
    start: int
    """How many tokens it shares with the unablated prompt."""
    tokens: tuple[int, ...]
    """The tokens behind the shared ones: the rest of the prompt, and the answer but its last."""
    hidden: tuple[Span, ...] = ()
    """Ranges of the shared tokens that this branch may not attend to: a knockout."""
    rerun: tuple[Rerun, ...] = ()
    """Shared tokens that this branch runs anew; their ids come first in `tokens`."""
    shift: int = 0
    """How many positions the tokens from `start` on move to the front."""
    done: int = 0
    """How many of the tokens have been run before, and are kept, see `growing`."""
    known: int = 0
    """How many of the answer's tokens have their log-probabilities from then."""

    @property
    def left(self) -> int:
        """How many of the tokens are to be run."""
        return len(self.tokens) - self.done

    def positions(self) -> torch.Tensor:
        """Return each token's position in its own prompt, `[tokens]`."""
        moved = [torch.arange(each.low, each.high) - each.shift for each in self.rerun]
        left = len(self.tokens) - sum(each.high - each.low for each in self.rerun)
        first = self.start - self.shift
        return torch.cat([*moved, torch.arange(first, first + left)])

    @property
    def again(self) -> torch.Tensor:
        """Whether each token is one of the shared ones, run anew: `[tokens]`."""
        count = sum(each.high - each.low for each in self.rerun)
        return torch.arange(len(self.tokens)) < count

    @property
    def continues(self) -> bool:
        """Whether the tokens simply go on from the shared ones: nothing is hidden or moved."""
        return self.in_place and not self.hidden

    @property
    def in_place(self) -> bool:
        """Whether all tokens stand behind all the shared ones that are seen."""
        return not (self.rerun or self.shift)

    @property
    def unseen(self) -> tuple[Span, ...]:
        """Ranges of the shared tokens that this branch does not attend to."""
        return (*self.hidden, *((each.low, each.high) for each in self.rerun))


@dataclass(frozen=True)
class Pack:
    """Branches that run together in one forward pass over one shared prefix."""

    branches: tuple[Branch, ...]

    @property
    def prefix(self) -> int:
        """How many tokens of the shared prefix the pack needs."""
        return max(branch.start for branch in self.branches)

    @property
    def size(self) -> int:
        """Tokens run in the forward pass."""
        return sum(self.lengths)

    @property
    def kept(self) -> int:
        """Tokens of the branches that were run before."""
        return sum(branch.done for branch in self.branches)

    def tokens(self) -> torch.Tensor:
        """Return the token ids to run, of all branches in turn, `[1, size]`."""
        return torch.tensor([[id_ for each in self.branches for id_ in each.tokens[each.done :]]])

    def positions(self) -> torch.Tensor:
        """Return each token's position in its own prompt, `[1, size]`."""
        return torch.cat([branch.positions()[branch.done :] for branch in self.branches])[None]

    def answer_rows(self, answer_length: int) -> torch.Tensor:
        """Return the places whose logits predict what is not known of the answer, `[rows]`."""
        ends = torch.tensor(self.lengths).cumsum(0).tolist()
        return torch.cat(
            [
                torch.arange(end - (answer_length - branch.known), end)
                for end, branch in zip(ends, self.branches, strict=True)
            ]
        )

    @property
    def lengths(self) -> list[int]:
        """How many tokens of each branch are to be run."""
        return [branch.left for branch in self.branches]

    def masks(
        self,
        rules: Mapping[str | None, AttentionRule],
        dtype: torch.dtype,
        device: torch.device,
        *,
        held: Held | None = None,
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """Build the additive attention masks, each `[1, 1, size, prefix + kept + size]`.

        A token sees its own branch up to itself, and of the shared prefix only what its branch
        shares. Masks are floats: eager attention adds a boolean mask as 0 and 1, silently wrong.

        Args:
            rules: What limits the layers of each type.
            dtype: The model's.
            device: Where the model computes.
            held: If given, the layers get a `PackMask`, and a cache that is set apart with it.

        Returns:
            One mask, or one for each layer type where the model takes a dict of masks.
        """
        blocked = torch.finfo(dtype).min
        position = self.positions()[0].to(device)
        kept = [branch.positions()[: branch.done] for branch in self.branches]
        before = torch.cat([torch.arange(self.prefix), *kept]).to(device)
        keys = torch.cat([before, position])
        base = cache(lambda: self._base_mask(position, blocked, dtype)[None, None])
        length = int(position.max()) + 1

        def dense(rule: AttentionRule) -> torch.Tensor:
            far = rule.out_of_reach(position[:, None], keys[None, :])
            return base() if far is None else torch.where(far, blocked, base())

        @cache
        def in_parts_by(rule: AttentionRule) -> PackMask:
            assert held is not None
            parts = self._parts(rule, position, blocked, dtype)
            return PackMask.of(parts, held, dtype, lambda: dense(rule))

        def additive(rule: AttentionRule) -> torch.Tensor:
            if held is None:
                return dense(rule)
            return in_parts_by(rule if rule.limits(length) else AttentionRule())

        built = {layer: additive(rule) for layer, rule in rules.items()}
        single = built.get(None)
        return single if single is not None else {str(key): mask for key, mask in built.items()}

    def _base_mask(
        self, position: torch.Tensor, blocked: float, dtype: torch.dtype
    ) -> torch.Tensor:
        """Build the mask without windows, `[size, prefix + kept + size]`."""
        device, prefix, size = position.device, self.prefix, self.size
        before = prefix + self.kept
        mask = torch.empty((size, before + size), dtype=dtype, device=device)
        mask[:, :prefix] = self._seen(position, blocked, dtype)
        mask[:, prefix:] = blocked
        longest = max(self.lengths)
        triangle = torch.full((longest, longest), blocked, dtype=dtype, device=device).triu_(1)
        low, kept = 0, prefix
        for branch in self.branches:
            high = low + branch.left
            mask[low:high, kept : kept + branch.done] = 0
            mask[low:high, before + low : before + high] = triangle[: high - low, : high - low]
            low, kept = high, kept + branch.done
        return mask

    def _parts(
        self,
        rule: AttentionRule,
        position: torch.Tensor,
        blocked: float,
        dtype: torch.dtype,
    ) -> AttentionParts:
        seen = self._seen(position, blocked, dtype)
        shared = torch.arange(self.prefix, device=position.device)
        far = rule.out_of_reach(position[:, None], shared[None, :])
        if far is not None:
            seen.masked_fill_(far, blocked)
        again = torch.cat([branch.again for branch in self.branches])
        return AttentionParts.of(self.lengths, position, rule, seen, again)

    def _seen(self, position: torch.Tensor, blocked: float, dtype: torch.dtype) -> torch.Tensor:
        """Build what the tokens see of the prefix without windows, `[size, prefix]`."""
        rows = torch.full((len(self.branches), self.prefix), blocked, dtype=dtype)
        for row, branch in zip(rows, self.branches, strict=True):
            row[: branch.start] = 0
            for start, end in branch.unseen:
                row[start:end] = blocked
        device = position.device
        lengths = torch.tensor(self.lengths, device=device)
        seen = rows.to(device).repeat_interleave(lengths, dim=0)
        if any(not branch.in_place for branch in self.branches):
            late = torch.arange(self.prefix, device=device)[None, :] >= position[:, None]
            seen.masked_fill_(late, blocked)
        return seen


@dataclass(frozen=True)
class PackLimits:
    """How large a pack may grow; a single branch runs even where it exceeds them."""

    tokens: int
    """Most tokens in the forward pass."""
    cells: int
    """Most cells in the attention mask: query times key positions."""
    branches: int
    """Most branches, which bounds the logits."""

    def allow(self, size: int, prefix: int) -> bool:
        """Tell whether so many tokens may run together over a prefix."""
        return size <= self.tokens and size * (prefix + size) <= self.cells


def take_pack(waiting: Sequence[Branch], reference: Branch | None, limits: PackLimits) -> Pack:
    """Choose the branches of the next pack from the front of the queue.

    Args:
        waiting: Branches left to run, deepest first; at least one.
        reference: Unablated copy that goes first, if one is wanted in this pack.
        limits: How large the pack may grow.
    """
    chosen = [] if reference is None else [reference]
    fixed = len(chosen)
    size, kept = (reference.left, reference.done) if reference is not None else (0, 0)
    prefix = max(waiting[0].start, reference.start if reference is not None else 0)
    for branch in waiting:
        grown, kept = size + branch.left, kept + branch.done
        full = not limits.allow(grown, prefix + kept) or len(chosen) >= limits.branches
        if full and len(chosen) > fixed:
            break
        chosen.append(branch)
        size = grown
    return Pack(tuple(chosen))


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """Count the leading tokens that two sequences share."""
    low, high = 0, min(len(first), len(second))
    while low < high:  # bisecting compares runs of tokens at once
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def branch_off(
    index: int, base: Sequence[int], prompt: Sequence[int], answer: Sequence[int]
) -> Branch:
    """Cut an ablated prompt at the point where it leaves the unablated one.

    The last token of the prompt is always run again, since its logits predict the answer's first.
    """
    start = min(common_prefix(tuple(base), tuple(prompt)), len(prompt) - 1, len(base) - 1)
    return Branch(index, start, (*prompt[start:], *answer[:-1]))


def longest_first(branches: Iterable[Branch]) -> list[Branch]:
    """Order branches so that neighbours share much: deepest branch point first."""
    return sorted(branches, key=lambda branch: (-branch.start, branch.index))
