"""Answers of the demo pipelines: the likeliest tokens, so many at most."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from attribot_integrations.context.prompts import ContextTemplate
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.demo.corpus import demo_examples
from attribot_integrations.demo.writing import write_answer
from attribot_integrations.engine.bundled import bundled_model_path


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    folder = bundled_model_path("target")
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def asked() -> tuple[list[dict[str, str]], str]:
    (example,) = demo_examples(1, 1_950, chunks=(2, 3), kinds=("single",))
    question = example.questions[0]
    sources = SourceSet.build(as_chunks(example.chunk_texts))
    messages = [
        {"role": message.role or "user", "content": message.text}
        for message in ContextTemplate()(question.question, sources).messages
    ]
    return messages, question.answer


def test_the_answer_is_the_text_behind_the_prompt(pair: tuple[Any, Any]) -> None:
    messages, answer = asked()
    written = write_answer(*pair, messages, max_new_tokens=40)
    assert written == answer
    assert "<|" not in written


def test_so_many_tokens_at_most(pair: tuple[Any, Any]) -> None:
    messages, answer = asked()
    short = write_answer(*pair, messages, max_new_tokens=3)
    assert answer.startswith(short)
    assert len(pair[1](short, add_special_tokens=False)["input_ids"]) <= 3
    assert 0 < len(short) < len(answer)


def test_nothing_is_drawn_at_random(pair: tuple[Any, Any]) -> None:
    messages, _ = asked()
    assert len({write_answer(*pair, messages, max_new_tokens=8) for _ in range(3)}) == 1
