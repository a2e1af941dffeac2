"""Figures that a notebook shows without being told how."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from attribot_integrations.render.figures import NotebookFigure


def test_a_figure_is_a_png_of_its_size() -> None:
    image = NotebookFigure(figsize=(2, 1), dpi=50)._repr_png_()
    assert image.startswith(b"\x89PNG")
    width, height = (int.from_bytes(image[start : start + 4], "big") for start in (16, 20))
    assert (width, height) == (100, 50)


def test_what_is_drawn_is_shown() -> None:
    figure = NotebookFigure(figsize=(2, 1), dpi=50)
    empty = figure._repr_png_()
    figure.add_subplot().plot([0, 1], [1, 0])
    assert figure._repr_png_() != empty


def test_pyplot_does_not_know_it() -> None:
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    NotebookFigure()._repr_png_()
    assert pyplot.get_fignums() == before
