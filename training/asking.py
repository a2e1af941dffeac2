"""Measures what a demo model answers, and whether leave-one-out finds what it answers from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import torch

from attribot_integrations.demo.corpus import DemoExample, DemoQuestion
from training.minibatches import CANONICAL_STYLE, question_text

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

    from attribot_integrations.engine import AttributionEngine

CHUNK_RANGES: Final = ((2, 3), (4, 6), (7, 9), (10, 12))
"""Numbers of chunks, from and to, that figures are given for."""

_LONGEST_ANSWER: Final = 48
_Z: Final = 1.959964  # 95 %


@dataclass(frozen=True)
class Proportion:
    """How many of how many."""

    hits: int
    count: int

    @classmethod
    def of(cls, outcomes: Sequence[bool]) -> Proportion:
        """Count the true ones."""
        return cls(sum(outcomes), len(outcomes))

    @property
    def value(self) -> float:
        """The share; not a number where there are no cases."""
        return self.hits / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        if not self.count:
            return (0.0, 1.0)
        spread = _Z**2 / self.count
        centre = (self.value + spread / 2) / (1 + spread)
        half = math.sqrt(self.value * (1 - self.value) * spread + spread**2 / 4) / (1 + spread)
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.3f} ({low:.3f}-{high:.3f}, n={self.count})"


@dataclass(frozen=True)
class Asked:
    """A question with the chunks it is asked about."""

    chunk_texts: tuple[str, ...]
    question: DemoQuestion


def each_question(examples: Sequence[DemoExample], *, context: bool = True) -> list[Asked]:
    """Return every question of the examples, with its chunks or with none at all."""
    return [
        Asked(example.chunk_texts if context else (), question)
        for example in examples
        for question in example.questions
    ]


def generate_answers(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    asked: Sequence[Asked],
    batch_size: int = 32,
) -> Iterator[str]:
    """Yield the model's greedy answer to each question."""
    for start in range(0, len(asked), batch_size):
        prompts = [
            CANONICAL_STYLE.context(item.chunk_texts) + question_text(item.question.question)
            for item in asked[start : start + batch_size]
        ]
        encoded = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")
        with torch.inference_mode():
            output = cast(Any, model).generate(  # typed for a protocol that models don't match
                input_ids=encoded["input_ids"],
                attention_mask=encoded["attention_mask"],
                max_new_tokens=_LONGEST_ANSWER,
                do_sample=False,
            )
        yield from tokenizer.batch_decode(
            output[:, encoded["input_ids"].shape[1] :], skip_special_tokens=True
        )


def answered_right(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase, asked: Sequence[Asked]
) -> list[bool]:
    """Return for each question whether the greedy answer is the canonical one to the letter."""
    answers = generate_answers(model, tokenizer, asked)
    return [answer == item.question.answer for answer, item in zip(answers, asked, strict=True)]


def top_source_is_gold(engine: AttributionEngine, asked: Asked) -> bool:
    """Return whether the sentence that the answer depends on most is one that states its fact."""
    gold = {ref for places in asked.question.gold for ref in places}
    result = engine.attribute(asked.question.question, asked.chunk_texts, asked.question.answer)
    best = result.sources[int(result.source_scores.argmax())]
    return (best.chunk_index, best.sentence_index) in gold
