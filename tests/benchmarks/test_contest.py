"""The comparison of all ways, rehearsed with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from attribot_integrations import AttributionEngine
from attribot_integrations.methods import AttentionScreen
from attribot_integrations.scoring.language_model import in_process
from benchmarks import contest as contest_module
from benchmarks import real_text
from benchmarks.__main__ import app
from benchmarks.at2 import AblatedAnswer, fit_to_ablations
from benchmarks.contest import Contest
from benchmarks.real_text import Plan
from tests.unit.evaluation.data import ROWS, write_data
from tests.unit.evaluation.tiny import tiny_engine


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    engine = tiny_engine()
    monkeypatch.setattr(AttributionEngine, "from_pretrained", lambda name, proxy: engine)
    plans = {"smollm2": Plan("one.gguf", {}, gold=False)}
    for module in (real_text, contest_module):
        monkeypatch.setattr(module, "PLANS", plans)
    shared = Contest("smollm2", {"squad2": 2, "hotpotqa": 1}, "one.safetensors")
    monkeypatch.setattr(contest_module, "CONTESTS", {"smollm2": shared})
    monkeypatch.setattr(contest_module, "_TRAINING", 1)
    monkeypatch.setattr(contest_module, "_SCREENS", tmp_path)
    model = in_process(engine.target)
    config = model.model.config
    heads = config.num_hidden_layers * config.num_attention_heads
    weights = np.linspace(0.1, 1, heads, dtype=np.float32)
    AttentionScreen(weights, model.signature, "one").save(tmp_path / "one.safetensors")
    rows = tuple({**row, "id": f"{row['id']} {number}"} for number in range(2) for row in ROWS)
    for name in ("squad2", "clapnq", "hotpotqa"):
        write_data(tmp_path / f"{name}_dev.jsonl", rows)
    return tmp_path


def run(folder: Path) -> str:
    places = ["--data", str(folder), "--rows", str(folder / "rows"), "--models", str(folder)]
    files = ["--json", str(folder / "figures.json"), "--plot", str(folder / "plot.png")]
    result = CliRunner().invoke(app, ["contest", *places, *files])
    assert result.exit_code == 0, result.output
    return result.output


def test_all_ways_run_on_the_same_answers(folder: Path) -> None:
    output = run(folder)
    assert "smollm2, squad2: 2 answers" in output
    assert (folder / "plot.png").stat().st_size > 1000
    figures = json.loads((folder / "figures.json").read_text())["contest"]
    assert set(figures) == {"squad2", "hotpotqa"}
    ways = figures["squad2"]["ways"]
    assert ways["naive loop"]["speedup_naive"] == ways["naive loop"]["tokens_vs_naive"] == 1
    assert ways["exact"]["pearson"] == pytest.approx(1)
    assert ways["exact"]["tokens_vs_naive"] < 1
    assert (
        0
        < ways["instant"]["tokens_vs_naive"]
        < ways["ContextCite, 32 ablations"]["tokens_vs_naive"]
    )
    assert ways["generate the answer"]["pearson"] is None
    kept = (folder / "figures.json").read_text()
    assert " of 2" not in run(folder)  # it goes on from what is there
    assert (folder / "figures.json").read_text() == kept


def test_weights_go_to_the_head_that_tells() -> None:
    rng = np.random.default_rng(0)
    answers = []
    for _ in range(6):
        attention = rng.random((3, 5)).astype(np.float32)
        kept = rng.random((24, 5)) < 0.5
        answers.append(AblatedAnswer(attention, kept, (kept @ attention[1]).astype(np.float32)))
    again = [AblatedAnswer.from_dict(each.to_dict()) for each in answers]
    weights = fit_to_ablations(again)
    assert weights[1] > 20 * max(weights[0], weights[2])
    with pytest.raises(ValueError, match="no training answer depends on its context"):
        fit_to_ablations([AblatedAnswer(attention, kept, np.zeros(24, np.float32))])
