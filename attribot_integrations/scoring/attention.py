"""What the last tokens of a text attend to, read while the model runs.

Fused attention gives no weights, and eager attention gives those of every token at once: layers *
heads * tokens ** 2 numbers. Here only the rows of the last tokens are computed a second time, one
layer after the other, from the very queries and keys that the layer hands to its attention: they
are rotated, normalised and scaled already, and the mask holds the layer's window. Nothing of the
model is replaced or hooked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention, softmax
from torch.overrides import TorchFunctionMode

from attribot_integrations.context.sources import Span

__all__ = ["AttentionReader", "GroupSums"]

_SOFTMAXES = (softmax, torch.softmax, torch.Tensor.softmax)
_ROWS_AT_ONCE = 64
"""Rows of attention weights that are in memory together, for all heads of one layer."""


@dataclass(frozen=True)
class GroupSums:
    """Adds up what is known of each token over groups of tokens."""

    edges: torch.Tensor
    """`[2, ranges]`: first token of each range, and the token behind its last."""
    owners: torch.Tensor
    """`[ranges]`: the group that each range belongs to."""
    count: int
    """How many groups there are."""

    @classmethod
    def of(cls, groups: Sequence[Sequence[Span]], device: torch.device) -> GroupSums:
        """Describe groups, each by its ranges of tokens."""
        found = [(owner, span) for owner, spans in enumerate(groups) for span in spans]
        edges = torch.tensor([span for _, span in found], dtype=torch.long).reshape(-1, 2).T
        owners = torch.tensor([owner for owner, _ in found], dtype=torch.long)
        return cls(edges.to(device), owners.to(device), len(groups))

    def same(self, other: GroupSums) -> bool:
        """Tell whether the groups are those of another one."""
        return (
            self.count == other.count
            and torch.equal(self.edges, other.edges)
            and torch.equal(self.owners, other.owners)
        )

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """Add up `[…, tokens]` to `[…, groups]`."""
        sums = torch.nn.functional.pad(values.cumsum(-1), (1, 0))
        low, high = self.edges.to(values.device)
        ranges = sums[..., high] - sums[..., low]
        totals = ranges.new_zeros(*values.shape[:-1], self.count)
        return totals.index_add(-1, self.owners.to(values.device), ranges)


class AttentionReader(TorchFunctionMode):
    """Reads the attention of the last tokens of one forward pass, while it is entered.

    It sees the calls of torch's attention function, and of the softmax of eager attention, in this
    thread. An implementation that uses neither, such as FlashAttention, shows nothing.

    Args:
        rows: How many tokens, from the end of the pass, are looked at.
        sums: Which tokens' weights are added up; the first of all is token 0.
        behind: How many tokens at the very end are passed over.
    """

    def __init__(self, rows: int, sums: GroupSums, behind: int = 0) -> None:
        super().__init__()
        self._rows, self._sums, self._behind = rows, sums, behind
        self.layers: list[torch.Tensor] = []
        """For each attention that was run, in order: `[heads, rows, groups]`, float32 on the CPU,
        the share of each row's attention that a group gets."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Look at what a torch function is given, or gives."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func is scaled_dot_product_attention:
            self._keep(_FusedCall.of(*args, **kwargs))
        elif func in _SOFTMAXES and isinstance(result, torch.Tensor) and result.dim() == 4:
            self._keep(_EagerCall(result))
        return result

    def _keep(self, call: _FusedCall | _EagerCall) -> None:
        end = call.queries - self._behind
        blocks = [
            self._sums(call.weights(low, min(low + _ROWS_AT_ONCE, end))).cpu()
            for low in range(end - self._rows, end, _ROWS_AT_ONCE)
        ]
        self.layers.append(torch.cat(blocks, dim=1))


@dataclass(frozen=True)
class _FusedCall:
    """One call of torch's attention function."""

    query: torch.Tensor
    """`[heads, queries, head size]`."""
    key: torch.Tensor
    """`[heads, keys, head size]`."""
    mask: torch.Tensor | None
    """`[1 or heads, queries, keys]`, true where a key is seen, or what is added to the scores."""
    causal: bool
    scale: float

    @classmethod
    def of(
        cls,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> _FusedCall:
        """Take what the function takes, of a batch of one."""
        return cls(
            query[0],
            key[0],
            None if attn_mask is None else attn_mask.expand(1, *attn_mask.shape[1:])[0],
            is_causal,
            query.shape[-1] ** -0.5 if scale is None else scale,
        )

    @property
    def queries(self) -> int:
        return self.query.shape[1]

    def weights(self, low: int, high: int) -> torch.Tensor:
        """Return the weights of some queries: `[heads, high - low, keys]`, float32."""
        heads, keys = self.query.shape[0], self.key.shape[1]
        shared = self.query[:, low:high].unflatten(0, (self.key.shape[0], -1)).float()
        scores = (shared @ self.key.float().transpose(1, 2)[:, None] * self.scale).flatten(0, 1)
        if self.causal:
            places = torch.arange(keys, device=scores.device)
            scores = scores.masked_fill(places > places[low:high, None], -torch.inf)
        if self.mask is not None:
            mask = self.mask[:, low:high, :keys].expand(heads, -1, -1)
            scores = (
                scores.masked_fill(~mask, -torch.inf)
                if mask.dtype == torch.bool
                else scores + mask.float()
            )
        return torch.softmax(scores, -1)


@dataclass(frozen=True)
class _EagerCall:
    """The weights that eager attention computes of its own accord."""

    result: torch.Tensor
    """`[1, heads, queries, keys]`."""

    @property
    def queries(self) -> int:
        return self.result.shape[2]

    def weights(self, low: int, high: int) -> torch.Tensor:
        """Return the weights of some queries: `[heads, high - low, keys]`, float32."""
        return self.result[0, :, low:high].float()
