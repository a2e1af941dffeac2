"""Means with bootstrap confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attribot_integrations.errors import ConfigurationError

__all__ = ["Mean", "bootstrap_mean"]

_CELLS = 1 << 22
"""Most values drawn at once."""


@dataclass(frozen=True)
class Mean:
    """A mean over examples."""

    value: float
    low: float
    """Lower end of the confidence interval."""
    high: float
    """Upper end of the confidence interval."""
    count: int
    """Number of examples."""


def bootstrap_mean(
    values: Sequence[float], *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> Mean | None:
    """Return the mean of values with its percentile bootstrap interval.

    The interval goes from the (1 - level) / 2 to the (1 + level) / 2 quantile of the means of
    `resamples` samples drawn with replacement (Efron and Tibshirani, An Introduction to the
    Bootstrap, 13.3).

    Args:
        values: One value for each example.
        resamples: Number of samples.
        level: Coverage of the interval, between 0 and 1.
        seed: Seed of the samples; equal values with an equal seed give an equal interval.

    Returns:
        The mean, or `None` without values.

    Raises:
        ConfigurationError: If `resamples` or `level` is out of range.
    """
    if resamples < 1 or not 0 < level < 1:
        raise ConfigurationError(
            f"resamples must be at least 1 and level between 0 and 1, got {resamples} and {level}"
        )
    data = np.asarray(values, dtype=np.float64)
    if not data.size:
        return None
    generator = np.random.default_rng(seed)
    at_once = max(1, _CELLS // data.size)
    means = [
        data[generator.integers(data.size, size=(min(at_once, resamples - done), data.size))].mean(
            1
        )
        for done in range(0, resamples, at_once)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Mean(float(data.mean()), float(low), float(high), int(data.size))
