"""Sums over groups of tokens, and attention read from single calls."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention, softmax

from attribot_integrations.scoring.attention import AttentionReader, GroupSums

GROUPS = [[(0, 2)], [], [(2, 3), (4, 6)]]
SUMS = GroupSums.of(GROUPS, torch.device("cpu"))


def test_groups_of_ranges_are_added_up() -> None:
    values = torch.arange(12.0).reshape(2, 6)
    assert SUMS(values).tolist() == [[1.0, 0.0, 11.0], [13.0, 0.0, 29.0]]
    assert GroupSums.of([], torch.device("cpu"))(values).shape == (2, 0)


def draw(heads: int, tokens: int) -> torch.Tensor:
    return torch.randn(1, heads, tokens, 8, generator=torch.Generator().manual_seed(heads))


@pytest.mark.parametrize("kind", ["causal", "bool", "float", "none"])
@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("behind", [0, 2])
def test_rows_are_those_of_the_whole_matrix(kind: str, grouped: bool, behind: int) -> None:
    query, key = draw(4, 6), draw(2 if grouped else 4, 6)
    seen = torch.ones(6, 6, dtype=torch.bool).tril()
    seen[5, 1] = False
    masks = {"bool": seen[None, None], "float": torch.where(seen, 0.0, -1e30)[None, None]}
    reader = AttentionReader(3, SUMS, behind)
    with reader:
        scaled_dot_product_attention(
            query,
            key,
            key,
            attn_mask=masks.get(kind),
            is_causal=kind == "causal",
            scale=0.3,
            enable_gqa=grouped,
        )
    whole = query[0] @ key[0].repeat_interleave(2 if grouped else 1, 0).transpose(1, 2) * 0.3
    if kind != "none":
        shown = torch.ones(6, 6, dtype=torch.bool).tril() if kind == "causal" else seen
        whole = whole.masked_fill(~shown, -torch.inf)
    (layer,) = reader.layers
    expected = SUMS(whole.softmax(-1))[:, 3 - behind : 6 - behind]
    torch.testing.assert_close(layer, expected, atol=1e-6, rtol=0)


def test_eager_weights_are_taken_as_they_are_and_other_softmaxes_left_alone() -> None:
    scores = torch.randn(1, 2, 6, 6)
    reader = AttentionReader(2, SUMS)
    with reader:
        weights = softmax(scores, dim=-1)
        softmax(torch.randn(6, 4), dim=-1)  # a router's
    softmax(scores, dim=-1)
    (layer,) = reader.layers
    torch.testing.assert_close(layer, SUMS(weights[0, :, -2:]))


def test_many_rows_are_read_in_blocks() -> None:
    query = draw(2, 200)
    reader = AttentionReader(150, SUMS)
    with reader:
        scaled_dot_product_attention(query, query, query, is_causal=True)
    (layer,) = reader.layers
    assert layer.shape == (2, 150, 3)
    assert float(layer.sum(-1).max()) <= 1.0 + 1e-5
