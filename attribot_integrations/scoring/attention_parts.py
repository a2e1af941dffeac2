"""Attention of a pack in parts, without most of the pairs that its mask would only blank out.

The tokens of a pack see much of a shared prefix, and their own branch. With one dense mask,
attention computes every pair of tokens all the same. Here the prefix is cut into blocks of keys
that all tokens see, which need no mask, blocks that some of them see, which get one, and what none
sees, which is left out; each branch's own tokens are attended to causally. The softmaxes of these
parts are put together by their log-sum-exps, as in blockwise attention (arXiv 2205.14135,
section 3.1).

Tokens that are run again behind a hidden source see the prefix up to that source only, those at the
prompt's end nearly all of it: so they are cut by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import torch
from torch.nn.utils.rnn import pad_sequence

from attribot_integrations.scoring.attention_kernels import Attended, attend
from attribot_integrations.scoring.capabilities import AttentionRule

__all__ = ["AttentionParts", "aligned"]

_ALIGNMENT: Final = 16
"""Rows of a mask begin at multiples of so many elements, which kernels on GPUs ask for."""
_LEAST_KEYS: Final = 64
"""Keys of a block below which it is joined to others under a mask: one more part costs more."""
_NONE, _SOME, _ALL = range(3)


@dataclass(frozen=True)
class _Block:
    """Keys of the prefix that a group of tokens is shown together."""

    start: int
    end: int
    mask: torch.Tensor | None
    """Additive, `[tokens, end - start]`; `None` where all of them see all of it."""


@dataclass(frozen=True)
class _Group:
    """Tokens of a pack that see about the same of the prefix."""

    rows: torch.Tensor | None
    """Their places among the pack's, in order; `None` if it is all of them."""
    blocks: tuple[_Block, ...]

    @classmethod
    def of(cls, rows: torch.Tensor | None, seen: torch.Tensor) -> _Group:
        """Cut the prefix for tokens, given its additive mask `[tokens, prefix]`."""
        blocks = [
            _Block(start, end, None if kind == _ALL else aligned(seen[:, start:end]))
            for start, end, kind in _cut(seen == 0)
        ]
        return cls(rows, tuple(blocks))


@dataclass(frozen=True)
class _Table:
    """Branches of about the same length, side by side."""

    places: torch.Tensor
    """Each one's tokens among the pack's, `[branches, longest]`, filled up by 0."""
    mask: torch.Tensor | None
    """Additive, `[branches, 1, longest, longest]`; `None` where each sees all before it."""


@dataclass(frozen=True)
class AttentionParts:
    """Which tokens of a pack see what."""

    prefix: int
    """How many tokens the shared prefix has."""
    groups: tuple[_Group, ...]
    """All the pack's tokens."""
    tables: tuple[_Table, ...]
    """All its branches, filled up to less than twice as many tokens."""
    order: torch.Tensor
    """`[size]`: where each of the pack's tokens stands in the tables, flattened and joined."""

    @classmethod
    def of(
        cls,
        lengths: Sequence[int],
        positions: torch.Tensor,
        rule: AttentionRule,
        seen: torch.Tensor,
        again: torch.Tensor,
    ) -> AttentionParts:
        """Describe a pack.

        Args:
            lengths: How many tokens each branch has.
            positions: Position of each token, `[size]`, on the device of attention.
            rule: What limits the layers.
            seen: Additive mask of the prefix, `[size, prefix]`, on the same device.
            again: `[size]`, true or false: tokens that are run again behind hidden ones.
        """
        device = seen.device
        rows = [again.logical_not().nonzero()[:, 0], again.nonzero()[:, 0]]
        found = [each.to(device) for each in rows if len(each)]
        groups = (
            [_Group.of(each, seen[each]) for each in found]
            if len(found) > 1
            else [_Group.of(None, seen)]
        )
        tables, order = _side_by_side(lengths)
        return cls(
            prefix=seen.shape[1],
            groups=tuple(groups),
            tables=tuple(
                _Table(each, _own_mask(positions[each], rule, seen.dtype))
                for each in (table.to(device) for table in tables)
            ),
            order=order.to(device),
        )

    def attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        shared_key: torch.Tensor,
        shared_value: torch.Tensor,
        scale: float | None,
    ) -> torch.Tensor:
        """Compute attention.

        Args:
            query: `[1, heads, size, head size]`.
            key: Of the pack's own tokens: `[1, heads, size, head size]`.
            value: The same.
            shared_key: Of the prefix: `[1, heads of keys, prefix, head size]`, each for as many
                heads of queries as there are more of those.
            shared_value: The same.
            scale: Factor of the scores; by default the head size's inverse root.

        Returns:
            `[1, heads, size, head size]`.
        """
        output, sums = self._own(query, key, value, scale)
        by_key = (shared_key.shape[1], -1)  # heads of queries that share one of keys, side by side
        result = output.float()[0].unflatten(0, by_key)  # in float32, as log-sum-exps are
        own_sums, queries = (each[0].unflatten(0, by_key) for each in (sums, query))
        for group in self.groups:
            chosen = [queries, result, own_sums]
            if group.rows is not None:
                chosen = [each.index_select(2, group.rows) for each in chosen]
            found = [(chosen[1], chosen[2])]
            for block in group.blocks:
                shown = (each[:, :, block.start : block.end] for each in (shared_key, shared_value))
                found.append(_attend_to(chosen[0], *shown, mask=block.mask, scale=scale))
            merged = _merged(found)
            if group.rows is None:
                result = merged
            else:
                result.index_copy_(2, group.rows, merged)
        joined: torch.Tensor = result.flatten(0, 1)[None].to(query.dtype)
        return joined

    def _own(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> Attended:
        """Attend to the tokens of each one's own branch, up to itself."""
        single = self.tables[0]
        if single.places.shape == (1, len(self.order)) and single.mask is None:
            return attend(query, key, value, mask=None, causal=True, scale=scale)
        outputs, sums = [], []
        for table in self.tables:
            # Short branches are filled up at their ends, which causality hides from the others.
            count, longest = table.places.shape
            rows = (
                each[0].index_select(1, table.places.flatten()).unflatten(1, (count, longest))
                for each in (query, key, value)
            )
            shown = (each.transpose(0, 1) for each in rows)
            output, total = attend(*shown, mask=table.mask, causal=table.mask is None, scale=scale)
            outputs.append(output.transpose(0, 1).flatten(1, 2))
            sums.append(total.transpose(0, 1).flatten(1))
        flat = torch.cat(outputs, dim=1).index_select(1, self.order)
        return flat[None], torch.cat(sums, dim=1).index_select(1, self.order)[None]


def aligned(mask: torch.Tensor) -> torch.Tensor:
    """Return a copy of a mask whose rows begin where kernels on GPUs want them to."""
    *rows, width = mask.shape
    wide = mask.new_empty((*rows, -(-width // _ALIGNMENT) * _ALIGNMENT))[..., :width]
    return wide.copy_(mask)


def _cut(seen: torch.Tensor) -> Iterator[tuple[int, int, int]]:
    """Cut keys where what sees them changes, but not into small pieces.

    Args:
        seen: Whether each token sees each key, `[tokens, keys]`.

    Yields:
        Start, end, and whether some or all of the tokens see all of them; what none sees is left
        out.
    """
    kinds, counts = (seen.any(0).int() + seen.all(0).int()).unique_consecutive(return_counts=True)
    ends = counts.cumsum(0).tolist()
    runs = list(zip([0, *ends], ends, kinds.tolist(), strict=False))
    while runs and runs[-1][2] == _NONE:
        del runs[-1]
    while runs and runs[0][2] == _NONE:
        del runs[0]
    for small, each in groupby(runs, lambda run: run[2] == _SOME or run[1] - run[0] < _LEAST_KEYS):
        near = list(each)
        if small and len(near) > 1:
            near = [(near[0][0], near[-1][1], _SOME)]
        yield from (run for run in near if run[2] != _NONE)


def _side_by_side(lengths: Sequence[int]) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Lay branches of about the same length side by side, see `_Table` and `AttentionParts`."""
    alike: dict[int, list[torch.Tensor]] = {}
    for tokens in torch.arange(sum(lengths)).split(list(lengths)):
        alike.setdefault(len(tokens).bit_length(), []).append(tokens)
    tables = [pad_sequence(each, batch_first=True, padding_value=-1) for each in alike.values()]
    joined = torch.cat([table.flatten() for table in tables])
    return [table.clamp(min=0) for table in tables], joined.argsort()[-sum(lengths) :]


def _own_mask(
    positions: torch.Tensor, rule: AttentionRule, dtype: torch.dtype
) -> torch.Tensor | None:
    """Build the mask of branches side by side, given their positions `[branches, longest]`."""
    longest = positions.shape[1]
    later = torch.ones((longest, longest), dtype=torch.bool, device=positions.device).triu(1)
    far = rule.out_of_reach(positions[:, :, None], positions[:, None, :])
    if far is None or not bool((far & ~later).any()):
        return None
    mask = torch.zeros((len(positions), 1, longest, longest), dtype=dtype, device=positions.device)
    return aligned(mask.masked_fill_((far | later)[:, None], torch.finfo(dtype).min))


def _attend_to(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    mask: torch.Tensor | None,
    scale: float | None,
) -> Attended:
    """Attend with several heads of queries to one of keys, which is not repeated for that.

    Args:
        query: `[heads of keys, repeats, queries, head size]`.
        key: `[1, heads of keys, keys, head size]`.
        value: The same.
        mask: Added to the scores, `[queries, keys]`.
        scale: Factor of the scores.

    Returns:
        Shapes like the query's.
    """
    repeats, queries = query.shape[1:3]
    if mask is None:
        # As one head with as many times the queries, for which the keys are read once.
        folded = query.flatten(1, 2)[None]
        found = attend(folded, key, value, mask=None, causal=False, scale=scale)
        output, sums = (each[0].unflatten(1, (repeats, queries)) for each in found)
    else:
        batch = (each.expand(repeats, -1, -1, -1) for each in (key, value))
        found = attend(query.transpose(0, 1), *batch, mask=mask, causal=False, scale=scale)
        output, sums = (each.transpose(0, 1) for each in found)
    return output, sums


def _merged(found: Sequence[Attended]) -> torch.Tensor:
    """Put softmaxes over several sets of keys together, in float32."""
    shares = torch.stack([sums for _, sums in found]).softmax(dim=0).unsqueeze(-1)
    result = found[0][0] * shares[0]
    for (output, _), share in zip(found[1:], shares[1:], strict=True):
        result.addcmul_(output, share)
    return result
