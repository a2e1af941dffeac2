"""The benchmark of live citations, rehearsed with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attribot_integrations import AttributionEngine
from benchmarks.__main__ import app
from benchmarks.live_steps import Steps, keeps_up, share_in_time
from tests.unit.evaluation.tiny import tiny_engine

STEPS = Steps(
    warm_up=1.0,
    statements=(1.0, 1.0, 1.0),
    afterwards=2.0,
    begun=(11, 21),
    ended=(10, 20, 30),
    tokens=300,
    tokens_afterwards=300,
    difference=0.0,
)


@pytest.mark.parametrize(
    ("speed", "good"),
    [
        (1.0, 2),  # 11 s, then 12 s; the second statement ends at 20 s
        (5.0, 2),  # 2.2 s and one, before 4 s; 4.2 s and one, before 6 s
        (10.0, 0),  # 1.1 s and one, when the second has just ended; then both at once, by 3.1 s
        (100.0, 0),
    ],
)
def test_a_clock_is_replayed(speed: float, good: int) -> None:
    assert share_in_time([STEPS], speed)[1] == 2
    assert share_in_time([STEPS], speed)[0] == good


def test_the_fastest_generator_that_is_kept_up_with() -> None:
    speed = keeps_up([STEPS])
    assert speed is not None
    assert share_in_time([STEPS], speed) == (2, 2)
    assert keeps_up([]) is None


def test_the_bundled_pair_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny_engine()
    monkeypatch.setattr(AttributionEngine, "demo", lambda **options: engine)
    written = tmp_path / "live.json"
    result = CliRunner().invoke(
        app,
        f"live --answers 1 --repeats 1 --speed 400 --own --methods knockout --json {written}",
    )
    assert result.exit_code == 0, result.output
    figures = json.loads(written.read_text())["ways"]["knockout"]
    steps = figures["steps"]
    assert steps["statements"] >= 3
    assert steps["tokens_to_afterwards"] < 1.6
    assert steps["largest_difference_nats"] < 1e-3
    for name in ("streamed", "written_by_the_target"):
        assert figures[name]["median_total_to_not_live"] > 0
    assert figures["streamed"]["statements_with_a_next"] >= 2


def test_what_it_cannot_measure_is_refused() -> None:
    result = CliRunner().invoke(app, ["live", "--model", "smollm2"])
    assert result.exit_code == 2
