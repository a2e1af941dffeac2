from __future__ import annotations

import pytest
import torch

from training.optimizer import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 8, 32), (2, 32, 8)])
def test_singular_values_come_near_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    before = torch.linalg.svdvals(matrices)
    # The smallest singular values of square matrices are left out: they may stay small.
    kept = before > 0.05 * torch.linalg.matrix_norm(matrices)[:, None]
    values = torch.linalg.svdvals(orthogonalise(matrices))[kept]
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_singular_vectors_are_kept() -> None:
    matrix = torch.randn(1, 6, 10, generator=torch.Generator().manual_seed(0))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    inner = left.mT @ orthogonalise(matrix) @ right.mT
    assert torch.allclose(inner, torch.diag_embed(inner.diagonal(dim1=1, dim2=2)), atol=1e-4)


def test_size_of_the_gradient_does_not_matter() -> None:
    matrix = torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(orthogonalise(matrix), orthogonalise(1_000 * matrix), atol=1e-4)


def test_muon_fits_a_linear_map() -> None:
    generator = torch.Generator().manual_seed(0)
    wanted = torch.randn(8, 6, generator=generator)
    weight = torch.nn.Parameter(torch.zeros(8, 6))
    optimizer = Muon([weight], lr=0.3, weight_decay=0.0)
    losses = []
    for step in range(150):
        optimizer.param_groups[0]["lr"] = 0.3 * (1 - step / 150)
        inputs = torch.randn(32, 6, generator=generator)
        loss = ((inputs @ (weight - wanted).T) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.01 * losses[0]


def test_muon_takes_matrices_only() -> None:
    with pytest.raises(ValueError, match="matrices only"):
        Muon([torch.nn.Parameter(torch.zeros(3))], lr=0.1)


def test_muon_takes_no_closure() -> None:
    with pytest.raises(ValueError, match="closure"):
        Muon([torch.nn.Parameter(torch.zeros(3, 3))], lr=0.1).step(lambda: 0.0)
