"""Cost against size, as an image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attribot_integrations.evaluation.fidelity_plots import check_plots
from benchmarks.rows import Row

__all__ = ["plot_sweep"]


def plot_sweep(path: Path, rows: Sequence[Row]) -> None:
    """Draw seconds against prompt tokens, one panel for each shape.

    Args:
        path: The image; its suffix says in which format.
        rows: All rows; those of contexts outside the sweep are left out.

    Raises:
        MissingExtraError: If matplotlib is not installed.
        ValueError: If no context of the sweep was measured.
    """
    check_plots()
    from matplotlib.figure import Figure

    swept = [row for row in rows if row.context.startswith("sweep-") and row.seconds is not None]
    if not swept:
        raise ValueError("nothing to plot: measure contexts of the sweep (--contexts sweep)")
    shapes = list(dict.fromkeys(row.shape for row in swept))
    figure = Figure(figsize=(5.2 * len(shapes), 4.2), layout="constrained")
    for number, shape in enumerate(shapes, start=1):
        axes = figure.add_subplot(1, len(shapes), number)
        own = [row for row in swept if row.shape == shape]
        for way in dict.fromkeys(row.way for row in own):
            points = sorted((row.prompt_tokens, row.seconds) for row in own if row.way == way)
            sizes, seconds = zip(*points, strict=True)
            ours = any(row.group == "ours" for row in own if row.way == way)
            axes.plot(sizes, seconds, "o-" if ours else "s--", label=way, markersize=4)
        axes.set(xscale="log", yscale="log", title=shape)
        axes.set(xlabel="prompt (tokens)", ylabel="seconds for one example")
        axes.grid(visible=True, which="both", alpha=0.2)
        axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)
