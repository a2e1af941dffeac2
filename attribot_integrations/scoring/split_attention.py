"""Attention of a pack in parts, without the pairs that its mask would only blank out.

The tokens of a pack see a shared prefix and their own branch. With one dense mask, attention
computes every pair of tokens all the same, more than half of them for nothing in a large pack. The
parts are: the prefix that all see, unmasked; the rest of the prefix, masked; and each branch's own
tokens, causally. Their softmaxes are put together by their log-sum-exps, as in blockwise attention
(arXiv 2205.14135, section 3.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pad_sequence

__all__ = ["AttentionParts", "PackMask"]

_Attended = tuple[torch.Tensor, torch.Tensor]
"""Output `[batch, heads, queries, head size]`, and log-sum-exp `[batch, heads, queries]`."""


@dataclass(frozen=True)
class AttentionParts:
    """Which tokens of a pack see what."""

    common: int
    """How many tokens of the prefix all see."""
    prefix: int
    """How many tokens the prefix has."""
    rest: torch.Tensor
    """Additive mask of the rest of the prefix, `[size, prefix - common]`."""
    places: tuple[torch.Tensor, ...]
    """Each branch's tokens among the pack's, in order, `[branches, longest]` for branches of about
    the same length; filled up by 0, to less than twice as many."""
    order: torch.Tensor
    """`[size]`: where each of the pack's tokens stands in `places`, flattened and joined."""

    @classmethod
    def of(cls, lengths: Sequence[int], common: int, rest: torch.Tensor) -> AttentionParts:
        """Describe a pack.

        Args:
            lengths: How many tokens each branch has.
            common: How many tokens of the prefix all of them see.
            rest: Additive mask of the other tokens of the prefix, `[size, others]`, on the device
                that attention is computed on.
        """
        alike: dict[int, list[torch.Tensor]] = {}
        for tokens in torch.arange(sum(lengths)).split(list(lengths)):
            alike.setdefault(len(tokens).bit_length(), []).append(tokens)
        tables = [pad_sequence(each, batch_first=True, padding_value=-1) for each in alike.values()]
        joined = torch.cat([table.flatten() for table in tables])
        return cls(
            common=common,
            prefix=common + rest.shape[1],
            rest=rest,
            places=tuple(table.clamp(min=0).to(rest.device) for table in tables),
            order=joined.argsort()[-sum(lengths) :].to(rest.device),
        )

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """Compute attention.

        Args:
            query: `[1, heads, size, head size]`.
            key: `[1, heads, prefix + size, head size]`.
            value: The same.
            scale: Factor of the scores; by default the head size's inverse root.

        Returns:
            `[1, heads, size, head size]`.
        """

        def part(start: int, end: int, mask: torch.Tensor | None) -> _Attended:
            keys, values = key[:, :, start:end], value[:, :, start:end]
            return _attend(query, keys, values, mask=mask, causal=False, scale=scale)

        found = [self._own(query, key[:, :, self.prefix :], value[:, :, self.prefix :], scale)]
        if self.common:
            found.append(part(0, self.common, None))
        if self.common < self.prefix:
            found.append(part(self.common, self.prefix, self.rest))
        if len(found) == 1:
            return found[0][0]
        shares = torch.stack([sums for _, sums in found]).softmax(dim=0).unsqueeze(-1)
        result = found[0][0] * shares[0]  # in float32, as log-sum-exps are
        for (output, _), share in zip(found[1:], shares[1:], strict=True):
            result += output * share
        return result.to(query.dtype)

    def _own(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> _Attended:
        """Attend to the tokens of each one's own branch, up to itself."""
        if self.places[0].shape == (1, len(self.order)):
            return _attend(query, key, value, mask=None, causal=True, scale=scale)
        outputs, sums = [], []
        for places in self.places:
            # Short branches are filled up at their ends, which causality hides from the others.
            rows = (each[0][:, places].transpose(0, 1) for each in (query, key, value))
            output, total = _attend(*rows, mask=None, causal=True, scale=scale)
            outputs.append(output.transpose(0, 1).flatten(1, 2))
            sums.append(total.transpose(0, 1).flatten(1))
        flat = torch.cat(outputs, dim=1)[:, self.order]
        return flat[None], torch.cat(sums, dim=1)[:, self.order][None]


class PackMask(torch.Tensor):
    """Stands for the additive mask of a pack, `[1, 1, size, prefix + size]`.

    A model that passes it on to `scaled_dot_product_attention`, as the sdpa implementation in
    transformers does, has its attention computed in parts. Any other use of it makes the mask.
    """

    _parts: AttentionParts
    _make: Callable[[], torch.Tensor]

    @staticmethod
    def of(parts: AttentionParts, make: Callable[[], torch.Tensor]) -> PackMask:
        """Stand for a mask.

        Args:
            parts: How to attend without it.
            make: Makes the mask itself.
        """
        size = len(parts.order)
        shell = parts.rest.new_empty(()).expand(1, 1, size, parts.prefix + size)
        mask = shell.as_subclass(PackMask)
        mask._parts, mask._make = parts, make
        return mask

    def dense(self) -> torch.Tensor:
        """Make the mask itself."""
        return self._make()

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do what a torch function does with the mask, or instead of it."""
        kwargs = kwargs or {}
        if func is scaled_dot_product_attention:
            attended = _in_parts(*args, **kwargs)
            if attended is not None:
                return attended
        elif func in _DESCRIPTIONS:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        return func(
            *(_plain(value) for value in args),
            **{name: _plain(value) for name, value in kwargs.items()},
        )


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, tuple):
        return tuple(_plain(each) for each in value)
    return value.dense() if isinstance(value, PackMask) else value


_DESCRIPTIONS = frozenset(
    [
        torch.Tensor.dim,
        torch.Tensor.size,
        torch.Tensor.is_floating_point,
        *(
            getattr(torch.Tensor, name).__get__
            for name in ("shape", "ndim", "dtype", "device", "requires_grad")
        ),
    ]
)
"""What tells something about the mask and not what it holds."""


def _in_parts(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor | None:
    """Compute attention in parts, if it is of the kind that this can be done for."""
    if not isinstance(attn_mask, PackMask) or dropout_p or is_causal or enable_gqa:
        return None
    if query.shape[-1] != value.shape[-1] or query.shape[1] != key.shape[1] or len(query) != 1:
        return None
    if query.device.type not in _KERNELS:
        return None
    return attn_mask._parts.attend(query, key, value, scale)


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    mask: torch.Tensor | None,
    causal: bool,
    scale: float | None,
) -> _Attended:
    return _KERNELS[query.device.type](query, key, value, mask, causal, scale)


def _attend_on_cpu(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    causal: bool,
    scale: float | None,
) -> _Attended:
    output, sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, 0.0, causal, attn_mask=mask, scale=scale
    )
    return output, sums


def _attend_on_cuda(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    causal: bool,
    scale: float | None,
) -> _Attended:
    if mask is None and query.dtype in (torch.bfloat16, torch.float16):
        output, sums, *_ = torch.ops.aten._scaled_dot_product_flash_attention(
            query, key, value, 0.0, causal, False, scale=scale
        )
        return output, sums
    bias = None if mask is None else mask.expand(*query.shape[:2], *mask.shape)
    output, sums, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(
        query, key, value, bias, True, 0.0, causal, scale=scale
    )
    return output, sums[..., : query.shape[2]]  # filled up to a multiple of 32


_KERNELS = {"cpu": _attend_on_cpu, "cuda": _attend_on_cuda}
"""Attention that also tells its log-sum-exp, by type of device."""
