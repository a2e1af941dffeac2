"""What single scores cannot show: sources that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import MethodInput, MethodScores, role_of
from attribot_integrations.results import Alternatives
from attribot_integrations.results.parts import citable_rows
from attribot_integrations.results.ranking import ranked
from attribot_integrations.results.statements import statement_scores

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source
    from attribot_integrations.results import FloatArray
    from attribot_integrations.scoring.protocols import AnswerScorer

__all__ = ["FindAlternatives"]


@dataclass(frozen=True)
class FindAlternatives:
    """Looks for sources that stand in for each other, where leave-one-out explains too little.

    A statement that depends on the context, but whose dependence the scores of single sources do
    not explain, is looked at again: every chunk is kept alone (sufficiency), then every sentence of
    those that are enough. Sources that each restore nearly all of the statement's likelihood are
    removed together, and if that costs likelihood they are alternatives. For c chunks, a prompt of
    T tokens and a tokens of question and answer it runs about T + c·a tokens and a little for each
    statement with alternatives; nothing where single sources explain all statements.
    """

    min_gain: float = 1.0
    """Least gain in log-likelihood from the context, in nats, of a statement that is looked at;
    removing its alternatives together must cost as much, and removing one of them alone must not
    gain as much."""
    explained: float = 0.5
    """Share of the gain that sources with a score of `min_gain` explain together, in statements
    that are not looked at."""
    sufficient: float = 0.8
    """Share of the gain that each alternative alone restores."""
    near_best: float = 0.9
    """Share of what the best of them restores that each alternative restores. Texts on one subject
    restore much of each other's statements, which does not make them say the same."""
    max_sources: int = 4
    """Most alternatives named for a statement: those that restore most."""

    def __post_init__(self) -> None:
        if not self.min_gain > 0:
            raise ConfigurationError(f"min_gain must be above 0 nats, got {self.min_gain}")
        for name in ("explained", "sufficient", "near_best"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigurationError(
                    f"{name} must be a share above 0 and up to 1, got {getattr(self, name)}"
                )
        if self.max_sources < 2:
            raise ConfigurationError(f"max_sources must be at least 2, got {self.max_sources}")

    def __call__(self, inputs: MethodInput, result: MethodScores) -> tuple[Alternatives, ...]:
        """Return the groups of alternatives, at most one for each statement.

        None where the budget does not allow to look for all of them.
        """
        rows = citable_rows(inputs.sources)
        gains = _sums(inputs, result.log_probs - result.log_probs_without_context)
        scores = statement_scores(result.scores[rows], inputs.statements)
        explained = np.where(scores >= self.min_gain, scores, 0.0).sum(axis=0)
        wanted = np.flatnonzero((gains >= self.min_gain) & (explained < self.explained * gains))
        if not wanted.size or len(rows) < 2:
            return ()
        scorer = inputs.scorer(role_of(inputs, result))
        enough = self.sufficient * gains
        if inputs.sources[rows[0]].level == "sentence":
            alone = _alone(inputs, scorer, inputs.context.whole_chunks)
            if alone is None:
                return ()
            places = np.flatnonzero((alone >= enough)[:, wanted].any(axis=1))
            kept = {inputs.context.whole_chunks[int(place)].chunk_index for place in places}
            rows = [row for row in rows if inputs.sources[row].chunk_index in kept]
        alone = _alone(inputs, scorer, [inputs.sources[row] for row in rows])
        if alone is None:
            return ()
        # What makes a statement likelier by its absence does not carry it, whatever it does alone.
        harmless = statement_scores(result.scores[rows], inputs.statements) > -self.min_gain
        able = np.where(harmless, alone, -np.inf)
        groups = {
            int(index): members
            for index in wanted
            if len(members := self._members(able[:, index], float(enough[index]))) > 1
        }
        return self._confirmed(inputs, scorer, rows, alone, groups)

    def _members(self, alone: FloatArray, enough: float) -> list[int]:
        """Return the sources that are enough by themselves, the most sufficient first."""
        least = max(enough, self.near_best * float(alone.max(initial=0.0)))
        return [place for place in ranked(alone) if alone[place] >= least]

    def _confirmed(
        self,
        inputs: MethodInput,
        scorer: AnswerScorer,
        rows: list[int],
        alone: FloatArray,
        groups: dict[int, list[int]],
    ) -> tuple[Alternatives, ...]:
        """Remove the members of each group together, and keep the groups whose loss matters."""
        together = [
            frozenset(id_ for place in members for id_ in inputs.sources[rows[place]].sentence_ids)
            for members in groups.values()
        ]
        if not together:
            return ()
        removed = scorer.score(together)
        if not removed.complete:
            return ()
        drops = inputs.carried(scorer, removed.drops)
        joint = statement_scores(drops, inputs.statements)
        most = self.max_sources
        return tuple(
            Alternatives(
                statement_index=index,
                source_ids=tuple(inputs.sources[rows[place]].id for place in members[:most]),
                sufficiency=tuple(float(alone[place, index]) for place in members[:most]),
                joint_score=float(joint[number, index]),
            )
            for number, (index, members) in enumerate(groups.items())
            if joint[number, index] >= self.min_gain
        )


def _alone(
    inputs: MethodInput, scorer: AnswerScorer, sources: Sequence[Source]
) -> FloatArray | None:
    """Return what each source alone adds over no context, `[sources, statements]`, in nats.

    Nothing if the budget ends before all are scored.
    """
    everything = inputs.context.all_ids
    kept = [everything - frozenset(source.sentence_ids) for source in sources]
    result = scorer.score([*kept, everything])
    if not result.complete:
        return None
    log_probs = inputs.carried(scorer, result.log_probs)
    return statement_scores(log_probs[:-1] - log_probs[-1], inputs.statements)


def _sums(inputs: MethodInput, values: npt.NDArray[np.float32]) -> FloatArray:
    """Return `[statements]`, sums of `[answer tokens]`."""
    sums: FloatArray = statement_scores(values[None], inputs.statements)[0]
    return sums
