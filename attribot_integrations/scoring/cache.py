"""Cached activations of a prompt, of which every branch sees a prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import DynamicCache

__all__ = ["PrefixCache"]


@dataclass(frozen=True)
class PrefixCache:
    """Keys and values of every layer, never written to."""

    layers: tuple[tuple[torch.Tensor | None, torch.Tensor | None], ...]
    """Keys and values `[1, heads, tokens, head size]`; `None` for layers that share another's."""

    @classmethod
    def of(cls, cache: DynamicCache) -> PrefixCache:
        """Keep what a forward pass left in a cache."""
        return cls(
            tuple(
                (getattr(layer, "keys", None), getattr(layer, "values", None))
                for layer in cache.layers
            )
        )

    def view(self, length: int) -> DynamicCache:
        """Return a fresh cache that holds the first `length` tokens."""
        from transformers import DynamicCache

        return DynamicCache(
            [
                (None, None)
                if keys is None or values is None
                else (keys[:, :, :length], values[:, :, :length])
                for keys, values in self.layers
            ]
        )
