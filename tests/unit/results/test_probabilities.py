"""From a logit to a probability."""

from __future__ import annotations

import math

import numpy as np
import pytest

from attribot_integrations.results.probabilities import logistic


@pytest.mark.parametrize(
    ("logit", "expected"), [(0.0, 0.5), (math.log(3), 0.75), (-math.log(3), 0.25), (1e9, 1.0)]
)
def test_known_values(logit: float, expected: float) -> None:
    assert float(logistic(logit)) == pytest.approx(expected)


def test_shape_and_symmetry() -> None:
    logits = np.linspace(-9, 9, 12, dtype=np.float32).reshape(3, 4)
    found = logistic(logits)
    assert found.shape == (3, 4)
    np.testing.assert_allclose(found + logistic(-logits), 1.0)


def test_nothing_overflows() -> None:
    found = logistic(np.array([-np.inf, -1e30, 1e30, np.inf], dtype=np.float32))
    np.testing.assert_allclose(found, [0, 0, 1, 1], atol=1e-200)
