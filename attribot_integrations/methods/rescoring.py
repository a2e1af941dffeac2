"""A cheap screen of all sources, then leave-one-out on the target for those that matter."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import (
    Method,
    MethodInput,
    MethodScores,
    PricedMethod,
    remove_each,
    run_screen,
    score_each,
    work_of_each,
)
from attribot_integrations.results import Audit
from attribot_integrations.results.fitted import ENOUGH_SCORE, MIN_SCORE, MIN_SHARE
from attribot_integrations.results.policies import least_cited
from attribot_integrations.results.ranking import TIE, ranked
from attribot_integrations.results.statements import statement_scores

if TYPE_CHECKING:
    from attribot_integrations.results import Estimand, FloatArray

__all__ = ["ScreenAndRescore"]

_logger = logging.getLogger(__name__)

_AT_ONCE = 16
"""Most sources rescored at a time: the best first, whenever the budget ends."""


@dataclass(frozen=True)
class ScreenAndRescore:
    """Screens all sources with one method, and rescores the best on the target.

    A source matters if it would be cited for some statement, see `results.policies.least_cited`.
    Rescoring goes from the best screened source down. It takes every source that may matter by the
    screen, `doubt` allowed for, and `at_least` that do not, which show how far the screen falls
    short of small scores: by their mean error plus `caution` standard deviations, where only too
    low scores count as errors; a screen that takes harmful sources for idle ones loses none that
    matters. It goes on while the screen, erring that much, may have put a source too low that
    matters. Where the budget ends before, those that are left keep the screen's score.

    By the tokens predicted, it runs no more than exact leave-one-out of all sources would, where
    the screen is a `PricedMethod`. In short contexts, and with long answers of many statements,
    most sources would be rescored behind a screen that is dear: then all are scored exactly at
    once, if the budget has room for it. Otherwise rescoring ends where going on would run more.

    Sources that the screen puts within rounding of each other are rescored in their order in the
    context, so that the same ones are, whatever a request is run beside.

    In the full context the rescored scores equal exact leave-one-out on the target. The other
    sources keep the screen's score, marked as such.
    """

    screen: Method
    """Ranks all sources."""
    min_score: float = MIN_SCORE
    """Least score that should not be missed, in nats: that of a citation."""
    min_share: float = MIN_SHARE
    """Least share in a statement's positive scores, likewise."""
    enough_score: float = ENOUGH_SCORE
    """Score, in nats, that should not be missed whatever its share, likewise."""
    doubt: float = 0.2
    """Share by which the screen may fall short of a score that matters, whatever its errors show:
    the greater the least score that matters, the more a screen may be wrong."""
    at_least: int = 3
    """Sources that do not matter by the screen and are rescored in any case, to learn its error.
    Knockouts need 1: nine in ten fall short by less than `doubt`, on texts of any length."""
    at_most: int = 32
    """Sources that do not matter by the screen and are rescored at most. A screen that errs as much
    by then tells too little: going on would be exact leave-one-out of all, in small parts."""
    keep: int | None = None
    """Most sources rescored; without it, as many as needed."""
    caution: float = 2.0
    """Standard deviations of the screen's error that are allowed for."""
    step: int = 3
    """Sources rescored at a time, once those that are in any case are."""
    audit: int = 0
    """Random sources among those not rescored that are rescored too, to estimate how many that
    matter the screen lost."""

    def __post_init__(self) -> None:
        for name in ("at_least", "step"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.keep is not None and self.keep < self.at_least:
            raise ConfigurationError(
                f"keep must be at least at_least = {self.at_least}, got {self.keep}"
            )
        if self.at_most < self.at_least:
            raise ConfigurationError(
                f"at_most must be at least at_least = {self.at_least}, got {self.at_most}"
            )
        if not 0 <= self.doubt < 1:
            raise ConfigurationError(f"doubt must be at least 0 and below 1, got {self.doubt}")
        if self.audit < 0 or self.caution < 0:
            raise ConfigurationError(
                f"audit and caution must not be negative, got {self.audit} and {self.caution}"
            )

    @property
    def name(self) -> str:
        """Name shown in results."""
        return f"{self.screen.name}, then rescored"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return self.screen.needs_proxy

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source.

        Raises:
            ConfigurationError: If the screen's scores are exact already.
        """
        left = self._left_by_screen(inputs)
        if self._is_dear(inputs, left):
            with inputs.budget.only_whole():
                exact = score_each(inputs, "target")
            if not inputs.budget.declined:
                return exact
        state = _State(inputs, run_screen(self.screen, inputs), self._least)
        screened = state.margins(state.screened.scores, 1 - self.doubt)
        order = ranked(screened)
        above = int((screened >= -TIE).sum())
        affordable = self._affordable(inputs, order, left)
        limit = min(above + self.at_most, affordable, self.keep or len(order))
        sure = min(above + self.at_least, limit)
        done = 0
        while done < limit and inputs.budget.reached is None:
            if done >= sure and self._may_stop(state, order[done], order[above:done]):
                break
            end = min(done + _AT_ONCE, sure) if done < sure else min(done + self.step, limit)
            state.rescore(order[done:end])
            done = end
        if done == above + self.at_most < min(len(order), self.keep or len(order)):
            _logger.info(
                "the screen's errors are large: %d of %d sources were rescored, and others may "
                'matter, too; method="exact" scores all exactly',
                done,
                len(order),
            )
        return state.result(self._check(state, order[done:]))

    def scores_all(self, inputs: MethodInput) -> bool:
        """Tell whether all sources are scored exactly at once, for the screen would be too dear."""
        return self._is_dear(inputs, self._left_by_screen(inputs))

    def _left_by_screen(self, inputs: MethodInput) -> float:
        """Return what the screen leaves of the work of exact scores, in tokens times parameters.

        Infinite where that cannot be told.
        """
        if not isinstance(self.screen, PricedMethod):
            return math.inf
        screen, exact = self.screen.work(inputs), work_of_each(inputs, "target")
        return exact - screen if screen and exact else math.inf

    def _is_dear(self, inputs: MethodInput, left: float) -> bool:
        """Say whether all would better be scored exactly at once.

        One source for each statement, and `at_least` more, are expected to be rescored. Where the
        screen is to be audited, it is run in any case.
        """
        if self.audit or left == math.inf:
            return False
        count = len(inputs.sources)
        rescored = min(count, self.keep or count, self.at_least + len(inputs.statements))
        return left <= work_of_each(inputs, "target") * rescored / max(1, count)

    def _affordable(self, inputs: MethodInput, order: list[int], left: float) -> int:
        """Return how many sources, in this order, can be rescored by so much work."""
        if left == math.inf:
            return len(order)
        removals = [frozenset(inputs.sources[row].sentence_ids) for row in order]
        tokens = np.cumsum([inputs.target.tokens_for(removed) for removed in removals])
        within = [inputs.work("target", float(each)) <= left for each in tokens]
        return max(sum(within), min(self.at_least, len(order)))

    def _least(self, scores: FloatArray) -> FloatArray:
        return least_cited(scores, self.min_score, self.min_share, self.enough_score)

    def _may_stop(self, state: _State, following: int, below: list[int]) -> bool:
        """Say whether the next source does not matter, judged by those before it."""
        if not below:
            return False
        screened = state.margins(state.screened.scores)
        errors = np.maximum((state.margins(state.scores) - screened)[below], 0.0)
        margin = float(errors.mean() + self.caution * errors.std())
        return bool(screened[following] + margin < -TIE)

    def _check(self, state: _State, dropped: list[int]) -> Audit | None:
        """Rescore random dropped sources, and estimate the recall from what is found."""
        if not self.audit:
            return None
        found = int((state.margins(state.scores)[state.rescored] >= 0).sum())
        sample = random.Random(0).sample(dropped, min(self.audit, len(dropped)))
        state.rescore(sample)
        if state.inputs.budget.reached is not None:
            return None
        missed = int((state.margins(state.scores)[sample] >= 0).sum())
        lost = missed / len(sample) * len(dropped) if sample else 0.0
        return Audit(
            sampled=len(sample),
            dropped=len(dropped),
            missed=missed,
            recall=found / (found + lost) if found + lost else 1.0,
        )


@dataclass
class _State:
    """Scores on their way from screened to rescored."""

    inputs: MethodInput
    screened: MethodScores
    least: Callable[[FloatArray], FloatArray]
    """Gives the least score that matters, `[statements]`, from `[sources, statements]`."""
    rescored: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scores = self.screened.scores.copy()
        self.estimands: list[Estimand] = list(self.screened.estimands)
        self.log_probs = self.screened.log_probs
        self.log_probs_without_context = self.screened.log_probs_without_context

    def rescore(self, rows: list[int]) -> None:
        """Put leave-one-out on the target in the place of screened scores."""
        if not rows or self.inputs.budget.reached is not None:
            return
        sources = [self.inputs.sources[row] for row in rows]
        removal = remove_each(self.inputs, "target", sources)
        rows = [row for row, scored in zip(rows, removal.scored, strict=True) if scored]
        self.scores[rows] = removal.drops[removal.scored]
        for row in rows:
            self.estimands[row] = "target_loo"
        self.log_probs = removal.log_probs
        self.log_probs_without_context = removal.log_probs_without_context
        self.rescored += rows

    def margins(self, scores: FloatArray, share: float = 1.0) -> npt.NDArray[np.float64]:
        """Return `[sources]`: by how much each exceeds what matters, where it does most, in nats.

        What matters to a statement follows from its best scores so far.

        Args:
            scores: `[sources, answer tokens]`, the screen's or the best so far.
            share: Share of what matters that is enough.
        """
        least = share * self.least(statement_scores(self.scores, self.inputs.statements))
        found = statement_scores(scores, self.inputs.statements).astype(np.float64)
        return np.asarray((found - least).max(axis=1), dtype=np.float64)

    def result(self, audit: Audit | None) -> MethodScores:
        """Return the scores as they stand."""
        return MethodScores(
            scores=self.scores,
            estimands=tuple(self.estimands),
            log_probs=self.log_probs,
            log_probs_without_context=self.log_probs_without_context,
            sufficiency=self.screened.sufficiency,
            audit=audit,
        )
