"""Attention in parts equals attention with the mask, and is never used where it would not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from attribot_integrations.scoring import split_attention
from attribot_integrations.scoring.capabilities import AttentionRule, inspect_model
from attribot_integrations.scoring.packing import Branch, Pack, Rerun
from attribot_integrations.scoring.split_attention import AttentionParts, PackMask
from attribot_integrations.scoring.verification import verify
from tests.parity.architectures import ARCHITECTURES

_HEADS, _SIZE = 2, 8
_CPU = torch.device("cpu")


@st.composite
def branches(draw: st.DrawFn) -> Branch:
    start = draw(st.integers(0, 24))
    hidden: list[tuple[int, int]] = []
    again: list[Rerun] = []
    if start > 3 and draw(st.booleans()):
        low = draw(st.integers(0, start - 2))
        high = draw(st.integers(low + 1, start - 1))
        hidden.append((low, high))
        if draw(st.booleans()):
            again.append(Rerun(high, min(start, high + 2), high - low))
    shift = again[-1].shift if again and again[-1].high == start else 0
    length = draw(st.integers(1, 9)) + sum(each.high - each.low for each in again)
    return Branch(0, start, (0,) * length, tuple(hidden), tuple(again), shift)


def drawn(pack: Pack, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    keys = pack.prefix + pack.size
    return [
        (3 * torch.randn(1, _HEADS, count, _SIZE, generator=generator)).to(dtype)
        for count in (pack.size, keys, keys)
    ]


def mask_of(pack: Pack, *, in_parts: bool, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    mask = pack.masks({None: AttentionRule()}, dtype, _CPU, in_parts=in_parts)
    assert isinstance(mask, torch.Tensor)
    return mask


@given(st.lists(branches(), min_size=1, max_size=5), st.sampled_from([None, 0.5]))
def test_parts_equal_the_mask(chosen: list[Branch], scale: float | None) -> None:
    pack = Pack(tuple(chosen))
    query, key, value = drawn(pack)
    expected = scaled_dot_product_attention(
        query, key, value, attn_mask=mask_of(pack, in_parts=False), scale=scale
    )
    found = scaled_dot_product_attention(
        query, key, value, attn_mask=mask_of(pack, in_parts=True), scale=scale
    )
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


PACK = Pack(
    (
        Branch(-1, 9, (1, 2)),
        Branch(0, 7, (4, 5, 6)),
        Branch(1, 8, (7, 7, 8), ((2, 4),), (Rerun(4, 6, 2),)),
    )
)


def test_a_long_branch_does_not_fill_up_short_ones() -> None:
    lengths = [40] * 100 + [4000, 30]
    parts = AttentionParts.of(lengths, 0, torch.empty(sum(lengths), 0))
    assert sum(places.numel() for places in parts.places) < 2 * sum(lengths)


def test_low_precision_is_kept() -> None:
    query, key, value = drawn(PACK, torch.bfloat16)
    masks = [mask_of(PACK, in_parts=each, dtype=torch.bfloat16) for each in (True, False)]
    found, expected = (
        scaled_dot_product_attention(query, key, value, attn_mask=mask) for mask in masks
    )
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0.03)


def test_the_mask_itself_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    query, key, value = drawn(PACK)
    mask = mask_of(PACK, in_parts=True)
    monkeypatch.setattr(PackMask, "dense", lambda self: pytest.fail("the mask was made"))
    attended = scaled_dot_product_attention(query, key, value, attn_mask=mask)
    assert type(attended) is torch.Tensor
    assert (mask.shape, mask.ndim, mask.dim(), mask.size(-1)) == ((1, 1, 8, 17), 4, 4, 17)
    assert (mask.dtype, mask.device, mask.is_floating_point()) == (torch.float32, _CPU, True)


def test_any_other_use_makes_the_mask() -> None:
    mask, expected = (mask_of(PACK, in_parts=each) for each in (True, False))
    assert isinstance(mask, PackMask)
    for found, wanted in (
        (mask[:, :, :, :4], expected[:, :, :, :4]),
        (torch.ones(8, 17) + mask, 1 + expected),
        (mask.to(torch.float64), expected.to(torch.float64)),
        (torch.cat([mask, mask]), torch.cat([expected, expected])),
    ):
        assert type(found) is torch.Tensor
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(
    "unusual",
    [
        lambda q, k, v, m: (q, k[:, :1], v[:, :1], m, True),  # fewer heads of keys
        lambda q, k, v, m: (q, k, v[..., :4], m, False),  # smaller values than keys
        lambda q, k, v, m: (q.expand(2, -1, -1, -1), k, v, m, False),  # a batch
    ],
)
def test_attention_of_other_kinds_gets_the_mask(unusual: Any) -> None:
    results = []
    for in_parts in (True, False):
        query, key, value, mask, grouped = unusual(*drawn(PACK), mask_of(PACK, in_parts=in_parts))
        results.append(
            scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=grouped)
        )
    torch.testing.assert_close(*results)


def test_layers_with_a_window_get_a_mask_where_it_matters() -> None:
    reach = 11  # positions 0 to 10
    for window, kind in ((reach, PackMask), (reach - 1, torch.Tensor)):
        rules: dict[str | None, AttentionRule] = {
            "full_attention": AttentionRule(),
            "sliding_attention": AttentionRule(window=window),
        }
        masks = PACK.masks(rules, torch.float32, _CPU, in_parts=True)
        assert isinstance(masks, dict)
        assert type(masks["full_attention"]) is PackMask
        assert type(masks["sliding_attention"]) is kind


@pytest.mark.parametrize("broken", ["wrong", "raising"])
def test_parts_that_go_wrong_are_given_up_at_loading(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = ARCHITECTURES["llama"].build()
    right = verify(model, inspect_model(model))
    assert (right.path, right.attention_in_parts) == ("packed", True)
    kernel = split_attention._KERNELS["cpu"]

    def failing(*arguments: Any) -> Any:
        if broken == "raising":
            raise RuntimeError("no such kernel")
        output, sums = kernel(*arguments)
        return output, sums + torch.arange(sums.shape[-1])

    monkeypatch.setitem(split_attention._KERNELS, "cpu", failing)
    with caplog.at_level(logging.INFO):
        found = verify(model, inspect_model(model))
    assert (found.path, found.attention_in_parts) == ("packed", False)
    assert "attention in parts gives other numbers, so masks are used" in caplog.text


def test_only_sdpa_attends_in_parts() -> None:
    model = ARCHITECTURES["llama"].build()
    assert inspect_model(model).attention_in_parts
    model.set_attn_implementation("eager")
    assert not inspect_model(model).attention_in_parts
    model.set_attn_implementation("sdpa")
    compiled: Any = torch.compile(model, backend="eager")
    assert not inspect_model(compiled).attention_in_parts
    model.compile(backend="eager")
    assert not inspect_model(model).attention_in_parts


def _compile_layers(model: Any) -> None:
    for layer in model.model.layers:
        layer.compile(backend="eager")


def _compile_wrapped(model: Any) -> None:
    model.model = torch.compile(model.model, backend="eager")


def _compile_forward(model: Any) -> None:
    model.forward = torch.compile(model.forward, backend="eager")


@pytest.mark.parametrize(
    "compile_parts",
    [
        _compile_layers,
        pytest.param(_compile_wrapped, marks=pytest.mark.slow),
        pytest.param(_compile_forward, marks=pytest.mark.slow),
    ],
)
def test_a_model_compiled_in_part_gets_masks(compile_parts: Callable[[Any], None]) -> None:
    model = ARCHITECTURES["llama"].build()
    compile_parts(model)
    found = verify(model, inspect_model(model))
    assert (found.path, found.attention_in_parts) == ("packed", False)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_parts_equal_the_mask_on_a_gpu(dtype: torch.dtype) -> None:
    device = torch.device("cuda")
    long = Pack(tuple(replace(each, tokens=each.tokens * 50) for each in PACK.branches[:2]))
    query, key, value = (each.to(device) for each in drawn(long, dtype))
    found, expected = (
        scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=long.masks({None: AttentionRule()}, dtype, device, in_parts=each),  # type: ignore[arg-type]
        )
        for each in (True, False)
    )
    tolerance = 1e-4 if dtype is torch.float32 else 0.03
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)
