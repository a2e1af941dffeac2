"""Cached activations are looked at and never written to; contexts are held within their bytes."""

from __future__ import annotations

from collections.abc import Callable
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


Run = Callable[[PrefixCache | None], PrefixCache]


def runner(tokens: int, seen: list[int | None]) -> Run:
    """Returns activations of so many tokens, and notes how many of them were held."""

    def run(begun: PrefixCache | None) -> PrefixCache:
        seen.append(None if begun is None else begun.length)
        return cache_of(tokens)

    return run


def test_a_context_is_run_when_it_is_another() -> None:
    shared, seen = SharedContext(), list[int | None]()
    run = runner(2, seen)
    first = shared.take((1, 2), run)
    assert shared.take((1, 2), run) is first
    assert shared.take((3, 4), run) is not first
    shared.take((1, 2), run)
    assert seen == [None, None, None], "one context at a time"


def test_what_contexts_have_in_common_at_their_beginning_is_run_once() -> None:
    shared, seen = SharedContext(), list[int | None]()
    shared.take((1, 2, 3), runner(3, seen))
    shared.take((1, 2, 4, 5), runner(4, seen))
    assert shared.take((1, 2), runner(2, seen)).length == 2
    assert seen == [None, 2]


def test_the_old_context_is_freed_before_the_new_one_takes_memory() -> None:
    shared, held = SharedContext(), list[bool]()
    shared.take((1,), lambda _: cache_of(1))

    def run(begun: PrefixCache | None) -> PrefixCache:
        held.append(shared.let_go())
        return cache_of(1)

    shared.take((2,), run)
    assert held == [False]


def test_the_contexts_used_last_are_held_within_their_bytes() -> None:
    each = cache_of(2).size
    shared, seen = SharedContext(2 * each), list[int | None]()
    run = runner(2, seen)
    for tokens in ((1, 1), (2, 2), (1, 1), (3, 3)):
        shared.take(tokens, run)
    assert (seen, shared.size) == ([None] * 3, 2 * each)
    shared.take((1, 1), run)
    assert len(seen) == 3, "used after the other one"
    shared.take((2, 2), run)
    assert len(seen) == 4


def test_a_context_that_goes_on_takes_the_place_of_its_beginning() -> None:
    shared, seen = SharedContext(1 << 20), list[int | None]()
    shared.take((1, 2), runner(2, seen))
    shared.take((1, 2, 3), runner(3, seen))
    assert seen == [None, 2]
    assert shared.size == cache_of(3).size


def test_what_is_larger_than_all_room_is_not_held() -> None:
    shared = SharedContext(cache_of(3).size)
    shared.take((1,), lambda _: cache_of(1))
    assert shared.take((2, 2, 2, 2), lambda _: cache_of(4)).length == 4
    assert shared.size <= cache_of(1).size


def test_activations_of_a_changed_model_are_of_no_use() -> None:
    shared, seen = SharedContext(1 << 20), list[int | None]()
    shared.take((1, 2), runner(2, seen), "as loaded")
    shared.take((1, 2), runner(2, seen), "with an adapter")
    assert seen == [None, None]
    assert shared.size == cache_of(2).size


def test_what_was_run_before_a_change_is_not_held_after_it() -> None:
    shared = SharedContext(1 << 20)

    def run(begun: PrefixCache | None) -> PrefixCache:
        shared.take((9,), lambda _: cache_of(1), "changed meanwhile")
        return cache_of(2)

    shared.take((1, 2), run, "as loaded")
    assert shared.size == cache_of(1).size


def test_letting_go_tells_whether_there_was_anything() -> None:
    shared = SharedContext()
    assert not shared.let_go()
    shared.take((), lambda _: cache_of(1))  # a context may have no token of its own
    assert shared.let_go()
    assert not shared.let_go()
