"""What is trained on at which point: contexts grow as the model masters them."""

from __future__ import annotations

import multiprocessing
import random
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Final

import torch

from attribot_integrations.demo.corpus import DemoExample, generate_example
from training.minibatches import TreeBatch, draw_style, encode_batch
from training.removal import remove_sentences
from training.tokenizer import train_tokenizer

STAGES: Final[tuple[tuple[int, int], ...]] = ((1, 2), (2, 3), (3, 5), (4, 8), (2, 12))
"""The least and greatest number of chunks in each stage; the last stage has no end."""

_LOOK_AHEAD: Final = 3
# Some contexts lose sentences at random, which shows the model what removals look like.
_THINNED: Final = 0.2  # share of contexts that lose some sentences
_THINNING: Final = 0.15  # share of sentences that such a context loses
_EMPTIED: Final = 0.02  # share of contexts that lose all


@dataclass(frozen=True)
class BatchPlan:
    """What batches are made of."""

    seed: int
    """Seed of the run."""
    chunks_per_batch: int = 72
    """Chunks in a batch, all contexts together, so that batches cost about the same."""
    most_contexts: int = 12
    """The most contexts in a batch."""
    questions: int = 8
    """Questions about each context."""
    value_weight: float = 1.0
    """Weight in the loss of tokens that must be read from the context, others having one."""


def make_examples(
    plan: BatchPlan, step: int, stage: int
) -> tuple[list[DemoExample], random.Random]:
    """Draw the examples of one training step, all of one context length.

    Returns:
        The examples, and the random generator that drew them, for what else the step has to draw.
    """
    rng = random.Random(f"{plan.seed}:{step}:{stage}")
    size = rng.randint(*STAGES[stage])
    count = max(4, min(plan.most_contexts, plan.chunks_per_batch // size))
    examples = [
        generate_example(rng, chunks=(size, size), questions=plan.questions) for _ in range(count)
    ]
    return [_thinned(rng, example) for example in examples], rng


def _thinned(rng: random.Random, example: DemoExample) -> DemoExample:
    """Remove sentences from some of the contexts."""
    drawn = rng.random()
    if drawn >= _THINNED + _EMPTIED:
        return example
    refs = [(c, s) for c, chunk in enumerate(example.chunks) for s in range(len(chunk))]
    share = _THINNING if drawn < _THINNED else 1.0
    return remove_sentences(example, {ref for ref in refs if rng.random() < share})


class BatchStream:
    """Make batches in a process of its own, a few steps ahead.

    The stage of a step is fixed a few steps before it is trained on, so that a run does not depend
    on timing.
    """

    def __init__(self, plan: BatchPlan, first_step: int, stage: int) -> None:
        self._plan = plan
        self._pool = ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker
        )
        self._next_step = first_step
        self._pending: list[Future[TreeBatch]] = []
        for _ in range(_LOOK_AHEAD):
            self._request(stage)

    def next(self, stage: int) -> TreeBatch:
        """Return the next step's batch and ask for one more, of the given stage."""
        self._request(stage)
        return self._pending.pop(0).result()

    def _request(self, stage: int) -> None:
        self._pending.append(self._pool.submit(make_batch, self._plan, self._next_step, stage))
        self._next_step += 1

    def __enter__(self) -> BatchStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


_tokenizer = cache(train_tokenizer)


def _start_worker() -> None:
    torch.set_num_threads(1)
    _tokenizer()


def make_batch(plan: BatchPlan, step: int, stage: int) -> TreeBatch:
    """Draw and encode the batch of one training step."""
    examples, rng = make_examples(plan, step, stage)
    styles = [draw_style(rng) for _ in examples]
    return encode_batch(_tokenizer(), examples, styles, value_weight=plan.value_weight)
