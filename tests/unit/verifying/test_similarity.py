"""From vectors to scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.verifying.similarity import (
    CosineScale,
    asked_texts,
    check_batch,
    query_texts,
)


def test_scores_are_a_logistic_curve_of_cosines() -> None:
    scale = CosineScale(0.5, 4)
    queries: list[list[float]] = [
        [3, 0],
        [5, 0],
        [0, 2],
        [7, 0],
    ]  # two for each statement, of any length
    passages: list[list[float]] = [[2, 0], [0, 0.1], [-1, 0]]
    found = scale.scores(queries, passages, "m")
    cosines = [[1, math.sqrt(0.5)], [0, math.sqrt(0.5)], [-1, -math.sqrt(0.5)]]
    expected = [[1 / (1 + math.exp(-4 * (each - 0.5))) for each in row] for row in cosines]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_vector_of_zeros_is_like_nothing() -> None:
    (found,) = CosineScale(0.0, 4).scores([[1, 0], [0, 0]], [[0, 0]], "m").tolist()
    assert found == [0.5]


@pytest.mark.parametrize(
    ("statements", "passages", "message"),
    [
        (
            [[1, 0], [1, 0]],
            [[1, 0, 0]],
            "m gives vectors of 2 numbers for queries and of 3 for texts",
        ),
        ([1, 0], [[1, 0]], r"m must give vectors of finite numbers, got shape \(2,\)"),
        ([[1, 0]], [[float("nan"), 0]], "m must give vectors of finite numbers"),
        ([[1, 0]], [[1, 0], [1]], "m must give vectors of one size"),
        ([["a", "b"]], [[1, 0]], "m must give vectors of one size"),
    ],
)
def test_what_is_no_vector(statements: Any, passages: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        CosineScale(0.5, 4).scores(statements, passages, "m")


@pytest.mark.parametrize(
    ("middle", "slope", "message"),
    [
        (1.5, 4, "middle must be a cosine from -1 to 1, got 1.5"),
        (float("nan"), 4, "middle must be a cosine"),
        (0.5, 0, "slope must be above 0, got 0"),
        (0.5, float("inf"), "slope must be above 0, got inf"),
        ("0.5", 4, "middle must be a number, not str"),
        (0.5, True, "slope must be a number, not bool"),
    ],
)
def test_values_out_of_range(middle: Any, slope: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CosineScale(middle, slope)


def test_a_statement_is_read_behind_its_question() -> None:
    assert asked_texts("Where?", ["In **Paris** [1]."]) == ["Where? In Paris."]
    assert query_texts("Where?", ["Paris [1]", "Lyon"]) == [
        "Paris",
        "Where? Paris",
        "Lyon",
        "Where? Lyon",
    ]
    assert asked_texts("", ["Paris"]) == ["Paris"]


@pytest.mark.parametrize("batch", [0, -1, 1.5, True, "8"])
def test_a_batch_is_a_number_of_texts(batch: Any) -> None:
    with pytest.raises(ConfigurationError, match="batch must be a whole number from 1"):
        check_batch(batch)
