from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import EmptyAnswerError
from attribot_integrations.evaluation.cases import (
    answers_greedily,
    naive_leave_one_out,
    prepare_case,
)
from attribot_integrations.evaluation.examples import demo_set
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.scorer import Scorer
from tests.unit.evaluation.tiny import EXAMPLE, tiny_case, tiny_engine


def test_prompt_and_tokens_are_the_engine_s() -> None:
    engine = tiny_engine()
    case = tiny_case(engine)
    whole = Scorer(in_process(engine.target), case.prompt, EXAMPLE.answer)
    whole.score([frozenset(source.sentence_ids) for source in case.sources])
    naive = naive_leave_one_out(case)
    assert naive.tokens == whole.cost.naive_tokens
    assert naive.passes == 1 + len(case.sources)
    tokenizer = cast(Any, in_process(engine.target).encoder)._tokenizer
    for source in case.sources:
        start, end = case.inputs.sentence_tokens[source.id]
        assert tokenizer.decode(case.inputs.prompt_ids[start:end]).strip() == source.text


def test_naive_scores_are_exact_leave_one_out() -> None:
    engine = tiny_engine()
    naive = naive_leave_one_out(tiny_case(engine))
    result = engine.attribute(EXAMPLE.question, EXAMPLE.chunks, EXAMPLE.answer)
    np.testing.assert_allclose(naive.scores, result.source_scores, atol=1e-4)
    assert naive.log_likelihood == pytest.approx(result.log_likelihood, abs=1e-4)


def test_captured_prompts() -> None:
    engine = tiny_engine()
    text = "Read: The harbour opened in 1962. It is old.\nWhen did it open?"
    case = prepare_case(engine, replace(EXAMPLE, prompt=text))
    assert [source.text for source in case.sources] == ["The harbour opened in 1962.", "It is old."]
    result = engine.attribute("", EXAMPLE.chunks, EXAMPLE.answer, prompt=text)
    np.testing.assert_allclose(naive_leave_one_out(case).scores, result.source_scores, atol=1e-4)


def test_blank_answers_are_refused() -> None:
    with pytest.raises(EmptyAnswerError):
        tiny_case(tiny_engine(), replace(EXAMPLE, answer=" "))


def test_greedy_answers_are_those_that_generation_gives(pair: AttributionEngine) -> None:
    model = cast(Any, in_process(pair.target).model)
    tokenizer = cast(Any, in_process(pair.target).encoder)._tokenizer
    seen = set()
    for example in demo_set(14, chunks=(3, 10)).examples:
        case = prepare_case(pair, example)
        ids = torch.tensor([case.inputs.prompt_ids])
        output = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=48,
            do_sample=False,
        )
        text = tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)
        right = answers_greedily(case.inputs)
        assert right == (text == example.answer)
        seen.add(right)
        # What generation gave is by definition the greedy answer.
        own = prepare_case(pair, replace(example, answer=text))
        assert answers_greedily(own.inputs)
    assert seen == {True, False}


def test_an_answer_that_goes_on_is_not_the_greedy_one(pair: AttributionEngine) -> None:
    example = next(
        each
        for each in demo_set(12, chunks=(2, 3)).examples
        if answers_greedily(prepare_case(pair, each).inputs)
    )
    cut = replace(example, answer=example.answer.rstrip("."))
    assert not answers_greedily(prepare_case(pair, cut).inputs)
