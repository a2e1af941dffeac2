"""Leave-one-out over every source, on one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import MethodInput, MethodScores, leave_one_out

if TYPE_CHECKING:
    from attribot_integrations.results import Estimand

__all__ = ["LeaveOneOut"]


@dataclass(frozen=True)
class LeaveOneOut:
    """Removes each source in turn, in the full context.

    On the target this is exact; on the proxy it measures the proxy's dependence, and the target
    is never run.
    """

    on: Literal["target", "proxy"] = "target"
    """The model to run."""

    def __post_init__(self) -> None:
        if self.on not in ("target", "proxy"):
            raise ConfigurationError(f'on must be "target" or "proxy", got {self.on!r}')

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "exact" if self.on == "target" else "proxy"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return self.on == "proxy"

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source."""
        scorer = inputs.target if self.on == "target" else inputs.require_proxy()
        result = leave_one_out(scorer, inputs.sources, inputs)
        estimand: Estimand = "target_loo" if self.on == "target" else "proxy_loo"
        return MethodScores(
            scores=result.drops,
            estimands=(estimand,) * len(inputs.sources),
            log_probs=result.log_probs,
            log_probs_without_context=result.log_probs_without_context,
        )
