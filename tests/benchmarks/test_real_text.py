"""What is run with real models, rehearsed with a tiny one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attribot_integrations import AttributionEngine
from benchmarks import candidates, real_text
from benchmarks.__main__ import app
from benchmarks.real_text import MODELS, PLAN, Rows
from tests.unit.evaluation.data import ROWS, write_data
from tests.unit.evaluation.tiny import tiny_engine


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    engine = tiny_engine()
    monkeypatch.setattr(AttributionEngine, "from_pretrained", lambda name: engine)
    plan = {"smollm2": {"squad2": Rows(9, ("exact",), 3), "clapnq": Rows(1, ("exact",))}}
    for module in (real_text, candidates):
        monkeypatch.setattr(module, "PLAN", plan)
    folder = tmp_path / "data"
    folder.mkdir()
    rows = tuple({**row, "id": f"{row['id']} {number}"} for number in range(3) for row in ROWS)
    write_data(folder / "squad2_dev.jsonl", rows)
    return folder


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_recorded_judged_and_fitted(data: Path, tmp_path: Path) -> None:
    common = ("--data", data, "--models", tmp_path, "--output", tmp_path / "out", "--json")
    shown = run("real", *common, tmp_path / "real.json", "--ablated", "1")
    assert "squad2_dev.jsonl" in shown
    figures = json.loads((tmp_path / "real.json").read_text())
    assert list(figures["sets"]) == ["squad2_dev.jsonl"]  # the other file is not there
    assert figures["all"]["methods"]["exact"]["gold_map_n"] == 9
    assert figures["all"]["scorers"]["string"]["drop_1_n"] == 1
    run("defaults", *common, tmp_path / "defaults.json")
    chosen = json.loads((tmp_path / "defaults.json").read_text())
    assert chosen["sets"] == {"smollm2, squad2": 9}
    assert len(chosen["policies"]) == len(candidates.POLICIES)
    assert len(chosen["support"]["weights"]) == 5
    # Judging runs nothing.
    again = run("real", *common, tmp_path / "real.json", "--ablated", "1", "--judge")
    assert again in shown


def test_unknown_models_are_refused(data: Path) -> None:
    result = CliRunner().invoke(app, ["real", "--data", str(data), "--model", "gpt"])
    assert result.exit_code == 2


def test_every_model_of_the_plan_has_a_file() -> None:
    assert set(PLAN) == set(MODELS)
