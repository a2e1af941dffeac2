"""Rows and fields against sentences, rehearsed with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attribot_integrations import AttributionEngine
from benchmarks.__main__ import app
from benchmarks.structure import ALL
from tests.unit.evaluation.data import ROWS, write_data
from tests.unit.evaluation.tiny import tiny_engine


def test_every_form_divides_into_the_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tiny_engine()
    monkeypatch.setattr(AttributionEngine, "from_pretrained", lambda name: engine)
    write_data(tmp_path / "squad2_dev.jsonl", ROWS)
    figures = tmp_path / "structure.json"
    kept = str(tmp_path / "kept")
    arguments = ["structure", "--data", str(tmp_path), "--rows", "1", "--json", str(figures)]
    result = CliRunner().invoke(app, [*arguments, "--kept", kept])
    assert result.exit_code == 0, result.output
    found = json.loads(figures.read_text())
    assert list(found["forms"]) == list(ALL)
    assert found["answers"] == 1  # the others have no gold, or are short
    assert found["split_ratio"] > 0
    monkeypatch.setattr(AttributionEngine, "attribute", None)
    again = CliRunner().invoke(app, [*arguments, "--kept", kept])
    assert again.exit_code == 0, again.output
    assert json.loads(figures.read_text())["forms"] == found["forms"]  # read, not scored again
    refused = CliRunner().invoke(app, [*arguments, "--forms", "prose,XML"])
    assert refused.exit_code == 2
    assert "not ['XML']" in " ".join(refused.output.replace("│", " ").split())
