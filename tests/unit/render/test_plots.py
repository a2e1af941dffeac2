"""Scores as figures."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.patches import Rectangle

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ConfigurationError, InputError, MissingExtraError
from attribot_integrations.render.plots import PlotKind
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import many, sample, weighed

KINDS: tuple[PlotKind, ...] = ("heatmap", "bars")


def test_heatmap_has_the_statement_scores_and_the_citations() -> None:
    made = sample()
    axes, bar = made.plot().axes
    (image,) = axes.images
    drawn = image.get_array()
    assert drawn is not None
    assert drawn.tolist() == made.statement_scores.tolist()
    assert (image.norm.vmin, image.norm.vmax) == (-6.0, 6.0)
    assert bar.get_ylabel() == "score, nats"
    (dots,) = axes.collections
    assert np.asarray(dots.get_offsets()).tolist() == [[0, 0], [0, 4], [1, 2]]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "Pier history: The pier opened in 1962."
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3", "4"]


def test_what_is_cited_only_for_what_it_states_has_another_mark() -> None:
    axes, _ = weighed().plot().axes
    dots, diamonds = axes.collections
    assert np.asarray(dots.get_offsets()).tolist() == [[0, 0], [0, 4], [1, 2]]
    assert np.asarray(diamonds.get_offsets()).tolist() == [[3, 5]]
    assert "diamond" in axes.get_xlabel()
    assert "diamond" not in sample().plot().axes[0].get_xlabel()


def test_notebooks_show_a_figure() -> None:
    shown = sample().plot()
    notebook: Any = DisplayFormatter()
    formats, _ = notebook.format(shown)
    image = formats["image/png"]
    assert image.startswith(b"\x89PNG")
    again: Any = pickle.loads(pickle.dumps(shown))
    assert again._repr_png_().startswith(b"\x89PNG")


def test_bars_have_the_source_scores_and_colour_tells_what_is_cited() -> None:
    made = weighed()
    scores = made.scores.copy()
    scores[2, -1] = -47.0  # cited at 6 nats, and against the last statement
    made = replace(made, scores=scores)
    (axes,) = made.plot("bars").axes
    bars = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    assert [bar.get_width() for bar in bars] == made.source_scores.tolist()
    cited = {citation.source_id for citation in made.shown_citations}
    colors = {bar.get_facecolor(): set[int]() for bar in bars}
    for source, bar in zip(made.sources, bars, strict=True):
        colors[bar.get_facecolor()].add(source.id)
    assert sorted(colors.values(), key=len) == [{1, 3}, cited]
    dots, diamonds = axes.collections
    assert np.asarray(dots.get_offsets()).tolist() == [[0.25, 0], [6.0, 2], [0.125, 4]]
    assert np.asarray(diamonds.get_offsets()).tolist() == [[0.02, 5]]


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_cited_is_drawn_and_then_the_strongest_in_order(kind: PlotKind) -> None:
    def drawn(most: int) -> list[str]:
        axes = sample().plot(kind, max_sources=most).axes[0]
        assert axes.get_title(loc="left") == f"{max(3, most)} of 6 sources"
        return [label.get_text() for label in axes.get_yticklabels()]

    cited = [
        "Pier history: The pier opened in 1962.",
        "survey.pdf: It measures 900 metres.",
        "Guide: Since 1962 people use the pier.",
    ]
    assert drawn(1) == cited
    assert drawn(4) == [*cited, "chunk 4: Fish is sold at six."]


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_text_is_drawn_as_it_is(kind: PlotKind) -> None:
    chunk = Chunk(r"$\frac{1}{0$ and $x$ \x1b[1m", metadata={"title": "$$ \\badmacro{"})
    figure = make_attribution("Q", [chunk], "A.").plot(kind)
    figure.savefig(io.BytesIO(), format="png")
    assert figure.axes[0].get_yticklabels()[0].get_text().startswith(r"$$ \badmacro{: $\frac{1}{0$")


@pytest.mark.parametrize("kind", KINDS)
def test_many_sources(kind: PlotKind) -> None:
    figure = many(300).plot(kind)
    assert len(figure.axes[0].get_yticks()) == 30


def test_figures_are_unknown_to_pyplot() -> None:
    code = (
        "import sys\nfrom tests.unit.render.samples import sample\nsample().plot()\n"
        "assert 'matplotlib.figure' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "attribot_integrations.render.figures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r'pip install "attribot-integrations\[plots\]"'):
        sample().plot()


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ConfigurationError, match='"heatmap" or "bars", got \'pie\''):
        sample().plot("pie")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="max_sources must be at least 1, got 0"):
        sample().plot(max_sources=0)
    with pytest.raises(InputError, match="holds no source or no statement"):
        replace(sample(), statements=(), citations=(), support=()).plot()
