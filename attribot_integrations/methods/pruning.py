"""A cheap screen of all sources, then leave-one-out inside a context of the best alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import (
    Method,
    MethodInput,
    MethodScores,
    remove_each,
    run_screen,
)
from attribot_integrations.results.ranking import ranked

__all__ = ["ScreenAndPrune"]


@dataclass(frozen=True)
class ScreenAndPrune:
    """Screens all sources with one method, and rescores the best as if there were no others.

    The paper's pruning (arXiv 2411.15102): on the target, each of the `keep` best is removed from
    a context of those alone. That costs less than in the full context, and is another quantity than
    leave-one-out there; scores are marked as such. The other sources keep the screen's score.
    """

    screen: Method
    """Ranks all sources."""
    keep: int = 3
    """Sources that are left in the context, and rescored: those that the screen puts highest."""

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise ConfigurationError(f"keep must be at least 1, got {self.keep}")

    @property
    def name(self) -> str:
        """Name shown in results."""
        return f"{self.screen.name}, then rescored in the pruned context"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return self.screen.needs_proxy

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source.

        Raises:
            ConfigurationError: If the screen's scores are exact already.
        """
        screened = run_screen(self.screen, inputs)
        if inputs.budget.reached is not None:
            return screened
        best = ranked(inputs.best(screened.scores))
        rows = best[: self.keep]
        kept = [inputs.sources[row] for row in rows]
        left = frozenset(id_ for source in kept for id_ in source.sentence_ids)
        pruned = inputs.target.within(inputs.context.all_ids - left)
        removal = remove_each(inputs, "target", kept, scorer=pruned)
        scores = screened.scores.copy()
        estimands = list(screened.estimands)
        for row, drop, scored in zip(rows, removal.drops, removal.scored, strict=True):
            if scored:
                scores[row], estimands[row] = drop, "target_pruned_loo"
        return replace(screened, scores=scores, estimands=tuple(estimands), audit=None)
