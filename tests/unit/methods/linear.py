"""An answer that loses fixed amounts by each sentence, so that scores can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from attribot_integrations.context.sources import Level, SourceSet, Span, as_chunks
from attribot_integrations.methods.base import MethodInput
from attribot_integrations.results import ModelCost, Statement
from attribot_integrations.scoring.protocols import AblationScores

CHUNKS = ("A is one. B is two.", "C is three. D is four.", "E is five. F is six.")
"""Sentences 0 and 1, 2 and 3, 4 and 5; whole chunks 6, 7 and 8."""
SPANS: tuple[Span, ...] = ((0, 4), (4, 8))
"""The answer has two tokens, each a statement."""


@dataclass(frozen=True)
class LinearScorer:
    """Each token has the log-probability -1, and loses what the removed sentences carry."""

    losses: Sequence[tuple[float, float]]
    """For each sentence, what the two tokens lose without it, in nats."""
    seen: float = 1.0
    """Share of the loss that hiding a sentence shows."""
    token_spans: tuple[Span, ...] = SPANS
    can_knock_out: bool = True
    gone: frozenset[int] = frozenset()
    parameters: int = 100
    hiding: int = 1
    """Tokens that hiding a sentence runs; removing one runs ten."""
    asked: list[tuple[str, frozenset[int]]] = field(default_factory=list)
    """How, and what, in the order asked."""

    @property
    def cost(self) -> ModelCost:
        return ModelCost(
            "linear", self.parameters, len(self.asked), len(self.asked), len(self.asked)
        )

    def score(self, ablations: Sequence[frozenset[int]]) -> AblationScores:
        return self._scores("score", ablations, 1.0)

    def knock_out(self, ablations: Sequence[frozenset[int]], rerun: int = 0) -> AblationScores:
        return self._scores(f"knock out {rerun}", ablations, self.seen)

    def within(self, removed: frozenset[int]) -> LinearScorer:
        return replace(self, gone=self.gone | removed)

    def tokens_for(self, removed: frozenset[int], rerun: int | None = None) -> int:
        return 10 if rerun is None else self.hiding

    def _scores(
        self, how: str, ablations: Sequence[frozenset[int]], share: float
    ) -> AblationScores:
        self.asked.extend((how, each) for each in ablations)
        rows = [self._log_probs(each | self.gone, share) for each in ablations]
        reference = self._log_probs(self.gone, 1.0)
        return AblationScores(
            np.array(rows, np.float32), np.array([reference] * len(rows), np.float32)
        )

    def _log_probs(self, removed: frozenset[int], share: float) -> list[float]:
        lost = [sum(self.losses[id_][token] for id_ in removed) for token in (0, 1)]
        return [-1.0 - share * each for each in lost]


NOTHING = ((0.0, 0.0),) * 6


def losses_of(**lost: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """What is lost by the sentences that are named, by their letters."""
    return tuple(lost.get(letter, (0.0, 0.0)) for letter in "ABCDEF")


def inputs_of(
    target: LinearScorer,
    proxy: LinearScorer | None = None,
    levels: tuple[Level, ...] = ("sentence",),
) -> MethodInput:
    context = SourceSet.build(as_chunks(CHUNKS))
    return MethodInput(
        target=target,
        proxy=None if proxy is None else replace(proxy, parameters=1),
        sources=context.at(levels),
        context=context,
        statements=(
            Statement(0, 0, 4, "One.", (0, 1)),
            Statement(1, 4, 8, "Two.", (1, 2)),
        ),
        token_spans=target.token_spans,
    )
