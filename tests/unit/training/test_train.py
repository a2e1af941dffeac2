"""The command that trains: its settings, and what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from training.train import PRESETS, main, override
from training.trainer import CHECKPOINT


def test_settings_can_be_changed_by_name() -> None:
    preset = PRESETS["target"]
    changed = override(preset, {"steps": 7, "layers": 3, "seed": 5})
    assert (changed.steps, changed.architecture.layers, changed.plan.seed) == (7, 3, 5)
    assert changed.learning_rate == preset.learning_rate
    assert override(preset, {}) == preset
    with pytest.raises(ValueError, match="nonsense"):
        override(preset, {"nonsense": 1})


@pytest.mark.slow
def test_command_trains_logs_and_exports(tmp_path: Path) -> None:
    changes = ("chunks_per_batch=4", "most_contexts=4", "check_examples=1", "layers=1")
    folder = tmp_path / "proxy"
    common = ["--model", "proxy", "--out", str(tmp_path), "--threads", "1", "--set"]
    main([*common, "steps=2", "check_every=1", *changes])
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    saved = torch.load(folder / CHECKPOINT, weights_only=True)["model"]
    exported = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    for name, weight in exported.state_dict().items():
        assert torch.allclose(weight, saved[name], atol=1e-2)
    main([*common[:-1], "--resume", "--set", "steps=2", *changes])
    assert len((folder / "log.jsonl").read_text().splitlines()) == 2, "nothing was left to do"
