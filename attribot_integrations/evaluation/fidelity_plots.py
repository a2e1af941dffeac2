"""Fidelity against cost, as an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Point", "check_plots", "pareto_front", "plot_fidelity"]

Place = tuple[float, float]
"""Cost and fidelity, as drawn."""

_ACCENT, _QUIET = "#0b6e4f", "#6b7078"
_AROUND = tuple(
    (horizontal, "center", x, y)
    for y in (7, -7, 14, -14, 21, -21, 28, -28, 35, -35)
    for horizontal, x in (("left", 6), ("right", -6))
)
"""Where a label may stand: alignments, and offsets in points."""


@dataclass(frozen=True)
class Point:
    """One method's place."""

    name: str
    cost: float
    """Tokens times parameters, naive leave-one-out on the target being 1."""
    fidelity: float
    low: float
    high: float


def check_plots() -> None:
    """Make sure that images can be drawn.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("the plot", "plots") from error


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """Return the points that none beats: no other is as cheap and better, or as good and cheaper.

    Args:
        points: All points.

    Returns:
        Those of the front, by rising cost.
    """
    front = [
        point
        for point in points
        if not any(
            other.cost <= point.cost
            and other.fidelity >= point.fidelity
            and (other.cost, other.fidelity) != (point.cost, point.fidelity)
            for other in points
        )
    ]
    return sorted(front, key=lambda point: (point.cost, point.name))


def plot_fidelity(results: Mapping[str, Any], path: Path) -> None:
    """Draw every method's mAP against its cost, the Pareto front marked.

    A method that runs no model has cost 0, which a logarithmic scale lacks: it stands at the left
    edge. A method without a figure is left out.

    Args:
        results: Results of an evaluation.
        path: File to write; its ending says which format.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    check_plots()
    # A figure of its own: pyplot would keep it, and could open a window.
    from matplotlib.figure import Figure

    points = _points(results["methods"])
    figure = Figure(figsize=(9, 5.5), layout="constrained", dpi=160)
    axes = figure.add_subplot()
    edge = min((point.cost for point in points if point.cost > 0), default=1.0) / 3
    places = {point: (max(point.cost, edge), point.fidelity) for point in points}
    front = pareto_front(points)
    _draw(axes, places, front)
    settings = results["settings"]
    axes.set_title(f"{settings['data']} (n = {results['n']})", fontsize=10, loc="left")
    figure.draw_without_rendering()  # settles the layout, which labels are placed in
    _label(axes, places, front)
    figure.savefig(path)


def _points(methods: Mapping[str, Mapping[str, Any]]) -> list[Point]:
    """Return the points; methods that came out just the same share one."""
    found: dict[tuple[float, ...], list[str]] = {}
    for name, figures in methods.items():
        if figures["map"] is not None and figures["cost_vs_naive"] is not None:
            place = (figures["cost_vs_naive"], figures["map"], *figures["map_ci"])
            found.setdefault(place, []).append(name)
    return [Point(" = ".join(names), *place) for place, names in found.items()]


def _draw(axes: Axes, places: Mapping[Point, Place], front: Sequence[Point]) -> None:
    axes.set_xscale("log")
    axes.set_ylim(-0.03, 1.09)
    axes.margins(x=0.08)
    axes.step(
        [places[point][0] for point in front],
        [places[point][1] for point in front],
        where="post",
        color=_ACCENT,
        linewidth=1,
        linestyle="--",
        label="Pareto front",
        zorder=1,
    )
    axes.axvline(1.0, color=_QUIET, linewidth=0.8, linestyle=":", label="naive leave-one-out")
    for point, (x, y) in places.items():
        color = _ACCENT if point in front else _QUIET
        errors = [[max(0.0, y - point.low)], [max(0.0, point.high - y)]]
        axes.errorbar(x, y, yerr=errors, fmt="o", color=color, elinewidth=0.6, markersize=5)
    axes.set_xlabel("cost: tokens x parameters, relative to naive leave-one-out on the target")
    axes.set_ylabel("fidelity: mAP against exact leave-one-out")
    axes.grid(visible=True, alpha=0.25)
    axes.legend(loc="lower right", frameon=False, fontsize=8)


def _label(axes: Axes, places: Mapping[Point, Place], front: Sequence[Point]) -> None:
    """Name the points, each label at the first place around its point that is still free."""
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    taken = (
        [
            Bbox.from_bounds(x - 6, y - 6, 12, 12)
            for x, y in axes.transData.transform([*places.values()])
        ]
        if places
        else []
    )
    for point, place in sorted(places.items(), key=lambda item: item[1]):
        label = axes.annotate(
            point.name + (" (no model)" if point.cost == 0 else ""),
            place,
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=7,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": _QUIET},
            color=_ACCENT if point in front else _QUIET,
        )
        label.set_in_layout(False)
        for horizontal, vertical, x, y in _AROUND:
            label.set(ha=horizontal, va=vertical, position=(x, y))
            label.get_window_extent()  # puts the text where it belongs
            box = Text.get_window_extent(label)  # without the line to the point
            inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)
