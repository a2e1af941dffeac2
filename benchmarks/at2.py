"""Attention weighted as AT2 does: weights of heads learned on random ablations of training answers.

Own code after the paper (arXiv 2504.13752, section 3), not its package: the effect of an ablation
is predicted by the sum of the weighted attention that the sources left receive, and the weights
maximise the mean correlation of predicted with actual log-likelihoods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from attribot_integrations.evaluation.baselines_lasso import random_ablations

if TYPE_CHECKING:
    import numpy.typing as npt

    from attribot_integrations.evaluation.cases import Case
    from attribot_integrations.results import FloatArray

__all__ = ["AblatedAnswer", "ablated_answer", "fit_to_ablations"]

_STEPS = 300
_RATE = 0.05


@dataclass(frozen=True, eq=False)
class AblatedAnswer:
    """One training answer: what it attends to, and how likely it is under random ablations."""

    attention: FloatArray
    """`[heads, sources]`, summed over the answer's tokens."""
    kept: npt.NDArray[np.bool_]
    """`[ablations, sources]`."""
    log_probs: FloatArray
    """`[ablations]`: log-likelihood of the answer under each, in nats."""

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "attention": self.attention.tolist(),
            "kept": self.kept.tolist(),
            "log_probs": self.log_probs.tolist(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AblatedAnswer:
        """Read what `to_dict` returned."""
        return cls(
            np.asarray(data["attention"], dtype=np.float32),
            np.asarray(data["kept"], dtype=np.bool_),
            np.asarray(data["log_probs"], dtype=np.float32),
        )


def ablated_answer(case: Case, ablations: int, seed: int) -> AblatedAnswer:
    """Run a training answer once to read its attention, and once for each random ablation."""
    groups = [frozenset(source.sentence_ids) for source in case.sources]
    attention = case.scorer.read_attention(groups).shares.sum(axis=2)
    kept = random_ablations(ablations, len(groups), seed)
    removed = [
        frozenset(id_ for place in np.flatnonzero(~row) for id_ in groups[place]) for row in kept
    ]
    log_probs = case.scorer.score(removed).log_probs.sum(axis=1)
    return AblatedAnswer(attention, kept, np.asarray(log_probs, dtype=np.float32))


def fit_to_ablations(answers: Sequence[AblatedAnswer]) -> FloatArray:
    """Return the weights of heads, `[heads]`, none negative.

    Args:
        answers: Training answers. Those whose ablations change nothing are left out.
    """
    telling = [each for each in answers if each.attention.shape[1] > 1 and np.ptp(each.log_probs)]
    if not telling:
        raise ValueError("no training answer depends on its context")
    scale = np.mean([each.attention.mean(axis=1) for each in telling], axis=0) + 1e-12
    inputs = [
        torch.from_numpy(each.kept.astype(np.float32) @ (each.attention / scale[:, None]).T)
        for each in telling
    ]
    outcomes = [_standardised(torch.from_numpy(each.log_probs)) for each in telling]
    free = torch.zeros(len(scale), requires_grad=True)
    optimizer = torch.optim.Adam([free], lr=_RATE)
    for _ in range(_STEPS):
        weights = torch.nn.functional.softplus(free)
        agreed = [
            (_standardised(each @ weights) * outcome).mean()
            for each, outcome in zip(inputs, outcomes, strict=True)
        ]
        optimizer.zero_grad()
        (-torch.stack(agreed).mean()).backward()
        optimizer.step()
    found: FloatArray = (torch.nn.functional.softplus(free).detach().numpy() / scale).astype(
        np.float32
    )
    return found


def _standardised(values: torch.Tensor) -> torch.Tensor:
    centred = values - values.mean()
    return centred / (centred.square().mean().sqrt() + 1e-9)
