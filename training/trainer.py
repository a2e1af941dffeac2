"""The training loop of the demo models."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForCausalLM, LlamaForCausalLM, PreTrainedTokenizerBase

from attribot_integrations.demo.corpus import CHOICE_SEEDS, TRAINING_SEEDS, demo_examples
from training.architecture import Architecture, build_model
from training.curriculum import STAGES, BatchPlan, BatchStream
from training.minibatches import CANONICAL_STYLE, TreeBatch, encode_batch, tree_loss
from training.optimizer import Muon
from training.tokenizer import train_tokenizer

CHECKPOINT: Final = "checkpoint.pt"
_CHECK_RANGES: Final = ((2, 3), (4, 6), (10, 12))


@dataclass(frozen=True)
class TrainingConfig:
    """A training run: the same one gives the same model on the same machine."""

    architecture: Architecture
    """The model's shape."""
    steps: int
    """Number of steps."""
    learning_rate: float
    """Learning rate between warm-up and decay."""
    warmup: int = 50
    """Steps in which the learning rate rises."""
    decay: float = 0.3
    """Share of the steps, at the end, in which the learning rate falls to zero."""
    language_weight: float = 0.2
    """Weight of the language-model loss on the contexts, in the first stages."""
    language_stages: int = 3
    """Number of stages with that loss."""
    advance: float = 0.8
    """Running share of exact answers at which the curriculum moves on."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    plan: BatchPlan = field(default_factory=lambda: BatchPlan(seed=TRAINING_SEEDS.start))
    """What batches are made of; its seed is the run's seed."""
    check_every: int = 200
    """Steps between checks on held-out examples, after each of which a checkpoint is written."""
    check_examples: int = 32
    """Contexts of each length in a check."""

    def __post_init__(self) -> None:
        if self.plan.seed not in TRAINING_SEEDS:
            raise ValueError(
                f"seed {self.plan.seed} is not one of the training seeds {TRAINING_SEEDS}"
            )

    def rate(self, step: int) -> float:
        """The learning rate at a step: warm-up, plateau, linear decay."""
        rise = min(1.0, (step + 1) / self.warmup)
        fall = min(1.0, (self.steps - step) / (self.decay * self.steps))
        return self.learning_rate * rise * fall


@dataclass
class Progress:
    """How far a run has come."""

    step: int = 0
    stage: int = 0
    exact: float = 0.0
    tokens: int = 0
    seconds: float = 0.0


class Trainer:
    """Trains one model."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config
        self.tokenizer: PreTrainedTokenizerBase = train_tokenizer()
        self.model = build_model(config.architecture, self.tokenizer, seed=config.plan.seed)
        self.progress = Progress()
        matrices = [
            p for name, p in self.model.named_parameters() if p.ndim == 2 and "embed" not in name
        ]
        chosen = set(map(id, matrices))
        others = [p for p in self.model.parameters() if id(p) not in chosen]
        self.optimizers: tuple[torch.optim.Optimizer, ...] = (
            Muon(matrices, lr=config.learning_rate),
            torch.optim.AdamW(others, lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
        )

    def train(self, on_check: Callable[[Trainer, dict[str, Any]], None] | None = None) -> None:
        """Train to the last step.

        Args:
            on_check: Called with the trainer and the figures of every check.
        """
        config, progress = self.config, self.progress
        with BatchStream(config.plan, progress.step, progress.stage) as stream:
            while progress.step < config.steps:
                started = time.perf_counter()
                loss = self.step(stream.next(progress.stage))
                progress.seconds += time.perf_counter() - started
                if on_check and (
                    progress.step % config.check_every == 0 or progress.step == config.steps
                ):
                    on_check(self, {"loss": round(loss, 4), **self.check()})

    def step(self, batch: TreeBatch) -> float:
        """Take one optimizer step and return the loss of the answers."""
        config, progress = self.config, self.progress
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = config.rate(progress.step)
        with_language = config.language_weight > 0 and progress.stage < config.language_stages
        result = tree_loss(self.model, batch, language=with_language)
        loss = result.answers + config.language_weight * result.language
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        progress.step += 1
        progress.tokens += batch.tokens
        progress.exact = 0.95 * progress.exact + 0.05 * result.correct.float().mean().item()
        if progress.exact >= config.advance and progress.stage < len(STAGES) - 1:
            progress.stage += 1
            progress.exact = (
                0.0  # the average starts anew, so that a stage lasts at least some steps
            )
        return float(result.answers.detach())

    @torch.no_grad()
    def check(self) -> dict[str, Any]:
        """Measure exact answers to one-fact questions on the examples for choosing models."""
        figures: dict[str, Any] = asdict(self.progress)
        for chunks in _CHECK_RANGES:
            correct = []
            for batch in self._check_batches(chunks):
                correct.append(tree_loss(self.model, batch).correct.float())
            figures[f"single {chunks[0]}-{chunks[1]}"] = round(torch.cat(correct).mean().item(), 4)
        return figures

    def _check_batches(self, chunks: tuple[int, int], size: int = 8) -> Iterator[TreeBatch]:
        examples = demo_examples(
            self.config.check_examples, CHOICE_SEEDS.start, chunks=chunks, kinds=("single",) * 4
        )
        for start in range(0, len(examples), size):
            part = examples[start : start + size]
            yield encode_batch(self.tokenizer, part, [CANONICAL_STYLE] * len(part))

    def save_checkpoint(self, folder: Path) -> None:
        """Save all that going on needs; an interruption leaves the earlier checkpoint whole."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": asdict(self.progress),
        }
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{CHECKPOINT}.partial"
        torch.save(state, partial)
        os.replace(partial, folder / CHECKPOINT)

    def load_checkpoint(self, folder: Path) -> None:
        """Go back to where a run was at its last checkpoint."""
        state = torch.load(folder / CHECKPOINT, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.progress = Progress(**state["progress"])


def export_model(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write a float16 checkpoint that every user can read; the model stays as it is."""
    copy = deepcopy(model).half()
    copy.generation_config.eos_token_id = tokenizer.eos_token_id
    copy.generation_config.pad_token_id = tokenizer.pad_token_id
    copy.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)  # safetensors creates its files readable by their owner only


def load_model(folder: Path) -> LlamaForCausalLM:
    """Load a demo model in float32 for evaluation."""
    model: LlamaForCausalLM = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32
    ).eval()
    return model
