"""LangChain's half of the matrix: no cell is silently wrong."""

import pytest

from tests.integrations.matrix import FORMATS, FORMS, Cell, cells, run, shapes

SHAPES = list(shapes()["LangChain"])
DIAGONAL = [
    Cell("LangChain", SHAPES[place % len(SHAPES)], format, FORMS[(place + turn) % len(FORMS)])
    for turn in range(2)
    for place, format in enumerate(FORMATS, start=3 * turn)
]


@pytest.mark.parametrize("cell", DIAGONAL, ids=str)
def test_a_sample_of_the_matrix(cell: Cell) -> None:
    assert run(cell).outcome == "cites"


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_the_matrix(shape: str) -> None:
    found = {cell: run(cell) for cell in cells("LangChain") if cell.shape == shape}
    assert len(found) == 48
    assert [(cell, each) for cell, each in found.items() if each.outcome == "wrong"] == []
