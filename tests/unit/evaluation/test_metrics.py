from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.metrics import (
    OutlierRule,
    average_precision,
    citation_quality,
    datamodeling_score,
    pearson,
    spearman,
    top_agreement,
)


def floats(*values: float) -> npt.NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def flags(*values: int) -> npt.NDArray[np.bool_]:
    return np.array(values, dtype=np.bool_)


# Few distinct values, so that ties are common.
_VALUES = st.one_of(st.integers(-3, 3).map(float), st.floats(-50, 50, width=32))
_SCORED = st.lists(st.tuples(_VALUES, st.booleans()), min_size=1, max_size=12)
_PAIRS = st.lists(st.tuples(_VALUES, _VALUES), min_size=1, max_size=12)

# The same examples every time, so that a failure is a change.
reproducible = settings(deadline=None, derandomize=True, max_examples=80)


# Outliers


def test_deviations() -> None:
    # Mean 1, population variance (9 * 1 + 81) / 10 = 9: the limit is 1 + 2 * 3 = 7.
    scores = floats(10, *[0] * 9)
    assert OutlierRule().outliers(scores).tolist() == [True] + [False] * 9
    # 10 is exactly mean + 3 deviations, and not above that.
    assert not OutlierRule("deviations", 3.0).outliers(scores).any()


def test_one_spike_among_five_never_stands_out_by_two_deviations() -> None:
    assert not OutlierRule().outliers(floats(1000, 0, 0, 0, 0)).any()
    assert OutlierRule().outliers(floats(1000, 0, 0, 0, 0, 0)).any()


def test_interquartile_fence() -> None:
    # Quartiles of 1 … 8 and 13, by linear interpolation, are 3 and 7: the fence is 7 + 1.5 * 4.
    rule = OutlierRule("interquartile", 1.5)
    assert not rule.outliers(floats(1, 2, 3, 4, 5, 6, 7, 8, 13)).any()
    assert rule.outliers(floats(1, 2, 3, 4, 5, 6, 7, 8, 13.5)).tolist() == [False] * 8 + [True]


@pytest.mark.parametrize("kind", ["deviations", "interquartile", "best"])
def test_nothing_below_the_least_score_stands_out(kind: str) -> None:
    scores = floats(0.9, *[0.0] * 9)
    assert OutlierRule(kind, min_score=0.5).outliers(scores).tolist() == [True] + [False] * 9
    assert not OutlierRule(kind, min_score=1.0).outliers(scores).any()


def test_best() -> None:
    rule = OutlierRule("best")
    assert rule.outliers(floats(-3, -1, -2)).tolist() == [False, True, False]
    assert rule.outliers(floats(2, 1, 2)).tolist() == [True, False, True]


@pytest.mark.parametrize("kind", ["deviations", "interquartile", "best"])
def test_no_sources_no_outliers(kind: str) -> None:
    assert OutlierRule(kind).outliers(floats()).shape == (0,)


def test_rules_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="kind must be"):
        OutlierRule("median")
    with pytest.raises(ConfigurationError, match="factor must be above 0, got 0"):
        OutlierRule(factor=0.0)


@reproducible
@given(_PAIRS)
def test_outliers_do_not_depend_on_shift(pairs: list[tuple[float, float]]) -> None:
    values = np.round(floats(*(value for value, _ in pairs)))
    for rule in (OutlierRule("interquartile", 1.5), OutlierRule("best")):
        assert rule.outliers(values).tolist() == rule.outliers(values + 8).tolist()


# Average precision


@pytest.mark.parametrize(
    ("scores", "relevant", "expected"),
    [
        ((4, 3, 2, 1), (1, 1, 0, 0), 1.0),
        ((4, 3, 2, 1), (1, 0, 1, 0), (1 / 1 + 2 / 3) / 2),
        ((1, 2, 3, 4), (1, 0, 0, 0), 1 / 4),
        ((2, 2, 1, 1), (1, 0, 0, 0), 1 / 2),  # tied for the first place
        ((0, 0, 0, 0), (1, 0, 0, 0), 1 / 4),  # says nothing
        ((3, 2, 2, 1), (1, 1, 0, 1), (1 + 2 / 3 + 3 / 4) / 3),
    ],
)
def test_average_precision(
    scores: tuple[int, ...], relevant: tuple[int, ...], expected: float
) -> None:
    assert average_precision(floats(*scores), flags(*relevant)) == pytest.approx(expected)


def test_average_precision_of_nothing() -> None:
    assert average_precision(floats(1, 2), flags(0, 0)) is None
    assert average_precision(floats(), flags()) is None


@reproducible
@given(_SCORED)
def test_average_precision_properties(scored: list[tuple[float, bool]]) -> None:
    scores, relevant = floats(*(s for s, _ in scored)), flags(*(r for _, r in scored))
    found = average_precision(scores, relevant)
    if not relevant.any():
        assert found is None
        return
    assert found is not None
    assert relevant.sum() / len(relevant) / len(relevant) <= found <= 1 + 1e-12
    order = np.random.default_rng(len(scored)).permutation(len(scored))
    assert average_precision(scores[order], relevant[order]) == pytest.approx(found)
    assert average_precision(2 * scores, relevant) == pytest.approx(found)
    assert average_precision(relevant.astype(np.float32), relevant) == 1.0
    assert average_precision_score(relevant, scores) == pytest.approx(found)


# Agreement


def test_top_agreement() -> None:
    assert top_agreement(floats(1, 5, 2), floats(0, 9, 3)) == 1.0
    assert top_agreement(floats(5, 1, 2), floats(0, 9, 3)) == 0.0
    assert top_agreement(floats(5, 5, 2), floats(0, 9, 3)) == 0.5
    assert top_agreement(floats(5, 5, 2), floats(9, 9, 3)) == 1.0
    assert top_agreement(floats(), floats()) is None


def test_pearson() -> None:
    assert pearson(floats(1, 2, 3), floats(2, 4, 6)) == pytest.approx(1)
    assert pearson(floats(1, 2, 3), floats(3, 2, 1)) == pytest.approx(-1)
    # Deviations (-1, 0, 1) and (-1, 1, 0): 1 / (sqrt 2 * sqrt 2).
    assert pearson(floats(1, 2, 3), floats(1, 3, 2)) == pytest.approx(0.5)


def test_spearman_shares_the_ranks_of_ties() -> None:
    assert spearman(floats(1, 2, 100), floats(1, 2, 3)) == pytest.approx(1)
    # Ranks (1, 2.5, 2.5) and (1, 2, 3).
    assert spearman(floats(0, 7, 7), floats(1, 2, 3)) == pytest.approx(math.sqrt(3) / 2)


@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_correlation_with_a_constant_is_not_defined(correlation: object) -> None:
    assert callable(correlation)
    assert correlation(floats(1, 1, 1), floats(1, 2, 3)) is None
    assert correlation(floats(1, 2, 3), floats(0, 0, 0)) is None
    assert correlation(floats(1), floats(1)) is None


@reproducible
@given(_PAIRS)
def test_correlations_equal_scipy(pairs: list[tuple[float, float]]) -> None:
    left = np.round(floats(*(x for x, _ in pairs)))
    right = np.round(floats(*(y for _, y in pairs)))
    if len(pairs) < 2 or np.ptp(left) == 0 or np.ptp(right) == 0:
        assert pearson(left, right) is None
        return
    assert pearson(left, right) == pytest.approx(stats.pearsonr(left, right).statistic, abs=1e-6)
    assert spearman(left, right) == pytest.approx(stats.spearmanr(left, right).statistic, abs=1e-6)


def test_datamodeling_score() -> None:
    kept = flags(1, 1, 0, 0, 1, 0, 0, 1).reshape(4, 2)  # both, none, the first, the second
    scores = floats(3, 1)  # predicts 4, 0, 3, 1
    assert datamodeling_score(scores, kept, floats(-1, -9, -2, -8)) == pytest.approx(1)
    assert datamodeling_score(scores, kept, floats(-9, -1, -8, -2)) == pytest.approx(-1)
    assert datamodeling_score(floats(0, 0), kept, floats(-1, -9, -2, -8)) is None


# Citations


def test_citations_against_gold() -> None:
    # The first fact is stated at a and b, the second at c; x is evidence for nothing.
    gold = [("a", "b"), ("c",)]
    for cited, precision, recall, f1 in [
        ("ac", 1.0, 1.0, 1.0),
        ("bc", 1.0, 1.0, 1.0),
        ("abc", 1.0, 1.0, 1.0),
        ("a", 1.0, 0.5, 2 / 3),
        ("ax", 0.5, 0.5, 0.5),
        ("x", 0.0, 0.0, 0.0),
    ]:
        found = citation_quality(list(cited), gold)
        assert found is not None
        assert (found.precision, found.recall, found.f1) == pytest.approx((precision, recall, f1))


def test_no_citation_and_no_gold() -> None:
    found = citation_quality([], [("a",)])
    assert found is not None
    assert (found.precision, found.recall, found.f1) == (None, 0.0, 0.0)
    assert citation_quality(["a"], []) is None


def test_citations_are_sets() -> None:
    for cited in permutations(["a", "c", "c", "x"]):
        found = citation_quality(cited, [("c", "a")])
        assert found is not None
        assert found.precision == pytest.approx(2 / 3)
        assert found.recall == 1.0
