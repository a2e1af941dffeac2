"""The benchmark of audits, rehearsed with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attribot_integrations import AttributionEngine
from benchmarks import audits, real_text
from benchmarks.__main__ import app
from benchmarks.real_text import Plan, Rows
from tests.unit.evaluation.data import write_data
from tests.unit.evaluation.tiny import tiny_engine


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    engine = tiny_engine()
    monkeypatch.setattr(AttributionEngine, "from_pretrained", lambda name, proxy: engine)
    plans = {"smollm2": Plan("one.gguf", {"squad2": Rows(9, ("exact",), 0)})}
    for module in (real_text, audits):
        monkeypatch.setattr(module, "PLANS", plans)
    folder = tmp_path / "data"
    folder.mkdir()
    write_data(folder / "squad2_dev.jsonl")
    return folder


def test_recorded_and_judged(data: Path, tmp_path: Path) -> None:
    common = [
        "audit",
        "--data",
        str(data),
        "--models",
        str(tmp_path),
        "--output",
        str(tmp_path / "out"),
    ]
    written = tmp_path / "audits.json"
    result = CliRunner().invoke(app, [*common, "--json", str(written)])
    assert result.exit_code == 0, result.output
    assert "squad2_dev.jsonl: 2 answers" in result.output
    figures = json.loads(written.read_text())
    assert list(figures["sets"]) == ["squad2_dev.jsonl", "all"]
    ways = figures["sets"]["all"]
    assert list(ways) == ["dependence", "and word overlap, english"]
    assert ways["dependence"]["exchanged_n"] == 2
    again = CliRunner().invoke(app, [*common, "--judge"])
    assert again.exit_code == 0
    assert again.output in result.output


def test_unknown_plans_are_refused(data: Path) -> None:
    result = CliRunner().invoke(app, ["audit", "--data", str(data), "--plan", "other"])
    assert result.exit_code == 2
    assert "there are smollm2" in result.output
