"""Chunks first, then the sentences of the chunks that matter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import (
    MethodInput,
    MethodScores,
    ModelRole,
    Removal,
    check_role,
    remove_each,
    score_each,
)
from attribot_integrations.results.ranking import ranked
from attribot_integrations.results.statements import statement_scores

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source
    from attribot_integrations.results import Estimand, FloatArray

__all__ = ["Hierarchical"]


@dataclass(frozen=True)
class Hierarchical:
    """Leave-one-out over chunks, then over the sentences of the chunks kept (arXiv 2411.15102).

    Sentences of the other chunks are not scored: theirs is 0, marked as dropped. In a context of no
    more chunks than are kept, chunks that need no score are not removed.
    """

    on: ModelRole = "target"
    """The model to run."""
    keep: int = 3
    """Chunks kept for each statement of the answer: those with the highest score for it."""
    min_score: float | None = None
    """Least score of a kept chunk, in nats; without it, the best are kept whatever their score."""
    within: Literal["pruned", "full"] = "full"
    """Context that sentences are removed from. "pruned" (the paper's): the chunks kept. It costs
    less, and is another quantity than leave-one-out in the full context."""

    def __post_init__(self) -> None:
        check_role(self.on)
        if self.keep < 1:
            raise ConfigurationError(f"keep must be at least 1, got {self.keep}")
        if self.within not in ("pruned", "full"):
            raise ConfigurationError(f'within must be "pruned" or "full", got {self.within!r}')

    @property
    def name(self) -> str:
        """Name shown in results."""
        return f"hierarchical on {self.on}: chunks, then sentences in the {self.within} context"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return self.on == "proxy"

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source.

        Raises:
            ConfigurationError: If no sentences are to be scored.
        """
        if not any(source.level == "sentence" for source in inputs.sources):
            raise ConfigurationError(
                "a hierarchical method scores sentences inside chunks; "
                'levels must hold "sentence", or use leave-one-out over chunks'
            )
        chunks = inputs.context.whole_chunks
        if len(chunks) <= self.keep and self.min_score is None:
            # All chunks are kept: their own removals come last, and only where they are asked for.
            found = score_each(inputs, self.on)
            scored = zip(inputs.sources, found.estimands, strict=True)
            return replace(
                found,
                estimands=tuple(
                    "unscored" if estimand == "unscored" else self._estimand(source)
                    for source, estimand in scored
                ),
            )
        coarse = remove_each(inputs, self.on, chunks)
        in_kept = self._kept(inputs, coarse)
        sentences = [
            each
            for each in inputs.context.at(("sentence",))
            if not in_kept.isdisjoint(each.sentence_ids)
        ]
        if inputs.budget.reached is None:
            fine = self._sentences(inputs, sentences)
        else:
            nothing = np.zeros((len(sentences), coarse.drops.shape[1]), dtype=np.float32)
            fine = replace(coarse, drops=nothing, scored=np.zeros(len(sentences), np.bool_))
        scores = np.zeros((len(inputs.sources), coarse.drops.shape[1]), dtype=np.float32)
        estimands: list[Estimand] = []
        by_id: dict[int, FloatArray] = {}
        unscored: set[int] = set()
        for tried, removal in ((sentences, fine), (chunks, coarse)):
            for source, drop, scored in zip(tried, removal.drops, removal.scored, strict=True):
                if scored:
                    by_id[source.id] = drop
                else:
                    unscored |= {source.id, *source.sentence_ids}
        for row, source in enumerate(inputs.sources):
            scores[row] = by_id.get(source.id, 0.0)
            missing: Estimand = "unscored" if source.id in unscored else "dropped"
            estimands.append(self._estimand(source) if source.id in by_id else missing)
        return MethodScores(
            scores=scores,
            estimands=tuple(estimands),
            log_probs=coarse.log_probs,
            log_probs_without_context=coarse.log_probs_without_context,
        )

    def _kept(self, inputs: MethodInput, coarse: Removal) -> set[int]:
        """Return the ids of the sentences of the chunks that matter to any statement."""
        kept: set[int] = set()
        for scores in statement_scores(coarse.drops, inputs.statements).T:
            best = [row for row in ranked(scores) if coarse.scored[row]]
            for row in best[: self.keep]:
                if self.min_score is None or scores[row] >= self.min_score:
                    kept.update(inputs.context.whole_chunks[row].sentence_ids)
        return kept

    def _sentences(self, inputs: MethodInput, sentences: list[Source]) -> Removal:
        kept = {id_ for each in sentences for id_ in each.sentence_ids}
        dropped = inputs.context.all_ids - kept
        if self.within == "full" or not dropped:  # nothing is pruned
            return remove_each(inputs, self.on, sentences)
        narrowed = inputs.scorer(self.on).within(dropped)
        return remove_each(inputs, self.on, sentences, scorer=narrowed)

    def _estimand(self, source: Source) -> Estimand:
        target = self.on == "target"
        if source.level == "chunk" or self.within == "full":
            return "target_loo" if target else "proxy_loo"
        return "target_pruned_loo" if target else "proxy_pruned_loo"
