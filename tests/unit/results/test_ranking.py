from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.results.ranking import TIE, ranked


def test_the_highest_come_first_and_the_tied_in_order() -> None:
    scores = np.array([0.0, 2.0, 1e-5, 3.0, 2.0 + 1e-5, -1e-5], dtype=np.float32)
    assert ranked(scores) == [3, 1, 4, 0, 2, 5]
    assert ranked(np.array([], dtype=np.float32)) == []


@given(levels=st.lists(st.integers(-20, 20), min_size=1, max_size=60), seed=st.integers(0, 1 << 20))
def test_rounding_changes_no_order(levels: list[int], seed: int) -> None:
    """Scores on levels that lie further apart than what counts as a tie."""
    scores = (np.array(levels) * 3 * TIE).astype(np.float32)
    noise = np.random.default_rng(seed).uniform(-1e-5, 1e-5, len(levels)).astype(np.float32)
    assert ranked(scores + noise) == ranked(scores)
    assert ranked(scores) == sorted(range(len(levels)), key=lambda row: (-levels[row], row))
