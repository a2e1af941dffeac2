"""A surrogate fitted to random ablations, in the manner of ContextCite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError, MissingExtraError
from attribot_integrations.methods.base import MethodInput, MethodScores

if TYPE_CHECKING:
    from attribot_integrations.results import Estimand, FloatArray

__all__ = ["RandomAblationLasso", "random_ablations"]

_ITERATIONS = 10_000


@dataclass(frozen=True)
class RandomAblationLasso:
    """Linear surrogate of the answer's probability under random ablations.

    Each source is kept with probability 0.5. A Lasso is fitted from which sources are kept to
    logit(p) = log p - log(1 - p), p the probability of the whole answer, and its weights are the
    scores (Cohen-Wang et al. 2024, arXiv 2409.00729, section 3). Inputs and outputs are
    standardised for the fit, and weights scaled back.

    The weights are of the answer as a whole; each of its tokens gets an equal part.

    Raises:
        ConfigurationError: If an option is out of range.
        MissingExtraError: If scikit-learn is not installed.
    """

    ablations: int = 32
    """Number of random ablations."""
    penalty: float = 0.01
    """Weight of the Lasso's penalty, for standardised outputs."""
    seed: int = 0
    """Seed of the ablations."""

    def __post_init__(self) -> None:
        if self.ablations < 2 or not self.penalty > 0:
            raise ConfigurationError(
                "ablations must be at least 2 and penalty above 0, "
                f"got {self.ablations} and {self.penalty}"
            )
        try:
            import sklearn.linear_model  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("the baseline contextcite", "evaluation") from error

    @property
    def name(self) -> str:
        """Name shown in results."""
        return f"Lasso on {self.ablations} random ablations"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return False

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source."""
        kept = random_ablations(self.ablations, len(inputs.sources), self.seed)
        removed = [
            frozenset(
                id_
                for source, stays in zip(inputs.sources, row, strict=True)
                if not stays
                for id_ in source.sentence_ids
            )
            for row in kept
        ]
        everything = inputs.context.all_ids
        result = inputs.target.score([*removed, everything])
        weights = self.fit(kept, result.log_probs[:-1].sum(axis=1))
        length = len(inputs.token_spans)
        estimand: Estimand = "baseline"
        return MethodScores(
            scores=np.repeat(weights[:, None] / length, length, axis=1).astype(np.float32),
            estimands=(estimand,) * len(inputs.sources),
            log_probs=inputs.carried(inputs.target, result.reference[-1]),
            log_probs_without_context=inputs.carried(inputs.target, result.log_probs[-1]),
        )

    def fit(self, kept: npt.NDArray[np.bool_], log_probs: FloatArray) -> FloatArray:
        """Fit the surrogate.

        Args:
            kept: `[ablations, sources]`.
            log_probs: `[ablations]`, log-likelihood of the answer under each.

        Returns:
            `[sources]`: weight of keeping each source; 0 where the answer's probability is the
            same under every ablation.
        """
        from sklearn.linear_model import Lasso

        outputs = _logit(log_probs)
        spread, inputs = float(outputs.std()), kept.astype(np.float64)
        deviations = inputs.std(axis=0)
        if spread == 0:
            return np.zeros(kept.shape[1], dtype=np.float32)
        # A source that was always kept, or never, says nothing and gets no weight.
        scales = np.where(deviations > 0, deviations, 1.0)
        standard = (inputs - inputs.mean(axis=0)) / scales
        model = Lasso(alpha=self.penalty, max_iter=_ITERATIONS)
        model.fit(standard, (outputs - outputs.mean()) / spread)
        return np.asarray(model.coef_ * spread / scales, dtype=np.float32)


def random_ablations(count: int, sources: int, *seed: int) -> npt.NDArray[np.bool_]:
    """Draw which sources are kept, each with probability 0.5.

    Args:
        count: Number of ablations.
        sources: Number of sources.
        *seed: One or more numbers; other numbers give an independent draw.

    Returns:
        `[ablations, sources]`.
    """
    generator = np.random.default_rng(seed)
    return np.asarray(generator.random((count, sources)) < 0.5)


def _logit(log_probs: FloatArray) -> npt.NDArray[np.float64]:
    # log(1 - p) by expm1, which is exact for small p; p rounded up to 1 would give infinity.
    values = np.minimum(log_probs.astype(np.float64), -1e-7)
    return np.asarray(values - np.log(-np.expm1(values)))
