"""Chunks first, then the sentences of the chunks that matter."""

from __future__ import annotations

from dataclasses import dataclass
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
)
from attribot_integrations.results.ranking import ranked
from attribot_integrations.results.statements import statement_scores

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source
    from attribot_integrations.results import Estimand

__all__ = ["Hierarchical"]


@dataclass(frozen=True)
class Hierarchical:
    """Leave-one-out over chunks, then over the sentences of the chunks kept (arXiv 2411.15102).

    Sentences of the other chunks are not scored: theirs is 0, marked as dropped.
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
    knockout: bool = False
    """Whether chunks are hidden instead of removed; sentences are always removed."""
    rerun: int = 8
    """Tokens behind each hidden chunk that are run again, see `Knockout`."""

    def __post_init__(self) -> None:
        check_role(self.on)
        if self.keep < 1:
            raise ConfigurationError(f"keep must be at least 1, got {self.keep}")
        if self.within not in ("pruned", "full"):
            raise ConfigurationError(f'within must be "pruned" or "full", got {self.within!r}')

    @property
    def name(self) -> str:
        """Name shown in results."""
        chunks = "knockout of chunks" if self.knockout else "chunks"
        return f"hierarchical on {self.on}: {chunks}, then sentences in the {self.within} context"

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
        coarse = remove_each(inputs, self.on, chunks, rerun=self.rerun if self.knockout else None)
        kept = self._kept(inputs, coarse)
        sentences = [each for each in inputs.context.sentences if each.chunk_index in kept]
        fine = self._sentences(inputs, sentences)
        scores = np.zeros((len(inputs.sources), coarse.drops.shape[1]), dtype=np.float32)
        estimands: list[Estimand] = []
        by_id = {each.id: drop for each, drop in zip(sentences, fine.drops, strict=True)}
        by_id |= {each.id: drop for each, drop in zip(chunks, coarse.drops, strict=True)}
        for row, source in enumerate(inputs.sources):
            scores[row] = by_id.get(source.id, 0.0)
            estimands.append(self._estimand(source, source.id in by_id))
        return MethodScores(
            scores=scores,
            estimands=tuple(estimands),
            log_probs=coarse.log_probs,
            log_probs_without_context=coarse.log_probs_without_context,
        )

    def _kept(self, inputs: MethodInput, coarse: Removal) -> set[int]:
        """Return the indexes of the chunks that matter to any statement."""
        kept: set[int] = set()
        for scores in statement_scores(coarse.drops, inputs.statements).T:
            for row in ranked(scores)[: self.keep]:
                if self.min_score is None or scores[row] >= self.min_score:
                    kept.add(inputs.context.whole_chunks[row].chunk_index)
        return kept

    def _sentences(self, inputs: MethodInput, sentences: list[Source]) -> Removal:
        if self.within == "full":
            return remove_each(inputs, self.on, sentences)
        dropped = inputs.context.all_ids - {each.id for each in sentences}
        narrowed = inputs.scorer(self.on).within(dropped)
        return remove_each(inputs, self.on, sentences, scorer=narrowed)

    def _estimand(self, source: Source, scored: bool) -> Estimand:
        if not scored:
            return "dropped"
        target = self.on == "target"
        if source.level == "chunk" and self.knockout:
            return "target_knockout" if target else "proxy_knockout"
        if source.level == "chunk" or self.within == "full":
            return "target_loo" if target else "proxy_loo"
        return "target_pruned_loo" if target else "proxy_pruned_loo"
