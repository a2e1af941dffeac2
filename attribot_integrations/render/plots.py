"""Scores as images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribot_integrations.errors import ConfigurationError, InputError, MissingExtraError
from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.evidence import basis_of
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attribot_integrations.results import Attribution, Citation, FloatArray

__all__ = ["PlotKind", "plot_scores"]

PlotKind = Literal["heatmap", "bars"]
"""`heatmap`: sources by statements. `bars`: sources, for the whole answer."""

_ACCENT, _QUIET = "#0b6e4f", "#9aa2ab"
_LABEL_LENGTH = 48


def plot_scores(
    attribution: Attribution, kind: PlotKind = "heatmap", *, max_sources: int = 30
) -> Figure:
    """Draw the scores of the sources, in nats.

    All cited sources are drawn, and the others with the largest scores, in the order of the
    context. Cited sources are marked: by a dot in the heat map, by a diamond where they are cited
    only for what they state. Among the bars they have a colour of their own, whatever the sign of
    their score for the whole answer, and the mark stands at their score for the statement that they
    are cited for, the highest of several.

    Args:
        attribution: The result.
        kind: What to draw.
        max_sources: Most sources drawn; more where more are cited.

    Returns:
        A figure of its own, unknown to pyplot: notebooks show it, and `savefig` writes it.

    Raises:
        ConfigurationError: If there is no such kind, or `max_sources` is not positive.
        InputError: If the result holds no source or no statement.
        MissingExtraError: If matplotlib is not installed.
    """
    if kind not in ("heatmap", "bars"):
        raise ConfigurationError(f'kind must be "heatmap" or "bars", got {kind!r}')
    if max_sources < 1:
        raise ConfigurationError(f"max_sources must be at least 1, got {max_sources}")
    if not attribution.sources or not attribution.statements:
        raise InputError("there is nothing to draw: the result holds no source or no statement")
    try:
        from attribot_integrations.render.figures import NotebookFigure
    except ImportError as error:
        raise MissingExtraError("Attribution.plot", "plots") from error
    rows = _strongest(attribution, max_sources)
    statements = len(attribution.statements)
    width = 7.0 if kind == "bars" else min(16.0, 5.5 + 0.8 * statements)
    height = min(40.0, 1.7 + 0.28 * len(rows))
    figure = NotebookFigure(figsize=(width, height), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    if kind == "bars":
        _draw_bars(axes, attribution, rows)
    else:
        _draw_heatmap(figure, axes, attribution, rows)
    # Text of documents is no formula, whatever dollar signs it holds.
    axes.tick_params(labelsize=8)
    labels = [_label(attribution, row) for row in rows]
    axes.set_yticks(range(len(rows)), labels, fontsize=8, parse_math=False)
    if len(rows) < len(attribution.sources):
        title = f"{len(rows)} of {len(attribution.sources)} sources"
        axes.set_title(title, fontsize=9, loc="left")
    return figure


def _strongest(attribution: Attribution, most: int) -> list[int]:
    cited = {citation.source_id for citation in attribution.shown_citations}
    strength = np.abs(attribution.statement_scores).max(axis=1)
    ranked = sorted(
        range(len(attribution.sources)),
        key=lambda row: (attribution.sources[row].id not in cited, -strength[row]),
    )
    return sorted(ranked[: max(most, len(cited))])


def _draw_bars(axes: Axes, attribution: Attribution, rows: list[int]) -> None:
    scores: FloatArray = attribution.source_scores[rows]
    cited: dict[int, list[Citation]] = {}
    for citation in attribution.shown_citations:
        cited.setdefault(citation.source_id, []).append(citation)
    own = [cited.get(attribution.sources[row].id, []) for row in rows]
    axes.barh(range(len(rows)), scores, color=[_ACCENT if each else _QUIET for each in own])
    legend = "score for the answer, nats"
    for marker, only_stated in (("o", False), ("D", True)):
        marks = [
            (max(citation.score for citation in each), place)
            for place, each in enumerate(own)
            if each and (basis_of(each) == "states") is only_stated
        ]
        if marks:
            _mark(axes, marks, marker)
            legend = "score for the answer, nats (green: cited; mark: for the cited statement)"
    axes.axvline(0, color=_QUIET, linewidth=0.8)
    axes.invert_yaxis()
    axes.grid(visible=True, axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.set_xlabel(legend, fontsize=8)


def _mark(axes: Axes, places: Sequence[tuple[float, int]], marker: str) -> None:
    x, y = zip(*places, strict=True)
    axes.scatter(
        x, y, s=18, marker=marker, color="white", edgecolors="black", linewidths=0.8, zorder=3
    )


def _draw_heatmap(figure: Figure, axes: Axes, attribution: Attribution, rows: list[int]) -> None:
    scores = attribution.statement_scores[rows]
    most = max(1.0, float(np.abs(scores).max()))
    image = axes.imshow(scores, cmap="PuOr_r", vmin=-most, vmax=most, aspect="auto")
    bar = figure.colorbar(image, ax=axes, shrink=min(1.0, 8 / len(rows) + 0.3))
    bar.set_label("score, nats", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    places = {attribution.sources[row].id: place for place, row in enumerate(rows)}
    legend = "statement (dot: cited)"
    for marker, only_stated in (("o", False), ("D", True)):
        dots = [
            (citation.statement_index, places[citation.source_id])
            for citation in attribution.shown_citations
            if citation.source_id in places and (citation.basis == "states") is only_stated
        ]
        if dots:
            _mark(axes, dots, marker)
            if only_stated:
                legend = "statement (dot: cited, diamond: cited only for what it states)"
    names = [f"{statement.index + 1}" for statement in attribution.statements]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlabel(legend, fontsize=8)


def _label(attribution: Attribution, row: int) -> str:
    source = attribution.sources[row]
    chunk = attribution.chunks[source.chunk_index]
    name = chunk_name(chunk, source.chunk_index, source.part)
    label = f"{name}: {one_line(source.text)}"
    return label if len(label) <= _LABEL_LENGTH else f"{label[: _LABEL_LENGTH - 1]}…"
