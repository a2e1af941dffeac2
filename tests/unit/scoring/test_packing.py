from __future__ import annotations

import pytest
import torch

from attribot_integrations.scoring.capabilities import AttentionRule
from attribot_integrations.scoring.packing import (
    Branch,
    Pack,
    PackLimits,
    branch_off,
    longest_first,
    take_pack,
)

PACK = Pack((Branch(-1, 5, (1, 2)), Branch(0, 3, (4, 5, 6)), Branch(1, 0, (7,))))
UNLIMITED = PackLimits(tokens=10**6, cells=10**9, branches=10**6)


def may_see(
    pack: Pack, query: tuple[int, int], key: tuple[int, int] | int, rule: AttentionRule
) -> bool:
    """Whether a token sees another, by definition; places are (branch, step) or prefix place."""
    branch = pack.branches[query[0]]
    position = branch.start + query[1]
    if isinstance(key, int):
        other, shared = key, key < branch.start
    else:
        other = pack.branches[key[0]].start + key[1]
        shared = key[0] == query[0] and other <= position
    near = rule.window is None or other > position - rule.window
    same = rule.chunk is None or other // rule.chunk == position // rule.chunk
    return shared and near and same


@pytest.mark.parametrize("rule", [AttentionRule(), AttentionRule(window=3), AttentionRule(chunk=4)])
def test_masks_follow_the_definition(rule: AttentionRule) -> None:
    mask = PACK.masks({None: rule}, torch.float32, torch.device("cpu"))
    assert isinstance(mask, torch.Tensor)
    assert mask.shape == (1, 1, 6, 5 + 6)
    places = [
        (b, step) for b, branch in enumerate(PACK.branches) for step in range(len(branch.tokens))
    ]
    for row, query in enumerate(places):
        for column, key in enumerate([*range(5), *places]):
            visible = float(mask[0, 0, row, column]) == 0
            assert visible == may_see(PACK, query, key, rule), (query, key)


def test_masks_are_additive_in_the_models_dtype() -> None:
    masks = PACK.masks(
        {"full_attention": AttentionRule(), "sliding_attention": AttentionRule(window=2)},
        torch.bfloat16,
        torch.device("cpu"),
    )
    assert isinstance(masks, dict)
    assert set(masks) == {"full_attention", "sliding_attention"}
    for mask in masks.values():
        assert mask.dtype == torch.bfloat16
        assert set(mask.unique().tolist()) == {0.0, torch.finfo(torch.bfloat16).min}


def test_positions_and_rows() -> None:
    assert PACK.tokens().tolist() == [[1, 2, 4, 5, 6, 7]]
    assert PACK.positions().tolist() == [[5, 6, 3, 4, 5, 0]]
    assert PACK.answer_rows(1).tolist() == [1, 4, 5]
    assert Pack(PACK.branches[:2]).answer_rows(2).tolist() == [0, 1, 3, 4]


def test_branch_off_keeps_the_last_prompt_token() -> None:
    base = (1, 2, 3, 4)
    assert branch_off(0, base, base, (9, 8)) == Branch(0, 3, (4, 9))
    assert branch_off(0, base, (1, 2, 4), (9, 8)) == Branch(0, 2, (4, 9))
    assert branch_off(0, base, (1, 2), (9,)) == Branch(0, 1, (2,))
    assert branch_off(0, base, (5,), (9,)) == Branch(0, 0, (5,))


def test_packs_respect_limits() -> None:
    reference = Branch(-1, 18, (118, 119))
    starts = (4, 18, 9)
    waiting = longest_first(Branch(i, start, (0,) * (20 - start)) for i, start in enumerate(starts))
    assert [branch.start for branch in waiting] == [18, 9, 4]
    assert take_pack(waiting, reference, UNLIMITED).branches == (reference, *waiting)
    assert take_pack(waiting, None, UNLIMITED).branches == tuple(waiting)
    assert len(take_pack(waiting, reference, PackLimits(15, 10**9, 9)).branches) == 3
    assert len(take_pack(waiting, reference, PackLimits(10**6, 15 * (18 + 15), 9)).branches) == 3
    assert len(take_pack(waiting, reference, PackLimits(10**6, 10**9, 2)).branches) == 2
    assert len(take_pack(waiting, reference, PackLimits(1, 1, 1)).branches) == 2
    assert len(take_pack(waiting, None, PackLimits(1, 1, 1)).branches) == 1
