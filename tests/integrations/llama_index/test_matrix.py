"""LlamaIndex's half of the matrix: no cell is silently wrong."""

import pytest

from tests.integrations.matrix import Cell, cells, halves, run, sample


@pytest.mark.parametrize("cell", sample("LlamaIndex"), ids=str)
def test_a_sample_of_the_matrix(cell: Cell) -> None:
    assert run(cell).outcome in ("cites", "absent")


def test_the_sample_holds_every_shape_format_and_form() -> None:
    half, chosen = halves()["LlamaIndex"], sample("LlamaIndex")
    assert {cell.shape for cell in chosen} == set(half.shapes)
    assert {cell.format for cell in chosen} == set(half.formats)
    assert {cell.form for cell in chosen} == set(half.forms)


@pytest.mark.slow
@pytest.mark.parametrize("shape", halves()["LlamaIndex"].shapes)
def test_the_matrix(shape: str) -> None:
    found = {cell: run(cell) for cell in cells("LlamaIndex") if cell.shape == shape}
    assert len(found) == 48
    assert [(cell, each) for cell, each in found.items() if each.outcome == "wrong"] == []
