"""What is run with real models, rehearsed with a tiny one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attribot_integrations import AttributionEngine
from benchmarks import candidates, real_text
from benchmarks.__main__ import app
from benchmarks.real_models import read_models
from benchmarks.real_text import PLANS, Plan, Rows
from tests.unit.evaluation.data import ROWS, write_data
from tests.unit.evaluation.tiny import tiny_engine


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    engine = tiny_engine()
    monkeypatch.setattr(AttributionEngine, "from_pretrained", lambda name, proxy: engine)
    sets = {"squad2": Rows(9, ("exact",), 3), "clapnq": Rows(1, ("exact",))}
    near = {"squad2": Rows(3, ("exact", "balanced"), 0)}
    plans = {"smollm2": Plan("one.gguf", sets), "near": Plan("one.gguf", near, gold=False)}
    for module in (real_text, candidates):
        monkeypatch.setattr(module, "PLANS", plans)
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
    assert len(chosen["support"]["weights"]) == 6
    assert len(chosen["support_without_verifier"]["weights"]) == 5
    # Judging runs nothing.
    again = run("real", *common, tmp_path / "real.json", "--ablated", "1", "--judge")
    assert again in shown


def test_unknown_plans_are_refused(data: Path) -> None:
    result = CliRunner().invoke(app, ["real", "--data", str(data), "--plan", "gpt"])
    assert result.exit_code == 2


def test_fidelity_is_judged_against_exact_scores_alone(data: Path, tmp_path: Path) -> None:
    common = ("--data", data, "--models", tmp_path, "--output", tmp_path / "out")
    run("real", *common, "--plan", "near", "--json", tmp_path / "near.json")
    figures = json.loads((tmp_path / "near.json").read_text())
    assert figures["all"]["scorers"] == {}
    found = figures["all"]["methods"]
    assert {name: each["tokens_vs_naive_n"] for name, each in found.items()} == {
        "exact": 3,
        "balanced": 3,
    }
    assert "pearson" in found["balanced"]
    assert "pearson" not in found["exact"]


def test_every_plan_names_models_that_are_fetched() -> None:
    fetched = {file.path for each in read_models() for file in each.files}
    named = {name for plan in PLANS.values() for name in (plan.target, plan.proxy) if name}
    assert named <= fetched
