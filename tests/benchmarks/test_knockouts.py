"""Knockouts against recorded exact scores, rehearsed with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attribot_integrations import AttributionEngine
from benchmarks import knockouts, real_text
from benchmarks.__main__ import app
from benchmarks.real_text import Plan, Rows
from tests.unit.evaluation.data import ROWS, write_data
from tests.unit.evaluation.tiny import tiny_engine


def test_knockouts_are_judged_and_rescoring_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tiny_engine()
    monkeypatch.setattr(AttributionEngine, "from_pretrained", lambda name, proxy: engine)
    plans = {"smollm2": Plan("one.gguf", {"squad2": Rows(3, ("exact",), 0)}, gold=False)}
    for module in (real_text, knockouts):
        monkeypatch.setattr(module, "PLANS", plans)
    monkeypatch.setattr(knockouts, "KNOCKOUTS", {"smollm2": {("smollm2", "squad2"): 3}})
    write_data(tmp_path / "squad2_dev.jsonl", ROWS)
    folders = ["--data", str(tmp_path), "--models", str(tmp_path)]
    recorded = CliRunner().invoke(
        app, ["real", *folders, "--output", str(tmp_path), "--plan", "smollm2"]
    )
    assert recorded.exit_code == 0, recorded.output
    rest = ["--rows", str(tmp_path / "rows"), "--json", str(tmp_path / "found.json")]
    found = CliRunner().invoke(app, ["knockouts", *folders, "--recordings", str(tmp_path), *rest])
    assert found.exit_code == 0, found.output
    figures = json.loads((tmp_path / "found.json").read_text())["knockouts"]["squad2"]
    assert figures["shortfall"]["0.9"] <= figures["shortfall"]["0.95"]
    reruns, rescoring = figures["reruns"], figures["rescoring"]
    assert [*reruns] == ["0 tokens", "4 tokens", "8 tokens", "16 tokens", "32 tokens"]
    assert reruns["0 tokens"]["tokens"] < reruns["32 tokens"]["tokens"]
    assert (
        rescoring["at_least 1, doubt 0"]["rescored"]
        <= (rescoring["at_least 3, doubt 0"]["rescored"])
    )
    refused = CliRunner().invoke(app, ["knockouts", *folders, "--plan", "other", *rest])
    assert refused.exit_code == 2
