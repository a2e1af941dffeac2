"""A cheap screen of all sources, then leave-one-out on the target for those that matter."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import Method, MethodInput, MethodScores, remove_each
from attribot_integrations.results import Audit
from attribot_integrations.results.ranking import TIE, ranked

if TYPE_CHECKING:
    from attribot_integrations.results import Estimand, FloatArray

__all__ = ["ScreenAndRescore"]


@dataclass(frozen=True)
class ScreenAndRescore:
    """Screens all sources with one method, and rescores the best on the target.

    Rescoring goes from the best screened source down. It takes every source that the screen puts
    at `threshold` or above, and `at_least` below it, which show how far the screen falls short of
    small scores: by their mean error plus `caution` standard deviations. It goes on while the
    screen, erring that much, may have put a source below the threshold that belongs above.

    Sources that the screen puts within rounding of each other are rescored in their order in the
    context, so that the same ones are, whatever a request is run beside.

    In the full context the rescored scores equal exact leave-one-out on the target. The other
    sources keep the screen's score, marked as such.
    """

    screen: Method
    """Ranks all sources."""
    threshold: float = 1.0
    """Least score that should not be missed, in nats: that of a citation."""
    at_least: int = 3
    """Sources below the threshold that are rescored in any case, to learn the screen's error."""
    keep: int | None = None
    """Most sources rescored; without it, as many as needed."""
    caution: float = 2.0
    """Standard deviations of the screen's error that are allowed for."""
    step: int = 3
    """Sources rescored at a time, once those that are in any case are."""
    within: Literal["full", "pruned"] = "full"
    """Context that rescored sources are removed from. "pruned" (the paper's): only the `keep` best
    are left, and all are rescored."""
    audit: int = 0
    """Random sources among those not rescored that are rescored too, to estimate how many above
    the threshold the screen lost."""

    def __post_init__(self) -> None:
        for name in ("at_least", "step"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.keep is not None and self.keep < self.at_least:
            raise ConfigurationError(
                f"keep must be at least at_least = {self.at_least}, got {self.keep}"
            )
        if self.audit < 0 or self.caution < 0:
            raise ConfigurationError(
                f"audit and caution must not be negative, got {self.audit} and {self.caution}"
            )
        if self.within not in ("pruned", "full"):
            raise ConfigurationError(f'within must be "pruned" or "full", got {self.within!r}')
        if self.within == "pruned" and (self.keep is None or self.audit):
            raise ConfigurationError(
                'within="pruned" needs keep, the size of the pruned context, and has no audit'
            )

    @property
    def name(self) -> str:
        """Name shown in results."""
        context = "" if self.within == "full" else " in the pruned context"
        return f"{self.screen.name}, then rescored{context}"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return self.screen.needs_proxy

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source.

        Raises:
            ConfigurationError: If the screen's scores are exact already.
        """
        screened = self.screen.run(inputs)
        if set(screened.estimands) == {"target_loo"} and len(inputs.sources) > 0:
            raise ConfigurationError(
                f"the screen {self.screen.name!r} already gives exact scores on the target; "
                "use it alone, or screen with a cheaper method"
            )
        state = _State(inputs, screened)
        if self.within == "pruned":
            return self._prune(state)
        order = ranked(state.screened_best)
        limit = len(order) if self.keep is None else min(self.keep, len(order))
        done = 0
        above = int((state.screened_best >= self.threshold - TIE).sum())
        while done < limit and not self._may_stop(state, order[done], order[above:done]):
            end = min(done + self.step if done else above + self.at_least, limit)
            state.rescore(order[done:end])
            done = end
        return state.result(self._check(state, order[done:]))

    def _may_stop(self, state: _State, following: int, below: list[int]) -> bool:
        """Say whether the next source belongs below the threshold, judged by those before it."""
        if not below:
            return False
        errors = (state.best() - state.screened_best)[below]
        margin = max(0.0, float(errors.mean() + self.caution * errors.std()))
        return bool(state.screened_best[following] + margin < self.threshold - TIE)

    def _check(self, state: _State, dropped: list[int]) -> Audit | None:
        """Rescore random dropped sources, and estimate the recall from what is found."""
        if not self.audit:
            return None
        found = int((state.best()[state.rescored] >= self.threshold).sum())
        sample = random.Random(0).sample(dropped, min(self.audit, len(dropped)))
        state.rescore(sample)
        missed = int((state.best()[sample] >= self.threshold).sum())
        lost = missed / len(sample) * len(dropped) if sample else 0.0
        return Audit(
            sampled=len(sample),
            dropped=len(dropped),
            missed=missed,
            recall=found / (found + lost) if found + lost else 1.0,
        )

    def _prune(self, state: _State) -> MethodScores:
        kept = ranked(state.screened_best)[: self.keep]
        left = frozenset(id_ for row in kept for id_ in state.inputs.sources[row].sentence_ids)
        state.rescore(kept, without=state.everything - left)
        return state.result(None)


@dataclass
class _State:
    """Scores on their way from screened to rescored."""

    inputs: MethodInput
    screened: MethodScores
    rescored: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.screened_best = self.inputs.best(self.screened.scores)
        self.scores = self.screened.scores.copy()
        self.estimands: list[Estimand] = list(self.screened.estimands)
        self.log_probs = self.screened.log_probs
        self.log_probs_without_context = self.screened.log_probs_without_context
        self.everything = self.inputs.context.all_ids

    def rescore(self, rows: list[int], without: frozenset[int] | None = None) -> None:
        """Put leave-one-out on the target in the place of screened scores."""
        if not rows:
            return
        scorer = None if without is None else self.inputs.target.within(without)
        sources = [self.inputs.sources[row] for row in rows]
        removal = remove_each(self.inputs, "target", sources, scorer=scorer)
        self.scores[rows] = removal.drops
        for row in rows:
            self.estimands[row] = "target_loo" if without is None else "target_pruned_loo"
        if without is None:
            self.log_probs = removal.log_probs
            self.log_probs_without_context = removal.log_probs_without_context
        self.rescored += rows

    def best(self) -> FloatArray:
        """Return `[sources]`, each one's highest score for any statement, in nats."""
        return self.inputs.best(self.scores)

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
