"""A cheap screen of all sources, then exact scores for the few that matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import MethodInput, MethodScores, leave_one_out
from attribot_integrations.statements import statement_scores

if TYPE_CHECKING:
    from attribot_integrations.results import Estimand, FloatArray

__all__ = ["ProxyScreen"]


@dataclass(frozen=True)
class ProxyScreen:
    """Leave-one-out on the proxy, then exact leave-one-out on the target for the best.

    The rescored sources are removed from the *full* context, so their scores equal those of exact
    leave-one-out on the target. The others keep the proxy's score, marked as such.
    """

    keep: int = 8
    """How many sources are rescored: those with the highest score for any statement."""

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise ConfigurationError(f"keep must be at least 1, got {self.keep}")

    @property
    def name(self) -> str:
        """Name shown in results."""
        return f"proxy screen, {self.keep} rescored"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return True

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source."""
        screened = leave_one_out(inputs.require_proxy(), inputs.sources, inputs).drops
        kept = self._survivors(screened, inputs)
        rescored = leave_one_out(inputs.target, [inputs.sources[row] for row in kept], inputs)
        scores = screened.copy()
        scores[kept] = rescored.drops
        estimands: list[Estimand] = ["proxy_loo"] * len(inputs.sources)
        for row in kept:
            estimands[row] = "target_loo"
        return MethodScores(
            scores=scores,
            estimands=tuple(estimands),
            log_probs=rescored.log_probs,
            log_probs_without_context=rescored.log_probs_without_context,
        )

    def _survivors(self, screened: FloatArray, inputs: MethodInput) -> list[int]:
        best = statement_scores(screened, inputs.statements).max(axis=1)
        return sorted(int(row) for row in np.argsort(-best, kind="stable")[: self.keep])
