"""The front that no method beats, and its picture."""

from __future__ import annotations

from pathlib import Path

from attribot_integrations.evaluation.fidelity_plots import Point, pareto_front, plot_fidelity
from tests.unit.evaluation.rows import results, row


def test_pareto_front() -> None:
    def point(name: str, cost: float, fidelity: float) -> Point:
        return Point(name, cost, fidelity, fidelity, fidelity)

    points = [
        point("dear and best", 1.0, 0.9),
        point("free", 0.0, 0.2),
        point("cheap", 0.1, 0.7),
        point("cheap too", 0.1, 0.7),
        point("beaten on both", 0.5, 0.6),
        point("as good, dearer", 0.2, 0.7),
        point("as cheap, worse", 0.1, 0.6),
    ]
    names = [each.name for each in pareto_front(points)]
    assert names == ["free", "cheap", "cheap too", "dear and best"]
    assert pareto_front([]) == []


def test_plot(tmp_path: Path) -> None:
    rows = [row(0, cost_vs_naive=0.0), row(1, cost_vs_naive=0.0)]
    plot_fidelity(results(rows), tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    plot_fidelity(results([]), tmp_path / "empty.png")
    assert (tmp_path / "empty.png").exists()
