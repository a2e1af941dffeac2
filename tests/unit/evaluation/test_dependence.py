from __future__ import annotations

import numpy as np
import pytest

from attribot_integrations.evaluation.dependence import dependence
from tests.unit.evaluation.tiny import tiny_case, tiny_engine


def test_by_ablations_of_one_s_own() -> None:
    case = tiny_case(tiny_engine())
    kept = np.array([[True, False, True], [False, True, False], [True, True, False]])
    scores = {"first": np.array([3, 2, 1], np.float32), "last": np.array([1, 2, 3], np.float32)}
    found = dependence(case.scorer, case.sources, scores, kept, (1, 2))

    def likelihood(*removed: int) -> float:
        ids = frozenset(id_ for row in removed for id_ in case.sources[row].sentence_ids)
        return float(case.scorer.score([ids]).log_probs.sum())

    full, none = likelihood(), likelihood(0, 1, 2)
    first, last = found["first"], found["last"]
    assert first["drop_1"] == pytest.approx(full - likelihood(0), abs=1e-4)
    assert last["drop_1"] == pytest.approx(full - likelihood(2), abs=1e-4)
    assert first["drop_2"] == pytest.approx(full - likelihood(0, 1), abs=1e-4)
    if full - none >= 1:
        kept_share = (likelihood(1, 2) - none) / (full - none)
        assert first["keep_1"] == pytest.approx(kept_share, abs=1e-3)
    else:
        assert first["keep_1"] is None
    outcomes = [likelihood(1), likelihood(0, 2), likelihood(2)]
    predicted = [4, 2, 5]
    ranks = np.corrcoef(np.argsort(np.argsort(predicted)), np.argsort(np.argsort(outcomes)))
    assert first["lds"] == pytest.approx(ranks[0, 1])
