"""Train the bundled demo models: `python -m training.train`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
from pathlib import Path
from typing import Any, Final

import torch
from rich.logging import RichHandler

from training.architecture import Architecture
from training.trainer import CHECKPOINT, Trainer, TrainingConfig, export_model

logger = logging.getLogger(__name__)

PRESETS: Final[dict[str, TrainingConfig]] = {
    "target": TrainingConfig(
        architecture=Architecture(
            layers=4,
            width=128,
            heads=8,
            head_width=32,
            feed_forward=384,
            rope_theta=1e6,
            offsets=(1, 2, 3, 4, 5, 6, 7, None),
        ),
        steps=7_400,
        learning_rate=5e-3,
    ),
    "proxy": TrainingConfig(
        architecture=Architecture(
            layers=2,
            width=96,
            heads=6,
            head_width=32,
            feed_forward=192,
            rope_theta=1e6,
            offsets=(1, 2, 3, 4, 5, None),
        ),
        steps=6_600,
        learning_rate=6e-3,
        decay=0.2,
    ),
}
"""The configurations that the bundled models were trained with."""


def main(arguments: list[str] | None = None) -> None:
    """Train one model or both and export them as float16 checkpoints."""
    parser = argparse.ArgumentParser(description="Train the bundled demo models.")
    parser.add_argument("--model", choices=(*PRESETS, "both"), default="both")
    parser.add_argument(
        "--out", type=Path, default=Path("demo-models"), help="folder for the results"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads of each model's training")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoints")
    parser.add_argument(
        "--set",
        nargs="*",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="change settings, e.g. steps=100",
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(message)s", handlers=[RichHandler(show_path=False)]
    )
    torch.set_num_threads(options.threads)
    for name in PRESETS if options.model == "both" else (options.model,):
        config = override(PRESETS[name], dict(options.set))
        train_model(config, options.out / name, resume=options.resume)


def override(config: TrainingConfig, changes: dict[str, Any]) -> TrainingConfig:
    """Return the configuration with some settings replaced; nested ones are found by their names.

    Raises:
        ValueError: If no setting has one of the names.
    """
    parts: dict[str, Any] = {"architecture": config.architecture, "plan": config.plan, "": config}
    for name, value in changes.items():
        for part, owner in parts.items():
            if name in {field.name for field in dataclasses.fields(owner)}:
                parts[part] = dataclasses.replace(owner, **{name: value})
                break
        else:
            raise ValueError(f"no setting is called {name}")
    changed: TrainingConfig = parts.pop("")
    return dataclasses.replace(changed, **parts)


def _setting(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    parsed = json.loads(value)
    return name, tuple(parsed) if isinstance(parsed, list) else parsed


def train_model(config: TrainingConfig, folder: Path, *, resume: bool = False) -> Trainer:
    """Train a model, with checkpoints and a log in its folder, and exports it there."""
    trainer = Trainer(config)
    if resume and (folder / CHECKPOINT).exists():
        trainer.load_checkpoint(folder)
    folder.mkdir(parents=True, exist_ok=True)

    def on_check(trainer: Trainer, figures: dict[str, Any]) -> None:
        trainer.save_checkpoint(folder)
        with (folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(figures) + "\n")
        logger.info("%s", figures)

    trainer.train(on_check)
    export_model(trainer.model, trainer.tokenizer, folder / "model")
    return trainer


if __name__ == "__main__":
    main()
