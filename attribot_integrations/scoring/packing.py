"""Branches of a prompt, the packs they travel in, and the masks that keep them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from attribot_integrations.scoring.capabilities import AttentionRule
from attribot_integrations.sources import Span

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

    def positions(self) -> torch.Tensor:
        """Return each token's position in its own prompt, `[tokens]`."""
        moved = [torch.arange(each.low, each.high) - each.shift for each in self.rerun]
        left = len(self.tokens) - sum(each.high - each.low for each in self.rerun)
        first = self.start - self.shift
        return torch.cat([*moved, torch.arange(first, first + left)])

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
        return sum(len(branch.tokens) for branch in self.branches)

    def tokens(self) -> torch.Tensor:
        """Return the token ids of all branches in turn, `[1, size]`."""
        return torch.tensor([[token for branch in self.branches for token in branch.tokens]])

    def positions(self) -> torch.Tensor:
        """Return each token's position in its own prompt, `[1, size]`."""
        return torch.cat([branch.positions() for branch in self.branches])[None]

    def answer_rows(self, answer_length: int) -> torch.Tensor:
        """Return the places whose logits predict the answer, `[branches * answer_length]`."""
        ends = torch.tensor([len(branch.tokens) for branch in self.branches]).cumsum(0)
        return (ends[:, None] + torch.arange(-answer_length, 0)).flatten()

    def masks(
        self, rules: Mapping[str | None, AttentionRule], dtype: torch.dtype, device: torch.device
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """Build the additive attention masks, each `[1, 1, size, prefix + size]`.

        A token sees its own branch up to itself, and of the shared prefix only what its branch
        shares. Masks are floats: eager attention adds a boolean mask as 0 and 1, silently wrong.

        Returns:
            One mask, or one for each layer type where the model takes a dict of masks.
        """
        lengths = torch.tensor([len(branch.tokens) for branch in self.branches], device=device)
        starts = torch.tensor([branch.start for branch in self.branches], device=device)
        owner = torch.repeat_interleave(
            torch.arange(len(self.branches), device=device), lengths, output_size=self.size
        )
        position = self.positions()[0].to(device)
        prefix = torch.arange(self.prefix, device=device)
        shared = (prefix[None, :] < starts[:, None]).index_put_(
            self._hidden_cells(device), torch.tensor(False, device=device)
        )
        in_prefix = shared[owner] & (prefix[None, :] < position[:, None])
        in_branch = (owner[:, None] == owner[None, :]) & (position[:, None] >= position[None, :])
        visible = torch.cat([in_prefix, in_branch], dim=1)
        keys = torch.cat([prefix, position])
        blocked = torch.finfo(dtype).min

        def additive(rule: AttentionRule) -> torch.Tensor:
            allowed = visible
            if rule.window is not None:
                allowed = allowed & (keys[None, :] > position[:, None] - rule.window)
            if rule.chunk is not None:
                allowed = allowed & (keys[None, :] // rule.chunk == position[:, None] // rule.chunk)
            mask = torch.zeros(allowed.shape, dtype=dtype, device=device)
            return mask.masked_fill_(~allowed, blocked)[None, None]

        built = {layer: additive(rule) for layer, rule in rules.items()}
        single = built.get(None)
        return single if single is not None else {str(key): mask for key, mask in built.items()}

    def _hidden_cells(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Return branch and place of every shared token that a branch may not see."""
        cells = [
            (number, token)
            for number, branch in enumerate(self.branches)
            for start, end in branch.unseen
            for token in range(start, end)
        ]
        numbers, tokens = torch.tensor(cells, dtype=torch.long).reshape(-1, 2).to(device).unbind(1)
        return numbers, tokens


@dataclass(frozen=True)
class PackLimits:
    """How large a pack may grow; a single branch runs even where it exceeds them."""

    tokens: int
    """Most tokens in the forward pass."""
    cells: int
    """Most cells in the attention mask: query times key positions."""
    branches: int
    """Most branches, which bounds the logits."""


def take_pack(waiting: Sequence[Branch], reference: Branch | None, limits: PackLimits) -> Pack:
    """Choose the branches of the next pack from the front of the queue.

    Args:
        waiting: Branches left to run, deepest first; at least one.
        reference: Unablated copy that goes first, if one is wanted in this pack.
        limits: How large the pack may grow.
    """
    chosen = [] if reference is None else [reference]
    fixed = len(chosen)
    size = len(reference.tokens) if reference is not None else 0
    prefix = max(waiting[0].start, reference.start if reference is not None else 0)
    for branch in waiting:
        grown = size + len(branch.tokens)
        full = (
            grown > limits.tokens
            or grown * (prefix + grown) > limits.cells
            or len(chosen) >= limits.branches
        )
        if full and len(chosen) > fixed:
            break
        chosen.append(branch)
        size = grown
    return Pack(tuple(chosen))


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """Count the leading tokens that two sequences share."""
    length = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        length += 1
    return length


def branch_off(
    index: int, base: Sequence[int], prompt: Sequence[int], answer: Sequence[int]
) -> Branch:
    """Cut an ablated prompt at the point where it leaves the unablated one.

    The last token of the prompt is always run again, since its logits predict the answer's first.
    """
    start = min(common_prefix(base, prompt), len(prompt) - 1, len(base) - 1)
    return Branch(index, start, (*prompt[start:], *answer[:-1]))


def longest_first(branches: Iterable[Branch]) -> list[Branch]:
    """Order branches so that neighbours share much: deepest branch point first."""
    return sorted(branches, key=lambda branch: (-branch.start, branch.index))
