"""Leave-one-out over every source, on one model."""

from __future__ import annotations

from dataclasses import dataclass

from attribot_integrations.methods.base import (
    MethodInput,
    MethodScores,
    ModelRole,
    check_role,
    score_each,
    work_of_each,
)

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
        return work_of_each(inputs, self.on)

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source."""
        return score_each(inputs, self.on)
