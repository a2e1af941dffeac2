"""What a step of training is made of."""

from __future__ import annotations

import pytest

from attribot_integrations.demo.relations import REFUSAL
from training.curriculum import STAGES, BatchPlan, make_examples

PLAN = BatchPlan(seed=3, chunks_per_batch=8, most_contexts=4, questions=4)


@pytest.mark.parametrize("stage", range(len(STAGES)))
def test_batches_have_the_size_of_their_stage(stage: int) -> None:
    for step in range(5):
        examples, _ = make_examples(PLAN, step, stage)
        assert len(examples) == max(4, min(PLAN.most_contexts, 8 // STAGES[stage][1]))
        assert all(len(example.questions) == PLAN.questions for example in examples)
        assert max(len(example.chunks) for example in examples) <= STAGES[stage][1]


def test_some_contexts_lose_what_is_asked_for() -> None:
    examples = [e for step in range(200) for e in make_examples(PLAN, step, 2)[0]]
    assert any(not example.chunks for example in examples)
    assert any(
        question.kind == "double" and REFUSAL in question.answer
        for example in examples
        for question in example.questions
    )
