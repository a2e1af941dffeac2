"""Cached keys and values that a pack attends to where they are.

A cache of transformers puts what is new behind what it holds, in a copy of both for each layer and
pass, and grouped-query models then repeat all of it for each head of queries. Behind a long prefix
that is most of what a pack reads and writes. Here a layer hands on what is new alone, and leaves
what it holds where attention in parts, which is computed next, finds it.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

__all__ = ["Held", "joined", "set_apart"]


class Held:
    """What the layer holds that was handed its new keys last: those of the attention under way."""

    def __init__(self) -> None:
        self.keys: torch.Tensor | None = None
        """`[1, heads, tokens, head size]`."""
        self.values: torch.Tensor | None = None
        """The same."""


class _ApartLayer(DynamicLayer):
    """One layer's share of a cache that is used in one pass.

    Args:
        keys: What it holds, `[1, heads, tokens, head size]`.
        values: The same.
        held: Where attention finds them.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, held: Held) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.keys, self.values, self._held = keys, values, held
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self._new: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take what is new, and hand on that alone."""
        self._held.keys, self._held.values = self.keys, self.values
        self._new = key_states, value_states
        return self._new

    def get_seq_length(self) -> int:
        """Return how many tokens there are, old and new."""
        assert self.keys is not None
        return int(self.keys.shape[-2]) + (0 if self._new is None else self._new[0].shape[-2])

    def join(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return old and new together."""
        assert self.keys is not None
        assert self.values is not None
        if self._new is None:
            return self.keys, self.values
        keys, values = self._new
        return torch.cat([self.keys, keys], dim=-2), torch.cat([self.values, values], dim=-2)


def set_apart(cache: DynamicCache, held: Held) -> DynamicCache | None:
    """Return a cache for one pass that leaves what it holds where it is.

    Args:
        cache: Holds the prefix; not changed.
        held: Where attention finds it.

    Returns:
        `None` where some layers hold nothing of their own, but use others' keys.
    """
    apart = DynamicCache()
    for layer in cache.layers:
        keys, values = getattr(layer, "keys", None), getattr(layer, "values", None)
        if keys is None or values is None:
            return None
        apart.layers.append(_ApartLayer(keys, values, held))
    return apart if apart.layers else None


def joined(cache: DynamicCache) -> DynamicCache:
    """Return what a pass has left in such a cache, old and new, as any other cache holds it."""
    layers = (layer for layer in cache.layers if isinstance(layer, _ApartLayer))
    return DynamicCache([layer.join() for layer in layers])
