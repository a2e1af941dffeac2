"""The one rule for what is kept; `test_chunk_scores` has it over scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.filtering.keeping import DEFAULT_THRESHOLD, KeepRule

RELEVANCE = np.array([0.2, 0.8, 0.5, 0.8], dtype=np.float32)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (KeepRule(), (1, 2, 3)),
        (KeepRule(threshold=0.0), (0, 1, 2, 3)),
        (KeepRule(threshold=0.51), (1, 3)),
        (KeepRule(top_n=1), (1,)),
        (KeepRule(top_n=4), (0, 1, 2, 3)),
        (KeepRule(0.6, top_n=4), (1, 3)),
        (KeepRule(1.0), ()),
        (KeepRule(1.0, min_chunks=1), (1,)),
        (KeepRule(top_n=1, min_chunks=3), (1, 2, 3)),
    ],
)
def test_what_is_kept(rule: KeepRule, expected: tuple[int, ...]) -> None:
    assert rule.kept(RELEVANCE) == expected
    assert rule.kept(RELEVANCE[:0]) == ()


def test_sentences_have_a_threshold_even_where_chunks_have_none() -> None:
    assert KeepRule(top_n=2).sentence_threshold == DEFAULT_THRESHOLD
    assert KeepRule(0.0).sentence_threshold == 0.0


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"threshold": 1.1}, r"threshold must be from 0 to 1, got 1\.1"),
        ({"threshold": float("nan")}, "threshold must be from 0 to 1, got nan"),
        ({"top_n": 0}, "top_n must be at least 1, got 0"),
        ({"min_chunks": -1}, "min_chunks must not be negative, got -1"),
        ({"min_chunks": -1, "noun": "node"}, "min_nodes must not be negative, got -1"),
    ],
)
def test_limits_without_sense(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        KeepRule(**limits)
