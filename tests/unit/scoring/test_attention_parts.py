"""How a pack is cut into parts; that they add up to its attention is in test_split_attention."""

from __future__ import annotations

import torch

from attribot_integrations.scoring.attention_parts import AttentionParts, aligned
from attribot_integrations.scoring.capabilities import AttentionRule
from attribot_integrations.scoring.packed import PackedPath
from attribot_integrations.scoring.packing import Branch, Pack, Rerun
from tests.unit.scoring.small import ANSWER, PROMPT, llama

BLOCKED = torch.finfo(torch.float32).min


def parts_of(pack: Pack, rule: AttentionRule) -> AttentionParts:
    position = pack.positions()[0]
    return pack._parts(rule, position, BLOCKED, torch.float32)


def cuts(parts: AttentionParts) -> list[list[tuple[int, int, bool]]]:
    return [
        [(each.start, each.end, each.mask is not None) for each in group.blocks]
        for group in parts.groups
    ]


HIDING = Pack(
    tuple(
        Branch(number, 1000, (0,) * 20, ((low, low + 30),), (Rerun(low + 30, low + 38, 30),))
        for number, low in enumerate((400, 430, 460))
    )
)


def test_only_where_tokens_differ_there_is_a_mask() -> None:
    end, again = cuts(parts_of(HIDING, AttentionRule()))
    assert end == [(0, 400, False), (400, 498, True), (498, 1000, False)]
    assert again == [(0, 400, False), (400, 460, True)]  # and nothing behind what is hidden


def test_what_no_token_sees_is_left_out() -> None:
    end, again = cuts(parts_of(HIDING, AttentionRule(window=100)))
    # The first of them is at 1,000, the last at 1,011.
    assert end == [(901, 912, True), (912, 1000, False)]
    assert again == [(301, 460, True)]


def test_small_differences_are_joined_under_one_mask() -> None:
    branches = (Branch(0, 1000, (0,), ((400, 410), (430, 440))), Branch(1, 1000, (0,)))
    (only,) = cuts(parts_of(Pack(branches), AttentionRule()))
    assert only == [(0, 400, False), (400, 440, True), (440, 1000, False)]


def test_a_branch_that_a_window_cuts_has_a_mask_of_its_own() -> None:
    pack = Pack((Branch(0, 50, (0,) * 8), Branch(1, 20, (0,) * 3)))
    assert [table.mask is None for table in parts_of(pack, AttentionRule()).tables] == [True] * 2
    tables = parts_of(pack, AttentionRule(window=4)).tables
    assert [table.mask is None for table in tables] == [False, True]
    mask = tables[0].mask
    assert mask is not None
    assert (mask[0, 0, 7] == 0).tolist() == [False] * 4 + [True] * 4


def test_a_long_branch_does_not_fill_up_short_ones() -> None:
    lengths = [40] * 100 + [4000, 30]
    size = sum(lengths)
    parts = AttentionParts.of(
        lengths,
        torch.arange(size),
        AttentionRule(),
        torch.empty(size, 0),
        torch.zeros(size, dtype=torch.bool),
    )
    assert sum(table.places.numel() for table in parts.tables) < 2 * size


def test_rows_of_a_copied_mask_begin_where_kernels_want_them() -> None:
    mask = torch.randn(3, 5)
    copied = aligned(mask)
    torch.testing.assert_close(copied, mask)
    assert copied.stride() == (16, 1)


def test_a_pack_in_parts_gives_what_a_masked_one_gives() -> None:
    hidden = [[(start, start + 4)] for start in range(2, 20, 4)]
    found = []
    for least in (0, 1 << 20):
        path = PackedPath(*llama(), PROMPT, ANSWER, 4096)
        path.least_in_parts = least
        found.append(path.knock_out(25, hidden, rerun=2).log_probs)
    torch.testing.assert_close(*found, atol=1e-5, rtol=0)
