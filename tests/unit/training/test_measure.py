"""The command that measures the bundled models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attribot_integrations.demo.corpus import KINDS
from attribot_integrations.engine.bundled import BUNDLED_MODELS
from training.measure import main


def test_command_prints_and_writes_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(
        [
            "--count",
            "1",
            "--loo-count",
            "1",
            "--threads",
            "1",
            "--json",
            str(tmp_path / "figures.json"),
        ]
    )
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert {figure["model"] for figure in figures} == set(BUNDLED_MODELS)
    assert {figure["kind"] for figure in figures} == set(KINDS)
    assert "Bars" in capsys.readouterr().out
