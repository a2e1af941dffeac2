"""What a method is given, what it gives back, and the ablation they all share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.statements import spread_over_tokens

if TYPE_CHECKING:
    from attribot_integrations.results import Estimand, FloatArray, Statement
    from attribot_integrations.scoring.scorer import Scorer
    from attribot_integrations.sources import Source, Span

__all__ = ["LeaveOneOutScores", "Method", "MethodInput", "MethodScores", "leave_one_out"]


@dataclass(frozen=True)
class MethodInput:
    """One prompt and answer, ready to be scored."""

    target: Scorer
    proxy: Scorer | None
    sources: tuple[Source, ...]
    """The sources that need a score."""
    all_ids: frozenset[int]
    """Ids of all sentences."""
    statements: tuple[Statement, ...]
    token_spans: tuple[Span, ...]
    """Spans of the answer's tokens, by the target's tokenizer."""

    def require_proxy(self) -> Scorer:
        """Return the proxy's scorer.

        Raises:
            ConfigurationError: If there is no proxy.
        """
        if self.proxy is None:
            raise ConfigurationError("this method runs a proxy model, and the engine has none")
        return self.proxy


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

    @property
    def exact(self) -> npt.NDArray[np.bool_]:
        """`[sources]`: whether the score is exact leave-one-out on the target."""
        return np.array([estimand == "target_loo" for estimand in self.estimands], dtype=np.bool_)


class Method(Protocol):
    """Anything that scores sources."""

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


@dataclass(frozen=True)
class LeaveOneOutScores:
    """Leave-one-out on one model, carried over to the target's tokens."""

    drops: FloatArray
    """`[sources, answer tokens]`, in nats."""
    log_probs: FloatArray
    """`[answer tokens]`: full context."""
    log_probs_without_context: FloatArray
    """`[answer tokens]`: no context."""


def leave_one_out(
    scorer: Scorer, sources: Sequence[Source], inputs: MethodInput
) -> LeaveOneOutScores:
    """Remove each source in turn, and once all of them, and see what each token loses.

    score(s, t) = log p(t | prompt) - log p(t | prompt without s), arXiv 2411.15102, section 2.
    """
    ablations = [frozenset(source.sentence_ids) for source in sources]
    result = scorer.score([*ablations, inputs.all_ids])

    def carried(values: FloatArray) -> FloatArray:
        return spread_over_tokens(values, scorer.answer.offsets, inputs.token_spans)

    return LeaveOneOutScores(
        drops=carried(result.drops[:-1]),
        log_probs=carried(result.reference[-1]),
        log_probs_without_context=carried(result.log_probs[-1]),
    )
