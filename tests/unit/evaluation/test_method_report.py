"""Results as a table, as notes beside it, and on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from attribot_integrations.evaluation.method_report import notes, results_table
from attribot_integrations.evaluation.store import write_results
from tests.unit.evaluation.rows import ROWS, results


def test_table_and_notes() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(results_table(results(ROWS)))
    shown = capture.get()
    assert "d.jsonl: 3 examples, T" in shown
    assert "0.75 [0.50 1.00]" in shown
    assert "gold mAP" in shown
    assert "LDS" not in shown  # no figures, no column
    text = "\n".join(notes(results(ROWS)))
    assert "in 2 of 4 examples; the 1 others are left out." in text
    assert "no outlier's exact score reaches 1 nats: 1. There" in text
    assert "3.0e-06 nats" in text
    assert "e4: PromptTooLongError: too long" in text


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_results({"x": float("nan")}, path)
    assert path.read_text() == "old"
    write_results(results(ROWS), path)
    assert json.loads(path.read_text())["schema"] == 1
    assert [each.name for each in tmp_path.iterdir()] == ["results.json"]
