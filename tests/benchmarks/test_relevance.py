"""Relevance on real text, rehearsed with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attribot_integrations import AttributionEngine
from benchmarks import real_text
from benchmarks import relevance as relevance_module
from benchmarks.__main__ import app
from benchmarks.real_text import Plan
from tests.unit.evaluation.data import ROWS, write_data
from tests.unit.evaluation.tiny import tiny_engine


def test_signals_and_searches_are_judged_by_marked_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tiny_engine()
    monkeypatch.setattr(AttributionEngine, "from_pretrained", lambda name, proxy: engine)
    for module in (real_text, relevance_module):
        monkeypatch.setattr(module, "PLANS", {"smollm2": Plan("one.gguf", {})})
    write_data(tmp_path / "hotpotqa_dev.jsonl", ROWS)
    arguments = ["relevance", "--data", str(tmp_path), "--rows", str(tmp_path / "rows")]
    arguments += [
        "--models",
        str(tmp_path),
        "--sets",
        "hotpotqa",
        "--json",
        str(tmp_path / "f.json"),
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "f.json").read_text())["relevance"]["hotpotqa"]
    assert figures["tfidf"]["questions"] > 0
    assert figures["tfidf"]["map"] > 0.9, "the question's words are in the marked chunk"
    assert 0 <= figures["draft"]["recall"] <= 1
    assert figures["tfidf"]["recall"] is None, "no probability"
    again = CliRunner().invoke(app, arguments)
    assert "hotpotqa: 1 of" not in again.output  # it goes on from what is there
