"""Cached activations: a prompt's, of which every branch sees a prefix, and a shared context's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import DynamicCache

__all__ = ["PrefixCache", "SharedContext"]


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

        return DynamicCache(list(self.part(0, length).layers))

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return sum(each.nbytes for layer in self.layers for each in layer if each is not None)

    def part(self, start: int, end: int) -> PrefixCache:
        """Return the activations of some of the tokens, which share this one's memory."""
        return PrefixCache(
            tuple(
                (None, None)
                if keys is None or values is None
                else (keys[:, :, start:end], values[:, :, start:end])
                for keys, values in self.layers
            )
        )

    def followed_by(self, *others: PrefixCache) -> PrefixCache:
        """Return a copy that goes on with the tokens of others."""
        return PrefixCache(
            tuple(
                (None, None)
                if any(each is None for pair in pairs for each in pair)
                else (
                    torch.cat([keys for keys, _ in pairs if keys is not None], dim=2),
                    torch.cat([values for _, values in pairs if values is not None], dim=2),
                )
                for pairs in zip(self.layers, *(each.layers for each in others), strict=True)
            )
        )


class SharedContext:
    """One model's activations of the context that was run last, for the next prompts with it.

    It is for requests in turn, not for several threads.
    """

    def __init__(self) -> None:
        self._tokens: tuple[int, ...] = ()
        self._prefix: PrefixCache | None = None

    def take(self, tokens: tuple[int, ...], run: Callable[[], PrefixCache]) -> PrefixCache:
        """Return the activations of a prompt's first tokens, run if they are not those held."""
        if self._prefix is None or self._tokens != tokens:
            self.let_go()  # before the new one takes memory
            self._prefix, self._tokens = run(), tokens
        return self._prefix

    def let_go(self) -> bool:
        """Free what is held, and tell whether there was anything."""
        held = self._prefix is not None
        self._prefix, self._tokens = None, ()
        return held
