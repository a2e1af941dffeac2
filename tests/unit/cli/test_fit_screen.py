"""`attribot fit-screen`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from attribot_integrations import AttributionEngine, EngineOptions
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.evaluation import screen_rows
from attribot_integrations.methods import AttentionScreen, LearnedAttention
from tests.unit.cli.running import run
from tests.unit.evaluation.data import write_data


def test_a_screen_is_fitted_and_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.safetensors"
    result = run("fit-screen", "--demo", "8", "-o", path)
    assert result.exit_code == 0, result.stderr
    assert "8/8" in result.stderr
    assert "Attention screen of the bundled target" in result.stdout
    assert "held back map" in result.stdout
    screen = AttentionScreen.load(path)
    assert screen.figures["answers"] == 8
    assert screen.figures["data"][0].endswith("seed 2999")
    engine = AttributionEngine.from_pretrained(bundled_model_path())
    options = EngineOptions(method=LearnedAttention(screen))
    chunks = ["Vela Sarn likes tea.", "Oro is a town."]
    found = engine.attribute("What does Vela like?", chunks, "Tea.", options=options)
    assert found.method == "learned attention"
    # What is done is kept beside the screen: nothing is run again.
    monkeypatch.setattr(screen_rows, "screen_row", None)
    again = run("fit-screen", "--demo", "8", "-o", path)
    assert again.exit_code == 0, again.stderr
    np.testing.assert_array_equal(AttentionScreen.load(path).weights, screen.weights)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "give either --data or --demo"),
        (("--demo", "2", "--data", "DATA"), 2, "give either --data or --demo"),
        (("--data", "nowhere.jsonl"), 2, "does not exist"),
        (("--data", "DATA", "--limit", "2"), 1, "at least 4 answers that depend on some source"),
    ],
)
def test_what_cannot_be_done(
    tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    data = str(write_data(tmp_path / "data.jsonl"))
    given = [data if each == "DATA" else each for each in arguments]
    result = run("fit-screen", "-o", tmp_path / "out.safetensors", *given)
    assert result.exit_code == code
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert not (tmp_path / "out.safetensors").exists()
