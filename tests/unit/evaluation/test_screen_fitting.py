"""Fitting the weights of attention heads."""

from __future__ import annotations

import numpy as np
import pytest

from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.evaluation.screen_fitting import (
    ScreenFit,
    agreement,
    fit_screen,
    fit_weights,
)
from attribot_integrations.evaluation.screen_rows import ScreenRow
from tests.unit.methods.reading import SIGNATURE

TRUE = np.array([0.0, 3.0, 0.0, 1.0], np.float32)


def rows(count: int = 24, noise: float = 0.0, seed: int = 0) -> list[ScreenRow]:
    """Answers whose scores are weighted sums of attention."""
    draw = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        attention = draw.gamma(0.2, 1.0, (4, 9, 2)).astype(np.float32)
        scores = np.einsum("h,hst->st", TRUE, attention) - 0.01
        scores += noise * draw.normal(size=scores.shape)
        made.append(ScreenRow(attention, scores.astype(np.float32)))
    return made


def test_the_weights_are_found_again() -> None:
    np.testing.assert_allclose(fit_weights(rows(), 400), TRUE, atol=0.05)


def test_more_steps_leave_weight_on_fewer_heads() -> None:
    shares = [
        (weights := fit_weights(rows(noise=0.5), steps))[[0, 2]].sum() / weights.sum()
        for steps in (1, 10, 100)
    ]
    assert shares == sorted(shares, reverse=True)


def test_statements_without_a_score_say_nothing() -> None:
    silent = [ScreenRow(row.attention, -np.abs(row.scores)) for row in rows(9, seed=1)]
    found = fit_weights([*rows(), *silent], 50)
    np.testing.assert_allclose(found, fit_weights(rows(), 50), rtol=1e-5)


def test_a_screen_has_the_figures_of_answers_that_were_held_back() -> None:
    screen = fit_screen(rows(), SIGNATURE, model="tiny", revision="abc", data=["one", "two"])
    assert (screen.model, screen.revision) == ("tiny", "abc")
    assert screen.figures["answers"] == 24
    assert screen.figures["statements"] == 48
    assert screen.figures["data"] == ["one", "two"]
    assert screen.figures["steps"] in ScreenFit().steps
    assert screen.figures["held_back_top"] > 0.95
    other = rows(seed=2)
    shuffled = [
        ScreenRow(row.attention, one.scores) for row, one in zip(rows(), other, strict=True)
    ]
    chance = fit_screen(shuffled, SIGNATURE, model="tiny")
    assert chance.figures["held_back_top"] < 0.6


def test_agreement_is_by_answers_and_by_statements() -> None:
    scores = np.array([[9.0, 0.0], [0.0, 2.0], [0.1, 0.2]], np.float32)
    row = ScreenRow(np.zeros((1, 3, 2), np.float32), scores)
    right = agreement([row], [scores])
    assert (right["top"], right["top1"], right["top_n"]) == (1.0, 1.0, 2)
    assert right["pearson"] == pytest.approx(1.0)
    assert right["map"] is None  # of three sources, none is two deviations out
    assert right["map_n"] == 0
    assert agreement([row], [-scores])["top"] == pytest.approx(1 / 3)
    low = ScreenRow(row.attention, (scores / 100).astype(np.float32))
    assert agreement([low], [scores])["top"] is None  # nothing worth finding


def test_too_few_answers() -> None:
    with pytest.raises(InputError, match=r"at least 4 answers that depend .* got 3 among 3"):
        fit_screen(rows(3), SIGNATURE, model="tiny")
    for options in ({"steps": ()}, {"steps": (0,)}, {"folds": 1}, {"least": 0.0}):
        with pytest.raises(ConfigurationError, match="steps must be at least 1"):
            ScreenFit(**options)
