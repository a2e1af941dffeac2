"""Stands in for a pack's mask, so that its attention is computed in parts, see there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from attribot_integrations.scoring.apart import Held
from attribot_integrations.scoring.attention_kernels import KERNELS
from attribot_integrations.scoring.attention_parts import AttentionParts

__all__ = ["PackMask"]


class PackMask(torch.Tensor):
    """Stands for the additive mask of a pack, `[1, 1, size, prefix + size]`.

    A model that passes it on to `scaled_dot_product_attention`, as the sdpa implementation in
    transformers does, has its attention computed in parts. Any other use of it makes the mask,
    which does not fit the keys of a cache that is set apart: models that need it are found out by
    the check at load, and get masks without parts.
    """

    _parts: AttentionParts
    _held: Held
    _make: Callable[[], torch.Tensor]

    @staticmethod
    def of(
        parts: AttentionParts, held: Held, dtype: torch.dtype, make: Callable[[], torch.Tensor]
    ) -> PackMask:
        """Stand for a mask.

        Args:
            parts: How to attend without it.
            held: Where attention finds the prefix's keys, see `set_apart`.
            dtype: The mask's.
            make: Makes the mask itself.
        """
        size = len(parts.order)
        nothing = torch.empty((), dtype=dtype, device=parts.order.device)
        mask = nothing.expand(1, 1, size, parts.prefix + size).as_subclass(PackMask)
        mask._parts, mask._held, mask._make = parts, held, make
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
    if query.shape != key.shape or query.shape != value.shape or len(query) != 1:
        return None
    keys, values = attn_mask._held.keys, attn_mask._held.values
    if keys is None or values is None or query.shape[1] % keys.shape[1]:
        return None
    if query.device.type not in KERNELS:
        return None
    return attn_mask._parts.attend(query, key, value, keys, values, scale)
