"""Cached activations are looked at and never written to; one context is held at a time."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache

from attribot_integrations.scoring.cache import PrefixCache, SharedContext


def cache_of(tokens: int) -> PrefixCache:
    cache = DynamicCache()
    for layer in (0, 1):
        keys = torch.arange(tokens, dtype=torch.float32).view(1, 1, tokens, 1) + 100 * layer
        cache.update(keys, -keys, layer)
    return PrefixCache.of(cache)


def values(cache: DynamicCache, layer: int) -> tuple[list[float], list[float]]:
    """The keys and values of a layer, of which each token has one."""
    kept: Any = cache.layers[layer]
    return kept.keys.flatten().tolist(), kept.values.flatten().tolist()


def test_a_view_holds_the_first_tokens_of_every_layer() -> None:
    view = cache_of(5).view(3)
    assert view.get_seq_length() == 3
    assert values(view, 1) == ([100.0, 101.0, 102.0], [-100.0, -101.0, -102.0])


def test_what_is_added_to_a_view_is_not_added_to_the_cache() -> None:
    prefix = cache_of(5)
    view = prefix.view(2)
    more = torch.full((1, 1, 4, 1), 9.0)
    view.update(more, more, 0)
    assert len(values(view, 0)[0]) == 6
    assert values(prefix.view(5), 0)[0] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_layers_that_share_anothers_stay_empty() -> None:
    keys = torch.zeros(1, 1, 2, 1)
    prefix = PrefixCache(((keys, keys), (None, None)))
    view = prefix.view(1)
    assert values(view, 0) == ([0.0], [0.0])
    assert view.get_seq_length(1) == 0


def test_a_context_is_run_when_it_is_another() -> None:
    shared, run = SharedContext(), list[str]()

    def running(name: str) -> PrefixCache:
        run.append(name)
        return cache_of(2)

    first = shared.take((1, 2), lambda: running("first"))
    assert shared.take((1, 2), lambda: running("again")) is first
    assert shared.take((1, 3), lambda: running("other")) is not first
    shared.take((1, 2), lambda: running("first once more"))
    assert run == ["first", "other", "first once more"]


def test_the_old_context_is_freed_before_the_new_one_takes_memory() -> None:
    shared, held = SharedContext(), list[bool]()
    shared.take((1,), lambda: cache_of(1))

    def run() -> PrefixCache:
        held.append(shared.let_go())
        return cache_of(1)

    shared.take((2,), run)
    assert held == [False]


def test_letting_go_tells_whether_there_was_anything() -> None:
    shared = SharedContext()
    assert not shared.let_go()
    shared.take((), lambda: cache_of(1))  # a context may have no token of its own
    assert shared.let_go()
    assert not shared.let_go()
