"""What a method is given, what it gives back, and the removal that all methods share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results.statements import spread_over_tokens, statement_scores
from attribot_integrations.scoring.budget import Budget

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source, SourceSet, Span
    from attribot_integrations.results import Audit, Estimand, FloatArray, Statement
    from attribot_integrations.scoring.protocols import AblationScores, AnswerScorer

__all__ = [
    "Method",
    "MethodInput",
    "MethodScores",
    "ModelRole",
    "PricedMethod",
    "Removal",
    "check_role",
    "remove_each",
    "remove_sets",
    "role_of",
    "run_screen",
    "score_each",
    "work_of_each",
]

ModelRole = Literal["target", "proxy"]
"""Which of an engine's models is run."""


@dataclass(frozen=True)
class MethodInput:
    """One prompt and answer, ready to be scored."""

    target: AnswerScorer
    proxy: AnswerScorer | None
    sources: tuple[Source, ...]
    """The sources that need a score."""
    context: SourceSet
    """All sources of the context, of both levels."""
    statements: tuple[Statement, ...]
    token_spans: tuple[Span, ...]
    """Spans of the answer's tokens, by the target's tokenizer."""
    budget: Budget = field(default_factory=Budget)
    """What the request may spend; the scorers' own."""

    def scorer(self, role: ModelRole) -> AnswerScorer:
        """Return the scorer of one of the models.

        Raises:
            ConfigurationError: If the proxy is asked for and there is none.
        """
        if role == "target":
            return self.target
        if self.proxy is None:
            raise ConfigurationError("this method runs a proxy model, and the engine has none")
        return self.proxy

    def work(self, role: ModelRole, tokens: float) -> float:
        """Return what it takes to run tokens on one of the models: tokens times parameters.

        Where the parameters are not known, as on a server, it is 0.
        """
        return tokens * self.scorer(role).cost.parameters

    def carried(self, scorer: AnswerScorer, values: FloatArray) -> FloatArray:
        """Carry values `[…, tokens]` of a model's tokens over to the target's."""
        return spread_over_tokens(values, scorer.token_spans, self.token_spans)

    def best(self, scores: FloatArray) -> FloatArray:
        """Return `[sources]`, each one's highest score for any statement, in nats.

        A source that matters to one statement matters, whatever it does to the others.
        """
        best: FloatArray = statement_scores(scores, self.statements).max(axis=1)
        return best


@dataclass(frozen=True)
class MethodScores:
    """Scores in nats; tokens are the target's."""

    scores: FloatArray
    """`[sources, answer tokens]`."""
    estimands: tuple[Estimand, ...]
    """What each source's score measures."""
    log_probs: FloatArray
    """`[answer tokens]`: full context."""
    log_probs_without_context: FloatArray
    """`[answer tokens]`: no context."""
    sufficiency: FloatArray | None = None
    """`[sources, answer tokens]`: log p with this source alone minus log p with none, in nats."""
    audit: Audit | None = None
    """What a random check of unscored sources found."""

    @property
    def exact(self) -> npt.NDArray[np.bool_]:
        """`[sources]`: whether the score is exact leave-one-out on the target."""
        return np.array([estimand == "target_loo" for estimand in self.estimands], dtype=np.bool_)


class Method(Protocol):
    """Anything that scores sources.

    One that can tell in advance what it costs is a `PricedMethod` too.
    """

    @property
    def name(self) -> str:
        """Name shown in results."""
        ...

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        ...

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source."""
        ...


@runtime_checkable
class PricedMethod(Protocol):
    """A method whose cost follows from the lengths of prompt, sources and answer."""

    def work(self, inputs: MethodInput) -> float:
        """Return about what it would run, in tokens times parameters, see `MethodInput.work`.

        The pass over the full prompt, which every method needs, is left out.
        """
        ...


@dataclass(frozen=True)
class Removal:
    """What one model's answer loses without each of some sources; tokens are the target's."""

    drops: FloatArray
    """`[sources, answer tokens]`, in nats."""
    scored: npt.NDArray[np.bool_]
    """`[sources]`: which were removed before the budget ended; the drops of the others are 0."""
    log_probs: FloatArray
    """`[answer tokens]`: full context."""
    log_probs_without_context: FloatArray
    """`[answer tokens]`: no context."""


def remove_each(
    inputs: MethodInput,
    role: ModelRole,
    sources: Sequence[Source],
    *,
    rerun: int | None = None,
    scorer: AnswerScorer | None = None,
) -> Removal:
    """Remove each source in turn, and once all of them, and see what each token loses.

    score(s, t) = log p(t | prompt) - log p(t | prompt without s), arXiv 2411.15102, section 2.

    Args:
        inputs: The prompt and answer.
        role: The model to run.
        sources: The sources to remove.
        rerun: If given, attention is masked instead of removing text, and so many tokens behind
            each source are run again.
        scorer: Scorer of that model to use instead, one of a pruned context.

    Raises:
        ConfigurationError: If the proxy is asked for and there is none.
        ModelError: If the model cannot be run with a mask for each token, and `rerun` is given.
    """
    removed = [frozenset(source.sentence_ids) for source in sources]
    return remove_sets(inputs, role, removed, rerun=rerun, scorer=scorer)


def remove_sets(
    inputs: MethodInput,
    role: ModelRole,
    removed: Sequence[frozenset[int]],
    *,
    rerun: int | None = None,
    scorer: AnswerScorer | None = None,
) -> Removal:
    """Do what `remove_each` does with sets of sentences, given by their ids.

    Where the budget ends before, some are left out, never the removal of all sources.
    """
    scorer = scorer or inputs.scorer(role)
    everything = inputs.context.all_ids
    ablations = [*removed, everything]

    def run(sets: Sequence[frozenset[int]]) -> AblationScores:
        return scorer.score(sets) if rerun is None else scorer.knock_out(sets, rerun)

    result = last = run(ablations)
    scored = np.ones(len(ablations), np.bool_) if result.scored is None else result.scored
    if not scored[-1]:
        with inputs.budget.overdraft():  # without this row there is no result
            last = run([everything])
    return Removal(
        drops=inputs.carried(scorer, result.drops[:-1]),
        scored=scored[:-1],
        log_probs=inputs.carried(scorer, last.reference[-1]),
        log_probs_without_context=inputs.carried(scorer, last.log_probs[-1]),
    )


def score_each(inputs: MethodInput, role: ModelRole) -> MethodScores:
    """Remove every source that needs a score, and give what is lost as its score."""
    removal = remove_each(inputs, role, inputs.sources)
    estimand: Estimand = "target_loo" if role == "target" else "proxy_loo"
    return MethodScores(
        scores=removal.drops,
        estimands=tuple(estimand if each else "unscored" for each in removal.scored),
        log_probs=removal.log_probs,
        log_probs_without_context=removal.log_probs_without_context,
    )


def work_of_each(inputs: MethodInput, role: ModelRole) -> float:
    """Return about what `score_each` runs, in tokens times parameters."""
    scorer = inputs.scorer(role)
    tokens = sum(scorer.tokens_for(frozenset(each.sentence_ids)) for each in inputs.sources)
    return inputs.work(role, tokens)


def run_screen(screen: Method, inputs: MethodInput) -> MethodScores:
    """Run the method that ranks sources for another one, which rescores the best on the target.

    Raises:
        ConfigurationError: If the screen's scores are exact already.
    """
    screened = screen.run(inputs)
    if set(screened.estimands) == {"target_loo"}:
        raise ConfigurationError(
            f"the screen {screen.name!r} already gives exact scores on the target; "
            "use it alone, or screen with a cheaper method"
        )
    return screened


def role_of(inputs: MethodInput, result: MethodScores) -> ModelRole:
    """Return the model that scores are of: the proxy where the target was left out, and has to be.

    Args:
        inputs: What was scored.
        result: The scores.
    """
    on_target = any(estimand.startswith("target") for estimand in result.estimands)
    return "target" if on_target or inputs.proxy is None else "proxy"


def check_role(role: str) -> None:
    """Check the option that names a model.

    Raises:
        ConfigurationError: If it names none.
    """
    if role not in ("target", "proxy"):
        raise ConfigurationError(f'on must be "target" or "proxy", got {role!r}')
