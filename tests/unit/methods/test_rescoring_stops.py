"""Where rescoring may stop: by how far the screen's scores are too low, and by the budget."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from attribot_integrations.context.sources import SourceSet, Span, as_chunks
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods import MethodInput, MethodScores, ScreenAndRescore
from attribot_integrations.results import Estimand, ModelCost, Statement
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.protocols import AblationScores

COUNT = 60


@dataclass
class Target:
    """A one-token answer that each source makes likelier or less likely by so many nats."""

    losses: list[float]
    budget: Budget
    asked: list[int] = field(default_factory=list)
    token_spans: tuple[Span, ...] = ((0, 4),)
    can_knock_out: bool = False

    @property
    def cost(self) -> ModelCost:
        return ModelCost("target", 0, len(self.asked), len(self.asked), len(self.asked))

    def score(self, ablations: Sequence[frozenset[int]]) -> AblationScores:
        rows = np.zeros((len(ablations), 1), np.float32)
        scored = np.zeros(len(ablations), np.bool_)
        for place, removed in enumerate(ablations):
            if not self.budget.allows(1):
                break
            self.budget.spend(1)
            self.asked += removed if len(removed) == 1 else ()
            rows[place] = -sum(self.losses[id_] for id_ in removed)
            scored[place] = True
        return AblationScores(rows, np.zeros_like(rows), scored)

    def knock_out(self, ablations: Sequence[frozenset[int]], rerun: int = 0) -> AblationScores:
        raise NotImplementedError

    def within(self, removed: frozenset[int]) -> Target:
        raise NotImplementedError

    def tokens_for(self, removed: frozenset[int], rerun: int | None = None) -> int:
        return 1 if rerun is None else 0


@dataclass(frozen=True)
class Screen:
    """Says what it was told."""

    scores: list[float]
    name: str = "screen"
    needs_proxy: bool = False

    def run(self, inputs: MethodInput) -> MethodScores:
        zero = np.zeros(1, np.float32)
        scores = np.array(self.scores, np.float32)[:, None]
        estimand: Estimand = "target_knockout"
        return MethodScores(scores, (estimand,) * COUNT, zero, zero)


def rescored(
    screened: list[float],
    losses: list[float],
    max_tokens: int | None = None,
    at_least: int = 3,
) -> tuple[list[int], MethodScores]:
    budget = Budget(max_tokens=max_tokens)
    target = Target(losses, budget)
    context = SourceSet.build(as_chunks([f"Source {number}." for number in range(COUNT)]))
    inputs = MethodInput(
        target=target,
        proxy=None,
        sources=context.sentences,
        context=context,
        statements=(Statement(0, 0, 4, "Red.", (0, 1)),),
        token_spans=target.token_spans,
        budget=budget,
    )
    method = ScreenAndRescore(Screen(screened), min_score=1, min_share=0, at_least=at_least)
    return target.asked, method.run(inputs)


def padded(*first: float, rest: Sequence[float] = (0.0,)) -> list[float]:
    others = [rest[number % len(rest)] for number in range(COUNT - len(first))]
    return [*first, *others]


def test_a_screen_that_takes_harmful_sources_for_idle_ones_is_not_followed_down() -> None:
    asked, result = rescored(padded(5.0), padded(5.0, rest=(-8.0, 0.0, -4.0)))
    assert asked == [0, 1, 2, 3]
    assert result.exact.sum() == 4


def test_a_screen_whose_scores_are_too_low_is_followed_further() -> None:
    # 0.9 nats too low for one of the first three: more may be, until enough others are not.
    asked, _ = rescored(padded(5.0), padded(5.0, 0.9, -8.0, 0.0))
    assert 7 <= len(asked) < 32


def test_what_the_screen_puts_a_little_too_low_is_rescored_whatever_its_errors_show() -> None:
    # Right to the second digit on the third, which by itself would be trusted.
    asked, result = rescored(padded(5.0, 0.81, 0.7), padded(5.0, 1.1, 0.7), at_least=1)
    assert asked == [0, 1, 2]
    assert result.scores[:3, 0].tolist() == pytest.approx([5.0, 1.1, 0.7])
    with pytest.raises(ConfigurationError, match="doubt must be at least 0 and below 1, got 1"):
        ScreenAndRescore(Screen([]), doubt=1)


def test_a_screen_that_tells_nothing_is_not_followed_through_all_sources(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "attribot_integrations"):
        asked, result = rescored(padded(5.0), padded(5.0, rest=(0.9, 0.0)))
    assert len(asked) == 33
    assert result.exact.sum() == 33
    assert "33 of 60 sources were rescored, and others may matter, too" in caplog.text
    with pytest.raises(ConfigurationError, match="at_most must be at least at_least = 3, got 2"):
        ScreenAndRescore(Screen([]), at_most=2)


def test_the_best_are_rescored_first_in_parts() -> None:
    screened = [float(number) for number in range(COUNT, 0, -1)]
    asked, result = rescored(screened[::-1], screened[::-1], max_tokens=25)
    assert asked == list(range(COUNT - 1, COUNT - 25, -1))
    assert [row for row, exact in enumerate(result.exact) if exact] == sorted(asked)
    assert result.scores[:, 0].tolist() == screened[::-1]
    assert set(result.estimands) == {"target_loo", "target_knockout"}
