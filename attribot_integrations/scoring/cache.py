"""Cached activations: a prompt's, of which every branch sees a prefix, and shared contexts'."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attribot_integrations.scoring.packing import common_prefix

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
        """Return a fresh cache that holds the first `length` tokens, in this one's memory."""
        from transformers import DynamicCache
        from transformers.cache_utils import DynamicLayer

        # From tensors a cache would make copies of them; it never writes to those that it holds.
        cache = DynamicCache(list(self.part(0, 0).layers))
        for layer, (keys, values) in zip(cache.layers, self.part(0, length).layers, strict=True):
            if keys is not None and isinstance(layer, DynamicLayer):
                layer.keys, layer.values = keys, values
        return cache

    @property
    def length(self) -> int:
        """How many tokens it holds."""
        return next((int(keys.shape[2]) for keys, _ in self.layers if keys is not None), 0)

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
    """One model's activations of contexts, for the next prompts that begin in the same way.

    Any thread may ask. What two contexts have in common at their beginning is run once.

    Args:
        most_bytes: How many bytes the contexts that were used last may take together. By default
            the last one alone is held, whatever it takes.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self.most_bytes = most_bytes
        self._held: OrderedDict[tuple[int, ...], PrefixCache] = OrderedDict()
        self._state: object = None
        self._lock = threading.Lock()

    def take(
        self,
        tokens: tuple[int, ...],
        run: Callable[[PrefixCache | None], PrefixCache],
        state: object = None,
    ) -> PrefixCache:
        """Return activations of which the first are those of a prompt's first tokens.

        Args:
            tokens: Those tokens.
            run: Runs them and returns their activations, given those of the first of them, if any
                are held.
            state: What the activations rest on beside the tokens; with another one, what is held
                is of no use any more.
        """
        with self._lock:
            begun = self._beginning(tokens, state)
            if begun is not None and begun.length == len(tokens):
                return begun
            self._make_room(tokens, begun)
        made = run(begun)
        with self._lock:
            self._keep(tokens, made, state)
        return made

    @property
    def size(self) -> int:
        """How many bytes are held."""
        return sum(each.size for each in self._held.values())

    def let_go(self) -> bool:
        """Free what is held, and tell whether there was anything."""
        with self._lock:
            held = bool(self._held)
            self._held.clear()
        return held

    def _beginning(self, tokens: tuple[int, ...], state: object) -> PrefixCache | None:
        """Return what is held of the longest beginning of some tokens."""
        if state != self._state:
            self._held.clear()
            self._state = state
        best = max(self._held, key=lambda each: common_prefix(each, tokens), default=None)
        length = 0 if best is None else common_prefix(best, tokens)
        if best is None or (length == 0 and tokens):
            return None
        self._held.move_to_end(best)
        found = self._held[best]
        return found if length == len(best) else found.part(0, length)

    def _make_room(self, tokens: tuple[int, ...], begun: PrefixCache | None) -> None:
        """Let go of contexts before a new one takes memory, as far as its size can be told."""
        if self.most_bytes is None:
            if begun is None:
                self._held.clear()
            return
        known = next(iter(self._held.items()), None)
        if known is not None and known[0]:
            self._shrink(self.most_bytes - known[1].size // len(known[0]) * len(tokens))

    def _keep(self, tokens: tuple[int, ...], made: PrefixCache, state: object) -> None:
        if state != self._state:  # the model was changed meanwhile
            return
        # What is a beginning of the new one is in that, too.
        for each in [each for each in self._held if common_prefix(each, tokens) == len(each)]:
            del self._held[each]
        if self.most_bytes is None:
            self._held.clear()
        elif made.size > self.most_bytes:
            return
        else:
            self._shrink(self.most_bytes - made.size)
        self._held[tokens] = made

    def _shrink(self, most: int) -> None:
        while self._held and self.size > most:
            self._held.popitem(last=False)
