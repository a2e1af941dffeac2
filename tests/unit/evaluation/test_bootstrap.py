from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.bootstrap import bootstrap_mean


def test_nothing_has_no_mean() -> None:
    assert bootstrap_mean([]) is None


def test_equal_values_have_an_interval_of_no_width() -> None:
    found = bootstrap_mean([2.0] * 7)
    assert found is not None
    assert (found.value, found.low, found.high, found.count) == (2.0, 2.0, 2.0, 7)


def test_the_seed_decides() -> None:
    values = np.random.default_rng(0).random(9).tolist()
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_interval_of_a_large_sample_is_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(size=2500)
    found = bootstrap_mean(values.tolist(), resamples=4000)
    assert found is not None
    half = 1.96 * values.std() / 50
    assert found.low == pytest.approx(values.mean() - half, abs=0.003)
    assert found.high == pytest.approx(values.mean() + half, abs=0.003)


def test_coverage() -> None:
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        found = bootstrap_mean(generator.random(40).tolist(), resamples=400, level=0.9)
        assert found is not None
        hits += found.low <= 0.5 <= found.high
    assert 165 <= hits <= 195  # 180 expected


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20))
def test_the_interval_lies_among_the_values(values: list[float]) -> None:
    found = bootstrap_mean(values, resamples=100)
    assert found is not None
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


@pytest.mark.parametrize(("resamples", "level"), [(0, 0.9), (10, 0.0), (10, 1.0)])
def test_bad_options(resamples: int, level: float) -> None:
    with pytest.raises(ConfigurationError, match="resamples must be at least 1"):
        bootstrap_mean([1.0], resamples=resamples, level=level)
