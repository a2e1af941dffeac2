"""What the sources cited for a statement carry together, which no sum of single scores can tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.base import MethodInput, MethodScores, role_of
from attribot_integrations.results.fitted import MIN_SCORE
from attribot_integrations.results.parts import Certificate, citable_rows
from attribot_integrations.results.policies import CiteEvidence
from attribot_integrations.results.ranking import ranked
from attribot_integrations.results.statements import statement_scores

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source
    from attribot_integrations.results import Citation, FloatArray, Statement
    from attribot_integrations.results.policies import CitationPolicy

__all__ = ["CertifySets"]


@dataclass(frozen=True)
class CertifySets:
    """Measures the citations of each statement as a set: what it holds, and what is lost with it.

    `hold` is the statement's log-likelihood with the cited sources alone minus with none, `drop`
    that with the full context minus without them: the two halves of the reward of SelfCite (arXiv
    2502.09604). For a prompt of T tokens and a tokens of question and answer, a statement costs
    about a tokens and its citations for the one, and T/2 + a for the other; nothing for the drop of
    a single source whose score is exact, as that has been run. All statements are run together.
    """

    hold: float | None = None
    """If given, a rule for statements that depend on the context, in the place of the options'
    policy, or of `CiteEvidence.depends`: the strongest sources, of 0.2 nats or more, are cited
    until they hold this share, above 0 and up to 1, of what the context adds. Costs up to `most`
    short passes a statement."""
    most: int = 3
    """Most sources cited for a statement by that rule. Where so many do not hold the share, it
    depends on more than sources can be named for, and the options' policy decides."""
    min_gain: float = 1.0
    """Least gain from the context, in nats, of a statement that is looked at: of less, a share says
    nothing."""

    def __post_init__(self) -> None:
        if self.hold is not None and not 0 < self.hold <= 1:
            raise ConfigurationError(f"hold must be a share above 0 and up to 1, got {self.hold}")
        if self.most < 1:
            raise ConfigurationError(f"most must be at least 1, got {self.most}")
        if not self.min_gain > 0:
            raise ConfigurationError(f"min_gain must be above 0 nats, got {self.min_gain}")

    def __call__(
        self, inputs: MethodInput, result: MethodScores, citations: Sequence[Citation]
    ) -> tuple[Certificate, ...]:
        """Return what the given citations carry, for each statement that has any.

        Statements that the budget leaves no room for are left out.

        Args:
            inputs: What was scored.
            result: The scores.
            citations: What is shown for the statements.
        """
        sets: dict[int, list[int]] = {}
        for citation in citations:
            sets.setdefault(citation.statement_index, []).append(citation.source_id)
        gains = _gains(inputs, result)
        sets = {index: ids for index, ids in sets.items() if gains[index] >= self.min_gain}
        if not sets or inputs.budget.reached is not None:
            return ()
        by_id = {source.id: source for source in inputs.sources}
        removed = [_sentences(by_id[id_] for id_ in ids) for ids in sets.values()]
        found = _Measured.of(inputs, result, [*removed, *_alone(inputs, removed)])
        return tuple(
            Certificate(
                statement_index=index,
                source_ids=tuple(ids),
                gain=float(found.gains[index]),
                hold=float(found.holds[len(sets) + place, index]),
                drop=float(found.drops[place, index]),
            )
            for place, (index, ids) in enumerate(sets.items())
            if found.scored[place] and found.scored[len(sets) + place]
        )

    def policy(
        self, inputs: MethodInput, result: MethodScores, policy: CitationPolicy
    ) -> CitationPolicy:
        """Return a policy that cites until `hold` is held; the given one where that is `None`.

        Args:
            inputs: What was scored.
            result: The scores.
            policy: Decides on the statements that the rule cannot be followed for: those that do
                not depend on the context, whose share `most` sources do not hold, or for which the
                budget leaves no room.
        """
        if self.hold is None or inputs.budget.reached is not None:
            return policy
        rows = citable_rows(inputs.sources)
        scores = statement_scores(result.scores[rows], inputs.statements)
        gains = _gains(inputs, result)
        ranks = {
            int(index): [place for place in ranked(column) if column[place] >= MIN_SCORE][
                : self.most
            ]
            for index, column in enumerate(scores.T)
            if gains[index] >= self.min_gain
        }
        firsts = [
            (index, size) for index, best in ranks.items() for size in range(1, len(best) + 1)
        ]
        if not firsts:
            return policy
        sets = [
            _sentences(inputs.sources[rows[place]] for place in ranks[index][:size])
            for index, size in firsts
        ]
        found = _Measured.of(inputs, result, _alone(inputs, sets))
        chosen: dict[int, list[int]] = {}
        for row, (index, size) in enumerate(firsts):
            enough = found.holds[row, index] >= self.hold * found.gains[index]
            if found.scored[row] and enough:
                chosen.setdefault(index, ranks[index][:size])
        return _Chosen(chosen, policy)


@dataclass(frozen=True)
class _Chosen:
    """Cites what was chosen before, and leaves the other statements to another policy.

    What that cites because it states a statement is cited beside.
    """

    chosen: Mapping[int, Sequence[int]]
    otherwise: CitationPolicy

    def __call__(
        self,
        statement: Statement,
        sources: Sequence[Source],
        scores: FloatArray,
        stated: FloatArray | None,
    ) -> Sequence[int]:
        found, policy = self.chosen.get(statement.index), self.otherwise
        if found is None:
            return policy(statement, sources, scores, stated)
        if not isinstance(policy, CiteEvidence):
            return found
        return [*dict.fromkeys([*found, *policy.states(statement, sources, scores, stated)])]


@dataclass(frozen=True)
class _Measured:
    """Sums over statements, in nats, of the model that gave the scores."""

    gains: FloatArray
    """`[statements]`: full context minus none."""
    holds: FloatArray
    """`[ablations, statements]`: with what an ablation leaves, minus with none."""
    drops: FloatArray
    """`[ablations, statements]`: full context minus with what an ablation leaves."""
    scored: npt.NDArray[np.bool_]
    """`[ablations]`: which were run before the budget ended."""

    @classmethod
    def of(
        cls, inputs: MethodInput, result: MethodScores, removed: Sequence[frozenset[int]]
    ) -> _Measured:
        scorer = inputs.scorer(role_of(inputs, result))
        # The removal of all is there already, unless the scores are knockouts alone.
        scores = scorer.score([inputs.context.all_ids, *removed])
        log_probs = inputs.carried(scorer, scores.log_probs)
        drops = statement_scores(inputs.carried(scorer, scores.drops), inputs.statements)
        scored = np.ones(len(drops), np.bool_) if scores.scored is None else scores.scored
        return cls(
            gains=drops[0],
            holds=statement_scores(log_probs[1:] - log_probs[0], inputs.statements),
            drops=drops[1:],
            scored=scored[1:] & scored[0],
        )


def _gains(inputs: MethodInput, result: MethodScores) -> FloatArray:
    """Return `[statements]`, what the context adds to each, in nats."""
    gains = result.log_probs - result.log_probs_without_context
    found: FloatArray = statement_scores(gains[None], inputs.statements)[0]
    return found


def _sentences(sources: Iterable[Source]) -> frozenset[int]:
    return frozenset(id_ for source in sources for id_ in source.sentence_ids)


def _alone(inputs: MethodInput, kept: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Return what is removed where only some sentences are kept."""
    return [inputs.context.all_ids - each for each in kept]
