"""Whether a statement is supported by the context, by its likelihoods and by what states it.

A label says what the measuring model's log-likelihoods and the verifier say, and no more: a
statement can be true and `unsupported`, or false and `supported` by a chunk that is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results.fitted import (
    ENOUGH_OF_BOTH,
    MIN_PROBABILITY,
    MIN_STATED,
    SUPPORT_BIAS,
    SUPPORT_VERIFIER,
    SUPPORT_WEIGHTS,
    UNVERIFIED_BIAS,
    UNVERIFIED_WEIGHTS,
)
from attribot_integrations.results.parts import citable_rows
from attribot_integrations.results.probabilities import logistic

if TYPE_CHECKING:
    from attribot_integrations.results.attribution import Attribution
    from attribot_integrations.results.parts import FloatArray

__all__ = [
    "DENIED",
    "FEATURES",
    "NOT_REMOVED",
    "NO_TOKEN",
    "LabelSupport",
    "Support",
    "SupportEvidence",
    "SupportLabel",
    "SupportProbability",
    "support_evidence",
]

SupportLabel = Literal["supported", "unsupported", "parametric", "uncertain", "unknown"]
"""Where a statement comes from.

`supported`: it depends on the context, or a source states what the model would not have said, and
sources are cited for it. `unsupported`: the context explains too little of it, and no source that
it depends on states it. `parametric`: it is as likely without the context, so the model knows it or
takes it from the question; what states it is cited all the same. `uncertain`: it depends on the
context as a whole, but no source stands out. `unknown`: it could not be judged, for the reason
given.
"""

DENIED: frozenset[SupportLabel] = frozenset({"unsupported", "parametric"})
"""Labels that say that the sources do not support the statement."""

NO_TOKEN = "no token is its own: its text belongs to the statement before, or is not scored"
"""Why a statement that a tokenizer joins to its neighbour has no label."""

NOT_REMOVED = (
    "the prompt may still hold retrieved text when all sources are removed, so what the statement "
    "owes to the context is not known"
)
"""Why a statement has no label where some chunk could not be removed, see
`Attribution.unremoved`."""

FEATURES = (
    "explained_share",
    "best_score",
    "least_token_gain",
    "least_token_log_prob",
    "tokens",
    "best_stated",
)
"""What a support probability is made of, see `SupportEvidence.features`. The last is known only
where a verifier was asked."""


@dataclass(frozen=True)
class SupportEvidence:
    """What a label is judged by."""

    log_likelihood: float
    """Of the statement with the full context, in nats."""
    log_likelihood_without_context: float
    """Of the statement with every chunk removed, in nats."""
    least_token_log_prob: float
    """Log-probability of the statement's least likely token with the full context, in nats."""
    least_token_gain: float
    """How much more likely the context makes the token that it helps least, in nats; far below 0
    where the context speaks against a word."""
    tokens: int
    """Tokens of the statement; 0 where it has none of its own."""
    best_score: float
    """Highest score of a source for the statement, or of sources that say the same removed
    together, in nats."""
    cited: bool
    """Whether a source is cited for it."""
    complete: bool = True
    """Whether all retrieved text was removed for `log_likelihood_without_context`."""
    best_stated: float | None = None
    """How clearly the source that states it best does so, 0 to 1; `None` without a verifier."""
    verifier: str | None = None
    """Name of the verifier that says so."""
    cited_on_both: bool = False
    """Whether a source is cited for both: the statement depends on it, and it states it."""

    @property
    def gain(self) -> float:
        """How much more likely the context makes the statement, in nats."""
        return self.log_likelihood - self.log_likelihood_without_context

    def features(self) -> tuple[float, ...]:
        """Return the numbers that `FEATURES` names.

        The share that the context explains is gain / -log p(statement without context), with at
        least 1 nat below. Sums of nats are damped by log(1 + x), and of tokens the log is taken.
        The last is the log-odds of the verifier's score, and missing without one.
        """
        surprise = max(1.0, -self.log_likelihood_without_context)
        measured = (
            self.gain / surprise,
            _damped(self.best_score),
            _damped(self.least_token_gain),
            self.least_token_log_prob,
            math.log(max(1, self.tokens)),
        )
        return measured if self.best_stated is None else (*measured, _log_odds(self.best_stated))


def support_evidence(attribution: Attribution) -> tuple[SupportEvidence, ...]:
    """Gather what the support of each statement is judged by.

    To label a stored attribution anew: `LabelSupport(…)(support_evidence(attribution))`.
    """
    scores, stated = attribution.statement_scores, attribution.stated
    log_probs = attribution.token_log_probs
    gains = log_probs - attribution.token_log_probs_without_context
    rows = citable_rows(attribution.sources)
    best = scores[rows].max(axis=0, initial=0.0)
    clearest = None if stated is None else stated[rows].max(axis=0, initial=0.0)
    joint = {group.statement_index: group.joint_score for group in attribution.alternatives}
    cited = {citation.statement_index for citation in attribution.citations}
    both = {each.statement_index for each in attribution.citations if each.basis == "both"}
    return tuple(
        SupportEvidence(
            log_likelihood=float(log_probs[slice(*each.tokens)].sum()),
            log_likelihood_without_context=float(
                attribution.token_log_probs_without_context[slice(*each.tokens)].sum()
            ),
            least_token_log_prob=float(log_probs[slice(*each.tokens)].min(initial=0.0)),
            least_token_gain=_least(gains[slice(*each.tokens)]),
            tokens=each.tokens[1] - each.tokens[0],
            best_score=max(float(best[each.index]), joint.get(each.index, 0.0)),
            cited=each.index in cited,
            complete=not attribution.unremoved,
            best_stated=None if clearest is None else float(clearest[each.index]),
            verifier=None if clearest is None else attribution.verifier,
            cited_on_both=each.index in both,
        )
        for each in attribution.statements
    )


@dataclass(frozen=True)
class Support:
    """How well the context supports one statement."""

    statement_index: int
    label: SupportLabel
    log_likelihood: float
    """Of the statement with the full context, in nats."""
    log_likelihood_without_context: float
    """Of the statement with every chunk removed, in nats."""
    probability: float | None = None
    """Calibrated probability that the context supports the statement, where one is configured."""
    reason: str | None = None
    """Why the statement could not be judged, where it is `unknown`."""

    @property
    def gain(self) -> float:
        """How much more likely the context makes the statement, in nats."""
        return self.log_likelihood - self.log_likelihood_without_context


@dataclass(frozen=True)
class SupportProbability:
    """A logistic model of support, fitted by `evaluation.calibrate`."""

    weights: tuple[float, ...]
    """One for each of `FEATURES`, or for all but the last, to do without a verifier."""
    bias: float
    verifier: str | None = None
    """Name of the verifier whose scores it was fitted to, or the beginning of its name, before a
    comma: what another one says has another scale. `None` to take the scores of any."""

    def __post_init__(self) -> None:
        if not 0 <= len(FEATURES) - len(self.weights) <= 1:
            raise ConfigurationError(
                f"weights must be {len(FEATURES)} numbers, for {list(FEATURES)}, or one less "
                f"without a verifier; got {len(self.weights)}"
            )

    def can_judge(self, evidence: SupportEvidence) -> bool:
        """Tell whether all is known that it needs, from the verifier that it was fitted to."""
        if len(self.weights) < len(FEATURES):
            return True
        named = evidence.verifier or ""
        known = self.verifier in (None, named, named.partition(",")[0])
        return known and evidence.best_stated is not None

    def __call__(self, evidence: SupportEvidence) -> float:
        """Return the probability of support, 0 to 1.

        Raises:
            ConfigurationError: If it needs a verifier, and none was asked, or another one.
        """
        if not self.can_judge(evidence):
            asked = (
                "none was asked"
                if evidence.best_stated is None
                else (f"it was fitted to {self.verifier!r}, not to {evidence.verifier!r}")
            )
            raise ConfigurationError(
                f"a support probability with {len(self.weights)} weights needs a verifier, and "
                f"{asked}"
            )
        features = evidence.features()[: len(self.weights)]
        logit = self.bias + sum(w * x for w, x in zip(self.weights, features, strict=True))
        return float(logistic(logit))


@dataclass(frozen=True)
class LabelSupport:
    """Labels statements; all thresholds are here.

    The default probability was fitted to two small models on data sets of real text, see the page
    on defaults. Fit it to labelled answers of your own with `evaluation.calibrate`.
    """

    min_gain: float = 1.0
    """Least gain in log-likelihood from the context, in nats, of what is not `parametric`."""
    min_token_log_prob: float = -2.0
    """Least mean log-probability of a token with the context, in nats, of what is not
    `unsupported`: -2 is a perplexity of 7.4."""
    min_known_token_log_prob: float = -6.0
    """Least log-probability of every token, in nats, of what is `parametric`: a model that knows a
    statement is surprised by none of its words."""
    probability: SupportProbability | None = SupportProbability(
        SUPPORT_WEIGHTS, SUPPORT_BIAS, SUPPORT_VERIFIER
    )
    """Calibrated model, by default one fitted to real text; `min_probability` then takes the place
    of `min_token_log_prob`. `None` to judge by that."""
    unverified: SupportProbability | None = SupportProbability(UNVERIFIED_WEIGHTS, UNVERIFIED_BIAS)
    """What takes the place of a `probability` that needs a verifier, where none was asked, or
    another one than it was fitted to."""
    min_probability: float = MIN_PROBABILITY
    """Least calibrated probability of what is not `unsupported`; a quarter of it is enough where a
    source that is cited both states it and is what it depends on."""

    def __post_init__(self) -> None:
        if not self.min_gain > 0:
            raise ConfigurationError(f"min_gain must be above 0 nats, got {self.min_gain}")
        for name in ("min_token_log_prob", "min_known_token_log_prob"):
            if not getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must be below 0 nats, got {getattr(self, name)}")
        if not 0 < self.min_probability < 1:
            raise ConfigurationError(
                f"min_probability must be between 0 and 1, got {self.min_probability}"
            )

    def __call__(self, evidence: Sequence[SupportEvidence]) -> tuple[Support, ...]:
        """Label every statement of an answer."""
        return tuple(self._judge(index, each) for index, each in enumerate(evidence))

    def _judge(self, index: int, evidence: SupportEvidence) -> Support:
        scored = evidence.tokens > 0
        probability = self._probability(evidence) if scored else None
        label = self._label(evidence, probability) if scored else "unknown"
        reason = NOT_REMOVED if scored else NO_TOKEN
        return Support(
            statement_index=index,
            label=label,
            log_likelihood=evidence.log_likelihood,
            log_likelihood_without_context=evidence.log_likelihood_without_context,
            probability=probability,
            reason=reason if label == "unknown" else None,
        )

    def _probability(self, evidence: SupportEvidence) -> float | None:
        calibrated = self.probability
        if calibrated is not None and not calibrated.can_judge(evidence):
            calibrated = self.unverified
        return None if calibrated is None else calibrated(evidence)

    def _label(self, evidence: SupportEvidence, probability: float | None) -> SupportLabel:
        likely = self._is_likely(evidence, probability)
        small = evidence.gain < self.min_gain
        if not likely and not (small and probability is not None):
            return "unsupported" if evidence.complete or probability is None else "unknown"
        if small:
            # What needs no context has no support either, and that is no fault of it.
            if not evidence.complete:
                return "unknown"  # text that was left standing makes the gain too small
            if evidence.least_token_log_prob >= self.min_known_token_log_prob:
                return "parametric"
            if not (likely and (evidence.best_stated or 0.0) >= MIN_STATED):
                return "unsupported"
        return "supported" if evidence.cited else "uncertain"

    def _is_likely(self, evidence: SupportEvidence, probability: float | None) -> bool:
        if probability is not None:
            # A likelihood is low for an unusual form, too, such as a bare word in a chat. That is
            # little reason to doubt what a source states, and the model takes from it.
            least = ENOUGH_OF_BOTH if evidence.cited_on_both else 1.0
            return probability >= least * self.min_probability
        return evidence.log_likelihood / evidence.tokens >= self.min_token_log_prob


def _least(values: FloatArray) -> float:
    return float(values.min()) if values.size else 0.0


def _log_odds(probability: float) -> float:
    limited = min(max(probability, 0.001), 0.999)
    return math.log(limited / (1 - limited))


def _damped(nats: float) -> float:
    return math.copysign(math.log1p(abs(nats)), nats)
