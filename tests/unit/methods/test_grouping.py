"""Group testing finds the sources that matter among many, with few removals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.context.sources import Level, SourceSet, as_chunks
from attribot_integrations.methods.base import MethodInput, Removal
from attribot_integrations.methods.grouping import remove_groups
from attribot_integrations.results import Statement

_TOKENS = 3
_LOSS = 2.0


def _inputs(chunks: int, levels: tuple[Level, ...]) -> MethodInput:
    context = SourceSet.build(as_chunks([f"Text {i}. More of {i}." for i in range(chunks)]))
    return MethodInput(
        target=cast("Any", None),
        proxy=None,
        sources=context.at(levels),
        context=context,
        statements=(Statement(0, 0, 1, "a", (0, _TOKENS)),),
        token_spans=(),
    )


class _Model:
    """An answer that loses a fixed amount by each sentence that matters."""

    def __init__(self, losses: dict[int, float]) -> None:
        self.losses = losses
        self.removed: list[frozenset[int]] = []

    def __call__(self, sets: Sequence[frozenset[int]]) -> Removal:
        self.removed += sets
        drops = np.zeros((len(sets), _TOKENS), dtype=np.float32)
        for row, removed in enumerate(sets):
            drops[row, 0] = sum(loss for id_, loss in self.losses.items() if id_ in removed)
        ones = np.ones(_TOKENS, dtype=np.float32)
        return Removal(drops, np.ones(len(drops), np.bool_), -ones, -2 * ones)


@given(
    chunks=st.integers(1, 120),
    groups=st.integers(1, 40),
    levels=st.sampled_from([("sentence",), ("chunk",), ("sentence", "chunk")]),
    data=st.data(),
)
def test_what_matters_is_found(
    chunks: int, groups: int, levels: tuple[Level, ...], data: st.DataObject
) -> None:
    inputs = _inputs(chunks, levels)
    ids = st.integers(0, 2 * chunks - 1)
    losses = dict.fromkeys(data.draw(st.lists(ids, max_size=3, unique=True)), _LOSS)
    model = _Model(losses)
    removal, alone = remove_groups(inputs, model, groups=groups, floor=_LOSS)
    for source, drop, one in zip(inputs.sources, removal.drops, alone, strict=True):
        lost = sum(losses.get(id_, 0.0) for id_ in source.sentence_ids)
        assert one or lost == 0.0
        np.testing.assert_array_equal(drop, [lost, 0, 0])
    assert (removal.log_probs == -1).all()
    assert (removal.log_probs_without_context == -2).all()
    # Each level begins with its groups, and each source that matters divides one group a round.
    rounds = math.ceil(math.log(max(1.0, 2 * chunks / groups), 4)) + 1
    assert len(model.removed) <= len(levels) * (groups + 4 * len(losses) * rounds)


@given(chunks=st.integers(1, 30))
def test_few_sources_are_removed_one_by_one(chunks: int) -> None:
    inputs = _inputs(chunks, ("sentence",))
    model = _Model({})
    _, alone = remove_groups(inputs, model, groups=2 * chunks, floor=1e9)
    assert alone.all()
    assert model.removed == [frozenset({source.id}) for source in inputs.sources]


def test_a_group_is_divided_from_the_floor_on() -> None:
    inputs = _inputs(10, ("sentence",))
    for floor, divided in ((0.5, True), (0.51, False)):
        removal, alone = remove_groups(inputs, _Model({7: 0.5}), groups=2, floor=floor)
        assert alone[7] == divided
        assert (removal.drops[7, 0] == 0.5) == divided
