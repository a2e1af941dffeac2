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

from attribot_integrations.scoring import attention_kernels, attention_parts
from attribot_integrations.scoring.apart import Held
from attribot_integrations.scoring.capabilities import AttentionRule, inspect_model
from attribot_integrations.scoring.packing import Branch, Pack, Rerun
from attribot_integrations.scoring.split_attention import PackMask
from attribot_integrations.scoring.verification import verify
from tests.parity.architectures import ARCHITECTURES

_HEADS, _SIZE = 2, 8
_CPU = torch.device("cpu")
RULES = (AttentionRule(window=1), AttentionRule(window=5), AttentionRule(chunk=4))


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


def drawn(pack: Pack, dtype: torch.dtype = torch.float32, kept: int = _HEADS) -> list[torch.Tensor]:
    """Queries, and keys and values of the pack's own tokens, then those of the prefix."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(_HEADS, pack.size)] * 3 + [(kept, pack.prefix)] * 2
    return [(3 * torch.randn(1, *shape, _SIZE, generator=generator)).to(dtype) for shape in shapes]


def under_the_mask(
    pack: Pack,
    tensors: list[torch.Tensor],
    rule: AttentionRule = AttentionRule(),  # noqa: B008, frozen
    scale: float | None = None,
) -> torch.Tensor:
    query, key, value, *shared = tensors
    key, value = (
        torch.cat([held.repeat_interleave(_HEADS // held.shape[1], dim=1), each], dim=2)
        for held, each in zip(shared, (key, value), strict=True)
    )
    mask = pack.masks({None: rule}, query.dtype, query.device)
    assert type(mask) is torch.Tensor
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)


def in_parts(
    pack: Pack,
    tensors: list[torch.Tensor],
    rule: AttentionRule = AttentionRule(),  # noqa: B008, frozen
    scale: float | None = None,
) -> torch.Tensor:
    query, key, value, *shared = tensors
    mask = mask_of(pack, rule, query.dtype, query.device)
    mask._held.keys, mask._held.values = shared
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)


def mask_of(
    pack: Pack,
    rule: AttentionRule = AttentionRule(),  # noqa: B008, frozen
    dtype: torch.dtype = torch.float32,
    device: torch.device = _CPU,
) -> PackMask:
    mask = pack.masks({None: rule}, dtype, device, held=Held())
    assert isinstance(mask, PackMask)
    return mask


@given(
    st.lists(branches(), min_size=1, max_size=5),
    st.sampled_from([None, 0.5]),
    st.sampled_from([None, *RULES]),
    st.sampled_from([1, _HEADS]),
)
def test_parts_equal_the_mask(
    chosen: list[Branch], scale: float | None, rule: AttentionRule | None, kept: int
) -> None:
    pack, rule = Pack(tuple(chosen)), rule or AttentionRule()
    tensors = drawn(pack, kept=kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention_parts, "_LEAST_KEYS", 3)
        found = in_parts(pack, tensors, rule, scale)
    expected = under_the_mask(pack, tensors, rule, scale)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


PACK = Pack(
    (
        Branch(-1, 9, (1, 2)),
        Branch(0, 7, (4, 5, 6)),
        Branch(1, 8, (7, 7, 8), ((2, 4),), (Rerun(4, 6, 2),)),
    )
)


def test_low_precision_is_kept() -> None:
    tensors = drawn(PACK, torch.bfloat16)
    found = in_parts(PACK, tensors)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, under_the_mask(PACK, tensors), atol=0.03, rtol=0.03)


def test_the_mask_itself_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = mask_of(PACK)
    monkeypatch.setattr(PackMask, "dense", lambda self: pytest.fail("the mask was made"))
    assert type(in_parts(PACK, drawn(PACK))) is torch.Tensor
    assert (mask.shape, mask.ndim, mask.dim(), mask.size(-1)) == ((1, 1, 8, 17), 4, 4, 17)
    assert (mask.dtype, mask.device, mask.is_floating_point()) == (torch.float32, _CPU, True)


def test_any_other_use_makes_the_mask() -> None:
    mask, expected = mask_of(PACK), PACK.masks({None: AttentionRule()}, torch.float32, _CPU)
    assert isinstance(expected, torch.Tensor)
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
        lambda q, k, v: (q, k[:, :1], v[:, :1], True),  # fewer heads of keys
        lambda q, k, v: (q, k, v[..., :4], False),  # smaller values than keys
        lambda q, k, v: (q.expand(2, -1, -1, -1), k, v, False),  # a batch
    ],
)
def test_attention_of_other_kinds_fails_and_is_not_wrong(unusual: Any) -> None:
    query, key, value, *shared = drawn(PACK)
    mask = mask_of(PACK)
    mask._held.keys, mask._held.values = shared
    query, key, value, grouped = unusual(query, key, value)
    with pytest.raises(RuntimeError, match="size"):
        scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=grouped)


def test_layers_that_see_the_same_share_what_is_made() -> None:
    reach = 11  # positions 0 to 10
    for window, same in ((reach, True), (reach - 1, False)):
        rules: dict[str | None, AttentionRule] = {
            "full_attention": AttentionRule(),
            "sliding_attention": AttentionRule(window=window),
        }
        masks = PACK.masks(rules, torch.float32, _CPU, held=Held())
        assert isinstance(masks, dict)
        assert (masks["full_attention"] is masks["sliding_attention"]) == same


@pytest.mark.parametrize("broken", ["wrong", "raising"])
def test_parts_that_go_wrong_are_given_up_at_loading(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = ARCHITECTURES["llama"].build()
    right = verify(model, inspect_model(model))
    assert (right.path, right.attention_in_parts) == ("packed", True)
    kernel = attention_kernels.KERNELS["cpu"]

    def failing(*arguments: Any) -> Any:
        if broken == "raising":
            raise RuntimeError("no such kernel")
        output, sums = kernel(*arguments)
        return output, sums + torch.arange(sums.shape[-1])

    monkeypatch.setitem(attention_kernels.KERNELS, "cpu", failing)
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
    tensors = [each.to(device) for each in drawn(long, dtype, kept=1)]
    found, expected = in_parts(long, tensors), under_the_mask(long, tensors)
    tolerance = 1e-4 if dtype is torch.float32 else 0.03
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)
