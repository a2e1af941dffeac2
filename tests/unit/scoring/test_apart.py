"""A cache that is set apart hands on what is new alone, and changes nothing that it holds."""

from __future__ import annotations

import torch
from transformers import DynamicCache

from attribot_integrations.scoring.apart import Held, joined, set_apart
from attribot_integrations.scoring.cache import PrefixCache


def filled(layers: int = 2) -> DynamicCache:
    cache = DynamicCache()
    for layer in range(layers):
        keys = torch.full((1, 1, 3, 1), float(layer))
        cache.update(keys, -keys, layer)
    return cache


def test_what_is_new_is_handed_on_and_the_rest_is_held() -> None:
    cache, held = filled(), Held()
    apart = set_apart(cache, held)
    assert apart is not None
    assert apart.get_seq_length(1) == 3
    new = torch.full((1, 1, 2, 1), 9.0)
    keys, values = apart.update(new, 2 * new, 1)
    assert keys is new
    assert values.flatten().tolist() == [18.0, 18.0]
    for found, expected in zip(
        (held.keys, held.values), PrefixCache.of(cache).layers[1], strict=True
    ):
        assert found is expected
    assert (apart.get_seq_length(0), apart.get_seq_length(1)) == (3, 5)
    assert cache.get_seq_length(1) == 3


def test_joined_it_is_what_any_cache_would_be() -> None:
    apart, usual = set_apart(filled(), Held()), filled()
    assert apart is not None
    new = torch.full((1, 1, 2, 1), 9.0)
    for cache in (apart, usual):
        cache.update(new, 2 * new, 1)
    torch.testing.assert_close(PrefixCache.of(joined(apart)).layers, PrefixCache.of(usual).layers)


def test_a_layer_that_uses_anothers_keys_is_in_the_way() -> None:
    keys = torch.zeros(1, 1, 2, 1)
    assert set_apart(DynamicCache([(keys, keys), (None, None)]), Held()) is None
    assert set_apart(DynamicCache(), Held()) is None
