"""The benchmark of attention screens, rehearsed with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from attribot_integrations import AttributionEngine
from attribot_integrations.methods import AttentionScreen
from benchmarks import real_text, screening
from benchmarks.__main__ import app
from benchmarks.real_text import Plan, Rows
from benchmarks.screening import ScreenSet, _Answers, _each_once
from tests.unit.evaluation.data import ROWS, write_data
from tests.unit.evaluation.tiny import tiny_engine


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    engine = tiny_engine()
    monkeypatch.setattr(AttributionEngine, "from_pretrained", lambda name, proxy: engine)
    sets = {
        "squad2": Rows(9, ("exact",), 0),
        "clapnq": Rows(9, ("exact",), 0),
        "quotesum": Rows(3, ("balanced",), 0),
    }
    plans = {"smollm2": Plan("one.gguf", sets, gold=False)}
    for module in (real_text, screening):
        monkeypatch.setattr(module, "PLANS", plans)
    screens = (
        ScreenSet("smollm2", "squad2", "exact", fits=True),
        ScreenSet("smollm2", "clapnq", "exact", fits=True),
        ScreenSet("smollm2", "quotesum", "balanced", first=1),
    )
    monkeypatch.setattr(screening, "SCREENS", {"smollm2": screens})
    data = tmp_path / "data"
    data.mkdir()
    rows = tuple({**row, "id": f"{row['id']} {number}"} for number in range(3) for row in ROWS)
    for name in sets:
        write_data(data / f"{name}_dev.jsonl", rows)
    recorded = CliRunner().invoke(
        app, ["real", "--data", str(data), "--models", str(tmp_path), "--output", str(tmp_path)]
    )
    assert recorded.exit_code == 0, recorded.output
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(
        app,
        [
            "screen",
            "--data",
            str(folder / "data"),
            "--rows",
            str(folder / "rows"),
            "--models",
            str(folder),
            "--recordings",
            str(folder),
            "--rescored",
            "2",
            "--output",
            str(folder / "one.safetensors"),
            "--json",
            str(folder / "figures.json"),
            *arguments,
        ],
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_fitted_to_half_and_measured_on_the_rest(folder: Path) -> None:
    output = run(folder)
    assert "smollm2: held-back answers" in output
    assert "squad2, exact: 9 of 9 read" in output
    figures = json.loads((folder / "figures.json").read_text())
    screen = AttentionScreen.load(folder / "one.safetensors")
    assert figures["screen"]["digest"] == screen.digest
    assert screen.figures["answers"] == 10
    held = figures["held_back"]
    assert {name: each["answers"] for name, each in held.items()} == {
        "squad2, exact": 4,
        "clapnq, exact": 4,
        "quotesum, balanced": 2,
    }
    assert all(each["rescored_answers"] == 2 for each in held.values())
    assert all(each["balanced_of_balanced"] == 1 for each in held.values())
    assert set(figures["transfer"]) == {"squad2 to clapnq", "clapnq to squad2"}
    assert " of 9 read" not in run(folder)  # it goes on from what is there


def test_an_answer_is_fitted_to_or_measured_once() -> None:
    def answers(method: str, numbers: range, *, fits: bool) -> _Answers:
        recorded: Any = tuple(
            SimpleNamespace(variant=SimpleNamespace(example=SimpleNamespace(id=str(number))))
            for number in numbers
        )
        about = ScreenSet("smollm2", "hotpotqa", method, fits=fits)
        return _Answers(about, recorded, recorded, ())

    exact, screened = _each_once(
        [answers("exact", range(6), fits=False), answers("balanced", range(2, 10), fits=True)]
    )
    assert screened.part(fitted=True) == [0, 2, 4, 6]  # 2, 4, 6 and 8
    assert exact.part(fitted=False) == [0, 1, 3, 5]
    assert screened.part(fitted=False) == [5, 7]  # 7 and 9: 3 and 5 are measured already
