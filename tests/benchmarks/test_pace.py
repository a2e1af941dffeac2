"""Tokens per second beside a plain pass, rehearsed with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attribot_integrations import AttributionEngine
from attribot_integrations.scoring.packed import PackedPath
from benchmarks.__main__ import app
from tests.unit.evaluation.data import ROWS, write_data
from tests.unit.evaluation.tiny import tiny_engine


def test_all_ways_are_told_beside_a_plain_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tiny_engine()
    monkeypatch.setattr(AttributionEngine, "from_pretrained", lambda name, proxy: engine)
    write_data(tmp_path / "squad2_dev.jsonl", ROWS)
    figures, usual = tmp_path / "pace.json", PackedPath.least_in_parts
    arguments = ["pace", "--data", str(tmp_path), "--sets", "squad2", "--json", str(figures)]
    options = ["--rounds", "1", "--removals", "2", "--budgets", "32", "--masked"]
    result = CliRunner().invoke(app, [*arguments, *options])
    assert result.exit_code == 0, result.output
    part = json.loads(figures.read_text())["paces"]["squad2"]
    ways = part["ways"]
    assert [*ways] == [
        "plain pass",
        "cached loop",
        "exact",
        "exact, under a mask",
        "exact, 32 tokens in a pack",
        "exact, 32 tokens in a pack, under a mask",
        "knockout",
        "knockout, under a mask",
        "knockout, 32 tokens in a pack",
        "knockout, 32 tokens in a pack, under a mask",
    ]
    assert ways["plain pass"]["tokens"] == part["prompt_and_answer"]
    assert ways["plain pass"]["of_plain"] == ways["plain pass"]["with_prompt"] == 1
    assert ways["exact"]["tokens"] == ways["cached loop"]["tokens"] > 0
    assert ways["knockout"]["tokens"] == ways["knockout, under a mask"]["tokens"] > 0
    assert PackedPath.least_in_parts == usual
    refused = CliRunner().invoke(app, [*arguments, "--plan", "other"])
    assert refused.exit_code == 2
