"""Kernels give attention, and the log-sum-exp of its scores."""

from __future__ import annotations

import pytest
import torch

from attribot_integrations.scoring.attention_kernels import attend


@pytest.mark.parametrize("kind", ["all", "causal", "one mask", "a mask for each"])
def test_output_and_sum_are_those_of_the_formula(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 7, 8, generator=generator) for _ in range(3))
    mask = {
        "one mask": torch.randn(7, 7, generator=generator),
        "a mask for each": torch.randn(2, 1, 7, 7, generator=generator),
    }.get(kind)
    output, sums = attend(query, key, value, mask=mask, causal=kind == "causal", scale=0.3)
    scores = 0.3 * query @ key.transpose(2, 3)
    if kind == "causal":
        scores = scores.masked_fill(torch.ones(7, 7).triu(1).bool(), -torch.inf)
    elif mask is not None:
        scores = scores + mask
    torch.testing.assert_close(output, scores.softmax(-1) @ value)
    torch.testing.assert_close(sums, scores.logsumexp(-1))
