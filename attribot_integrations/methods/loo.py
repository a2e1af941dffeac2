"""Leave-one-out over every source, on one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribot_integrations.methods.base import (
    MethodInput,
    MethodScores,
    ModelRole,
    check_role,
    remove_each,
)

if TYPE_CHECKING:
    from attribot_integrations.results import Estimand

__all__ = ["LeaveOneOut"]


@dataclass(frozen=True)
class LeaveOneOut:
    """Removes each source in turn, in the full context.

    On the target this is exact; on the proxy it measures the proxy's dependence, and the target
    is never run. Where the budget ends before, the last sources in the prompt have been removed,
    which takes the fewest tokens, and the others are `unscored`.
    """

    on: ModelRole = "target"
    """The model to run."""

    def __post_init__(self) -> None:
        check_role(self.on)

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "exact" if self.on == "target" else "exact on proxy"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return self.on == "proxy"

    def work(self, inputs: MethodInput) -> float:
        """Return about what the removals run, in tokens times parameters."""
        scorer = inputs.scorer(self.on)
        tokens = sum(scorer.tokens_for(frozenset(each.sentence_ids)) for each in inputs.sources)
        return inputs.work(self.on, tokens)

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source."""
        removal = remove_each(inputs, self.on, inputs.sources)
        estimand: Estimand = "target_loo" if self.on == "target" else "proxy_loo"
        return MethodScores(
            scores=removal.drops,
            estimands=tuple(estimand if each else "unscored" for each in removal.scored),
            log_probs=removal.log_probs,
            log_probs_without_context=removal.log_probs_without_context,
        )
