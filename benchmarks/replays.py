"""Rescoring replayed on recorded scores: the product's code, and a model that looks them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.context.sources import SourceSet
from attribot_integrations.methods.base import MethodInput, MethodScores
from attribot_integrations.results import ModelCost, Statement
from attribot_integrations.results.statements import statement_scores
from attribot_integrations.scoring.protocols import AblationScores

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Span
    from attribot_integrations.evaluation.recordings import Recorded
    from attribot_integrations.methods import ScreenAndRescore
    from attribot_integrations.results import Estimand, FloatArray
    from attribot_integrations.tokens.ablated import Ablation

__all__ = ["Replay"]


@dataclass(frozen=True)
class Replay:
    """One answer whose exact scores and screened ones are known."""

    recorded: Recorded
    """With exact scores."""
    whole: int
    """Tokens of a pass over prompt and answer."""
    removals: Sequence[int]
    """`[sources]`: tokens that removing each one runs."""
    screened: FloatArray
    """`[sources, statements]`: what a screen gave, in nats."""
    screen_tokens: int
    """What the screen ran, the pass over prompt and answer included."""

    def run(self, method: ScreenAndRescore) -> tuple[FloatArray, int, int]:
        """Rescore with a method's settings.

        Returns:
            Scores `[sources, statements]`, how many sources were removed, and the tokens of it all.
        """
        exact = self.recorded.attribution.statement_scores
        known = self.recorded.attribution
        context = SourceSet.build(known.chunks, self.recorded.variant.example.splitter)
        sources = [frozenset(each.sentence_ids) for each in known.sources]
        target = _LookedUp(exact, sources, self.removals)
        screen = _Screen(self.screened, self.screen_tokens - self.whole)
        statements = tuple(
            Statement(index, index, index + 1, "", (index, index + 1))
            for index in range(exact.shape[1])
        )  # of one token each, since only sums over statements are recorded
        inputs = MethodInput(
            target=target,
            proxy=None,
            sources=known.sources,
            context=context,
            statements=statements,
            token_spans=target.token_spans,
        )
        result = replace(method, screen=screen).run(inputs)
        scores: FloatArray = statement_scores(result.scores, statements)
        beside = self.whole if not screen.ran else self.screen_tokens
        spent = sum(self.removals[row] for row in target.removed)
        return scores, len(target.removed), beside + spent


@dataclass(frozen=True)
class _Screen:
    """Gives recorded scores."""

    scores: FloatArray
    tokens: int
    ran: list[None] = field(default_factory=list)
    name: str = "recorded"
    needs_proxy: bool = False

    def work(self, inputs: MethodInput) -> float:
        return inputs.work("target", self.tokens)

    def run(self, inputs: MethodInput) -> MethodScores:
        self.ran.append(None)
        zeros = np.zeros(self.scores.shape[1], np.float32)
        estimands: tuple[Estimand, ...] = tuple("target_knockout" for _ in self.scores)
        return MethodScores(self.scores, estimands, zeros, zeros)


@dataclass(frozen=True)
class _LookedUp:
    """Answers the removal of a source with its recorded score."""

    exact: FloatArray
    sources: Sequence[Ablation]
    lengths: Sequence[int]
    removed: dict[int, None] = field(default_factory=dict)
    """Sources that were removed, in order."""
    can_knock_out: bool = False

    @property
    def cost(self) -> ModelCost:
        return ModelCost("recorded", 1, 0, 0, 0)

    @cached_property
    def _rows(self) -> dict[Ablation, int]:
        return {each: row for row, each in enumerate(self.sources)}

    @property
    def token_spans(self) -> tuple[Span, ...]:
        return tuple((index, index + 1) for index in range(self.exact.shape[1]))

    def score(self, ablations: Sequence[Ablation]) -> AblationScores:
        drops = np.zeros((len(ablations), self.exact.shape[1]), np.float32)
        for place, ablation in enumerate(ablations):
            if ablation in self._rows:  # the other one is the removal of all, beside every other
                row = self._rows[ablation]
                drops[place] = self.exact[row]
                self.removed[row] = None
        return AblationScores(-drops, np.zeros_like(drops))

    def knock_out(self, ablations: Sequence[Ablation], rerun: int = 0) -> AblationScores:
        raise NotImplementedError

    def within(self, removed: Ablation) -> _LookedUp:
        raise NotImplementedError

    def tokens_for(self, removed: Ablation, rerun: int | None = None) -> int:
        row = self._rows.get(removed)
        return 0 if row is None or row in self.removed else self.lengths[row]
