"""Attention that also tells its log-sum-exp, by type of device."""

from __future__ import annotations

from typing import Final, Protocol

import torch

__all__ = ["KERNELS", "Attended", "attend"]

Attended = tuple[torch.Tensor, torch.Tensor]
"""Output `[batch, heads, queries, head size]`, and log-sum-exp `[batch, heads, queries]`."""


class _Kernel(Protocol):
    def __call__(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        causal: bool,
        scale: float | None,
        /,
    ) -> Attended: ...


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    mask: torch.Tensor | None,
    causal: bool,
    scale: float | None,
) -> Attended:
    """Compute attention.

    Args:
        query: `[batch, heads, queries, head size]`.
        key: `[batch, heads, keys, head size]`.
        value: The same.
        mask: Added to the scores, `[queries, keys]` or `[batch, 1, queries, keys]`.
        causal: Whether query i sees the keys 0 to i only.
        scale: Factor of the scores; by default the head size's inverse root.
    """
    return KERNELS[query.device.type](query, key, value, mask, causal, scale)


def _attend_on_cpu(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    causal: bool,
    scale: float | None,
    /,
) -> Attended:
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
    /,
) -> Attended:
    if mask is None and query.dtype in (torch.bfloat16, torch.float16):
        output, sums, *_ = torch.ops.aten._scaled_dot_product_flash_attention(
            query, key, value, 0.0, causal, False, scale=scale
        )
        return output, sums
    bias = None if mask is None else mask.expand(*query.shape[:2], *mask.shape[-2:])
    output, sums, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(
        query, key, value, bias, True, 0.0, causal, scale=scale
    )
    return output, sums[..., : query.shape[2]]  # filled up to a multiple of 32


KERNELS: Final[dict[str, _Kernel]] = {"cpu": _attend_on_cpu, "cuda": _attend_on_cuda}
