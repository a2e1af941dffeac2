from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from attribot_integrations.scoring.capabilities import AttentionRule, inspect_model
from attribot_integrations.scoring.forward import ForwardPass
from attribot_integrations.scoring.probes import FarProbe, Probe, draw_ids, special_ids
from tests.parity.architectures import ARCHITECTURES


def forward_of(name: str, dtype: torch.dtype = torch.float32, **options: Any) -> ForwardPass:
    model: Any = ARCHITECTURES[name].build(**options)
    return ForwardPass(model.to(dtype), inspect_model(model))


def far(forward: ForwardPass, length: int) -> float:
    return FarProbe(forward, forward.capabilities.masks.values()).difference(length)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("off_by", [-40, -1, 1, 40])
@pytest.mark.parametrize("length", [208, 700, 3000])
def test_one_place_more_or_less_shows_far_away_and_in_any_precision(
    length: int, off_by: int, dtype: torch.dtype
) -> None:
    forward = forward_of("mistral", dtype, sliding_window=200, max_position_embeddings=4096)
    assert far(forward, length) < (1e-4 if dtype is torch.float32 else 0.1)
    masks: dict[str | None, AttentionRule] = {None: AttentionRule(200 + off_by)}
    forward.capabilities = replace(forward.capabilities, masks=masks)
    assert far(forward, length) > 0.3


def test_only_some_layers_have_a_window() -> None:
    forward = forward_of("gemma3", sliding_window=300)
    assert far(forward, 400) < 1e-4
    masks = {**forward.capabilities.masks, "sliding_attention": AttentionRule()}
    forward.capabilities = replace(forward.capabilities, masks=masks)
    assert far(forward, 400) > 0.3


def test_lengths_are_those_of_borders_that_the_context_holds() -> None:
    forward = forward_of("mistral", sliding_window=700, max_position_embeddings=1024)

    def lengths(*rules: AttentionRule) -> list[int]:
        return FarProbe(forward, rules).lengths()

    assert lengths(AttentionRule()) == [512]
    assert lengths(AttentionRule(window=700)) == [512, 708]
    assert lengths(AttentionRule(window=100), AttentionRule(window=2000)) == [512]
    assert lengths(AttentionRule(chunk=50)) == [48, 98, 512]
    assert lengths(AttentionRule(chunk=4)) == [6, 512]


def test_ordinary_ids_are_drawn_and_special_ones_put_in() -> None:
    model = ARCHITECTURES["llama"].build(vocab_size=11)
    assert special_ids(model) == [0, 1, 2]
    assert not {0, 1, 2} & set(draw_ids(model, 100))
    assert draw_ids(model, 100)[:50] == draw_ids(model, 50)
    probe = Probe.of(model, [0, 2])
    assert {0, 2} <= set(probe.prompt)
    assert all({0, 2} <= set(each) for each in probe.ablated)
