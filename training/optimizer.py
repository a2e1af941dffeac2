"""Muon for the hidden matrices: momentum, orthogonalised before it is applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, overload

import torch
from torch import Tensor

_QUINTIC: Final = (
    3.4445,
    -4.7750,
    2.0315,
)  # chosen to raise small singular values fast, not to converge to 1


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """Bring the singular values of each matrix near one, by Newton-Schulz iteration.

    Args:
        matrices: `[n, rows, columns]`.
        steps: Number of iterations; five are enough for all but the smallest singular values.
    """
    tall = matrices.shape[1] > matrices.shape[2]
    result = matrices.mT if tall else matrices
    result = result / (torch.linalg.matrix_norm(result, keepdim=True) + 1e-7)
    a, b, c = _QUINTIC
    for _ in range(steps):
        gram = result @ result.mT
        result = a * result + (b * gram + c * gram @ gram) @ result
    orthogonal: Tensor = result.mT if tall else result
    return orthogonal


class Muon(torch.optim.Optimizer):
    """Momentum orthogonalised by Newton-Schulz, scaled so that a step's size matches that of AdamW.

    Args:
        params: Matrices only; embeddings, norms and biases belong in another optimizer.
        lr: Learning rate.
        momentum: Momentum, in Nesterov's form.
        weight_decay: Decoupled weight decay.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        if any(p.ndim != 2 for group in self.param_groups for p in group["params"]):
            raise ValueError("Muon takes matrices only")

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; a closure is not supported.

        Raises:
            ValueError: If a closure is given.
        """
        if closure is not None:
            raise ValueError("Muon takes no closure")
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape.setdefault(parameter.shape, []).append(parameter)
            for (
                parameters
            ) in by_shape.values():  # matrices of one shape are orthogonalised together
                self._update(parameters, group)
        return None

    def _update(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        directions = []
        for parameter in parameters:
            assert parameter.grad is not None
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            state["momentum"].mul_(group["momentum"]).add_(parameter.grad)
            directions.append(parameter.grad + group["momentum"] * state["momentum"])
        scale = 0.2 * max(parameters[0].shape) ** 0.5
        for parameter, update in zip(
            parameters, orthogonalise(torch.stack(directions)), strict=True
        ):
            parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(
                update, alpha=-group["lr"] * scale
            )
