"""Knockout: sources hidden from the question and the answer instead of being removed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import (
    MethodInput,
    MethodScores,
    ModelRole,
    Removal,
    check_role,
    remove_sets,
)
from attribot_integrations.methods.grouping import remove_groups

if TYPE_CHECKING:
    from attribot_integrations.results import Estimand, FloatArray

__all__ = ["Knockout"]


@dataclass(frozen=True)
class Knockout:
    """One pass over the full prompt, then question and answer again for each hidden source.

    For n sources, a prompt of T tokens and a tokens of question and answer it runs T + n·(a + r)
    tokens, where exact leave-one-out runs T + n·T/2. An approximation: tokens behind a source have
    taken up what it says. The r tokens right behind it, which take up most, are run again without
    it, at positions that close the gap.

    Where there are many sources, neighbours are hidden together first, and apart only where some
    statement loses by it, so that n above stands for about `groups` in a context of any length.
    Sources in groups that do not matter are not scored: theirs is 0, marked as dropped.
    """

    on: ModelRole = "target"
    """The model to run."""
    rerun: int = 8
    """Tokens behind each hidden source that are run again (r above)."""
    groups: int | None = 64
    """Most groups of sources to begin with; `None` to hide every source by itself."""
    group_score: float = 0.25
    """Least score of a group that is divided, in nats: less than a citation needs."""
    sufficiency: bool = False
    """Whether to score each source alone too: all others hidden, compared with all hidden. It
    finds sources that each suffice, which leave-one-out cannot see."""

    def __post_init__(self) -> None:
        check_role(self.on)
        if self.rerun < 0:
            raise ConfigurationError(f"rerun must not be negative, got {self.rerun}")
        if self.groups is not None and self.groups < 1:
            raise ConfigurationError(f"groups must be at least 1, got {self.groups}")
        if not math.isfinite(self.group_score):
            raise ConfigurationError(f"group_score must be a number, got {self.group_score}")

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "knockout" if self.on == "target" else "knockout on proxy"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return self.on == "proxy"

    def work(self, inputs: MethodInput) -> float:
        """Return about what the first round of groups runs, in tokens times parameters."""
        levels = Counter(source.level for source in inputs.sources).values()
        runs = sum(min(count, self.groups or count) for count in levels)
        one = inputs.scorer(self.on).tokens_for(inputs.context.all_ids, self.rerun)
        return inputs.work(self.on, runs * one)

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source."""

        def hide(sets: Sequence[frozenset[int]]) -> Removal:
            return remove_sets(inputs, self.on, sets, rerun=self.rerun)

        removal, alone = remove_groups(
            inputs,
            hide,
            groups=self.groups or len(inputs.sources),
            floor=self.group_score,
        )
        estimand: Estimand = "target_knockout" if self.on == "target" else "proxy_knockout"
        return MethodScores(
            scores=removal.drops,
            estimands=tuple(
                estimand if found else "dropped" if scored else "unscored"
                for found, scored in zip(alone, removal.scored, strict=True)
            ),
            log_probs=removal.log_probs,
            log_probs_without_context=removal.log_probs_without_context,
            sufficiency=self._sufficiency(inputs, removal) if self.sufficiency else None,
        )

    def _sufficiency(self, inputs: MethodInput, removal: Removal) -> FloatArray | None:
        """Return what each source alone adds, `[sources, answer tokens]`, if the budget allows."""
        scorer = inputs.scorer(self.on)
        everything = inputs.context.all_ids
        others = [everything - frozenset(source.sentence_ids) for source in inputs.sources]
        alone = scorer.knock_out(others, self.rerun)
        if not alone.complete:
            return None
        gain: FloatArray = (
            inputs.carried(scorer, alone.log_probs) - removal.log_probs_without_context
        )
        return gain
