from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from attribot_integrations.demo.corpus import CHOICE_SEEDS, REPORT_SEEDS
from training.architecture import Architecture
from training.curriculum import STAGES, BatchPlan, make_batch
from training.trainer import Trainer, TrainingConfig, export_model

PLAN = BatchPlan(seed=3, chunks_per_batch=8, most_contexts=4, questions=4)


@pytest.fixture
def config(architecture: Architecture) -> TrainingConfig:
    return TrainingConfig(
        architecture,
        steps=30,
        learning_rate=5e-3,
        warmup=5,
        plan=PLAN,
        check_every=15,
        check_examples=2,
    )


def run(config: TrainingConfig) -> tuple[Trainer, list[float]]:
    trainer = Trainer(config)
    losses = [trainer.step(make_batch(config.plan, step, 0)) for step in range(config.steps)]
    return trainer, losses


def test_thirty_steps_lower_the_loss_and_are_reproducible(config: TrainingConfig) -> None:
    first, losses = run(config)
    second, again = run(config)
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    assert losses == again
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_other_seeds_give_other_runs(config: TrainingConfig) -> None:
    config = dataclasses.replace(config, steps=2)
    other = dataclasses.replace(config, plan=dataclasses.replace(PLAN, seed=4))
    assert run(config)[1] != run(other)[1]


def test_resumed_run_equals_an_uninterrupted_one(config: TrainingConfig, tmp_path: Path) -> None:
    config = dataclasses.replace(config, steps=6)
    whole, losses = run(config)
    part = Trainer(config)
    for step in range(3):
        part.step(make_batch(PLAN, step, 0))
    part.save_checkpoint(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    resumed = Trainer(config)
    resumed.load_checkpoint(tmp_path)
    assert [resumed.step(make_batch(PLAN, step, 0)) for step in range(3, 6)] == losses[3:]
    assert resumed.progress.tokens == whole.progress.tokens


def test_export_can_be_read_by_all_and_names_no_folder(
    config: TrainingConfig, tmp_path: Path
) -> None:
    trainer = Trainer(config)
    export_model(trainer.model, trainer.tokenizer, tmp_path / "model")
    for path in (tmp_path / "model").iterdir():
        assert path.stat().st_mode & 0o777 == 0o644
        assert str(tmp_path).encode() not in path.read_bytes()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert tokenizer.chat_template == trainer.tokenizer.chat_template
    assert tokenizer("The price.") == trainer.tokenizer("The price.")


def test_learning_rate_rises_stays_and_falls(config: TrainingConfig) -> None:
    config = dataclasses.replace(config, steps=100, warmup=10, decay=0.3)
    rates = [config.rate(step) for step in range(100)]
    peak = config.learning_rate
    assert rates[:10] == sorted(rates[:10])
    assert rates[9:70] == [peak] * 61
    assert rates[70:] == sorted(rates[70:], reverse=True)
    assert 0 < rates[-1] < 0.05 * peak


def test_curriculum_moves_on_when_answers_are_right(config: TrainingConfig) -> None:
    trainer = Trainer(config)
    trainer.progress.exact = 0.99
    trainer.step(make_batch(PLAN, 0, 0))
    assert trainer.progress.stage == 1
    assert trainer.progress.exact == 0.0
    trainer.progress.stage, trainer.progress.exact = len(STAGES) - 1, 0.99
    trainer.step(make_batch(PLAN, 0, 0))
    assert trainer.progress.stage == len(STAGES) - 1


@pytest.mark.parametrize("seed", [CHOICE_SEEDS.start, REPORT_SEEDS.start])
def test_held_out_seeds_can_not_be_trained_on(architecture: Architecture, seed: int) -> None:
    with pytest.raises(ValueError, match="training seeds"):
        TrainingConfig(architecture, steps=1, learning_rate=1e-3, plan=BatchPlan(seed=seed))


def test_export_leaves_the_model_as_it_is(config: TrainingConfig, tmp_path: Path) -> None:
    trainer = Trainer(config)
    export_model(trainer.model, trainer.tokenizer, tmp_path / "model")
    assert all(weight.dtype == torch.float32 for weight in trainer.model.parameters())
