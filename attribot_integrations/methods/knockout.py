"""Knockout: sources hidden from the question and the answer instead of being removed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import (
    Method,
    MethodInput,
    MethodScores,
    ModelRole,
    PricedMethod,
    Removal,
    check_role,
    remove_sets,
    run_screen,
)
from attribot_integrations.methods.grouping import remove_groups
from attribot_integrations.results.ranking import ranked
from attribot_integrations.results.statements import statement_scores

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

    Behind a method that ranks sources in one pass, such as `LearnedAttention`, only the best of
    them need be hidden, so that n stands for about `keep`.
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
    after: Method | None = None
    """Ranks all sources first. Those that are not hidden keep its scores, marked as such."""
    keep: int = 12
    """Sources that are hidden behind `after`: so many of the best for each statement, of each
    level."""

    def __post_init__(self) -> None:
        check_role(self.on)
        if self.rerun < 0:
            raise ConfigurationError(f"rerun must not be negative, got {self.rerun}")
        if self.groups is not None and self.groups < 1:
            raise ConfigurationError(f"groups must be at least 1, got {self.groups}")
        if not math.isfinite(self.group_score):
            raise ConfigurationError(f"group_score must be a number, got {self.group_score}")
        if self.keep < 1:
            raise ConfigurationError(f"keep must be at least 1, got {self.keep}")

    @property
    def name(self) -> str:
        """Name shown in results."""
        name = "knockout" if self.on == "target" else "knockout on proxy"
        return name if self.after is None else f"{self.after.name}, then {name}"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return self.on == "proxy" or (self.after is not None and self.after.needs_proxy)

    def work(self, inputs: MethodInput) -> float:
        """Return about what the first round of groups runs, in tokens times parameters.

        Behind another method, the most that hiding its best sources may run, and its own work where
        that can be told.
        """
        levels = Counter(source.level for source in inputs.sources).values()
        most = self.groups or len(inputs.sources)
        if self.after is not None:
            most = min(most, self.keep * len(inputs.statements))
        one = inputs.scorer(self.on).tokens_for(inputs.context.all_ids, self.rerun)
        work = inputs.work(self.on, sum(min(count, most) for count in levels) * one)
        return work + (self.after.work(inputs) if isinstance(self.after, PricedMethod) else 0.0)

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source.

        Raises:
            ConfigurationError: If the scores of `after` are exact already.
        """
        found = self._hide(inputs) if self.after is None else self._hide_best(inputs, self.after)
        if not self.sufficiency:
            return found
        return replace(found, sufficiency=self._sufficiency(inputs, found))

    def _hide_best(self, inputs: MethodInput, after: Method) -> MethodScores:
        """Hide the sources that another method ranks first, and take its scores for the others."""
        first = run_screen(after, inputs)
        rows = self._best(inputs, first)
        hidden = self._hide(replace(inputs, sources=tuple(inputs.sources[row] for row in rows)))
        scores, estimands = first.scores.copy(), list(first.estimands)
        for row, score, estimand in zip(rows, hidden.scores, hidden.estimands, strict=True):
            if estimand != "unscored":
                scores[row], estimands[row] = score, estimand
        return replace(hidden, scores=scores, estimands=tuple(estimands))

    def _best(self, inputs: MethodInput, first: MethodScores) -> list[int]:
        """Return the rows of the sources that are ranked first for some statement."""
        scores = statement_scores(first.scores, inputs.statements)
        levels = np.array([source.level for source in inputs.sources])
        best = {
            int(row)
            for level in dict.fromkeys(levels)
            for rows in [np.flatnonzero(levels == level)]
            for column in scores[rows].T
            for row in rows[ranked(column)[: self.keep]]
        }
        return sorted(best)

    def _hide(self, inputs: MethodInput) -> MethodScores:
        """Hide every source that is given."""

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
        )

    def _sufficiency(self, inputs: MethodInput, found: MethodScores) -> FloatArray | None:
        """Return what each source alone adds, `[sources, answer tokens]`, if the budget allows."""
        scorer = inputs.scorer(self.on)
        everything = inputs.context.all_ids
        others = [everything - frozenset(source.sentence_ids) for source in inputs.sources]
        alone = scorer.knock_out(others, self.rerun)
        if not alone.complete:
            return None
        gain: FloatArray = inputs.carried(scorer, alone.log_probs) - found.log_probs_without_context
        return gain
