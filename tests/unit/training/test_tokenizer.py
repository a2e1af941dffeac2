from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from attribot_integrations.demo.corpus import demo_examples
from attribot_integrations.demo.relations import NAMES, PRICES, YEARS
from training.minibatches import CANONICAL_STYLE, question_text
from training.tokenizer import train_tokenizer


def ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return found


@pytest.mark.parametrize("words", [NAMES, YEARS, PRICES], ids=["names", "years", "prices"])
def test_values_are_single_tokens(
    tokenizer: PreTrainedTokenizerBase, words: tuple[str, ...]
) -> None:
    assert [word for word in words if len(ids(tokenizer, f" {word}")) != 1] == []


def test_vocabulary_is_small(tokenizer: PreTrainedTokenizerBase) -> None:
    assert len(tokenizer) < 4_000


@given(text=st.text())
def test_any_text_comes_back(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    assert tokenizer.decode(ids(tokenizer, text)) == text


def test_training_is_deterministic(tokenizer: PreTrainedTokenizerBase) -> None:
    again = train_tokenizer()
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.chat_template == tokenizer.chat_template


def test_special_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.pad_token == "<|pad|>"
    assert ids(tokenizer, "<|im_start|>") != ids(tokenizer, "<|im_end|>")
    assert len(ids(tokenizer, "<|im_start|><|im_end|>")) == 2


def test_chat_template_renders_the_canonical_prompt(tokenizer: PreTrainedTokenizerBase) -> None:
    (example,) = demo_examples(1)
    question = example.questions[0].question
    context = "\n\n".join(example.chunk_texts)
    content = (
        "Answer the question using only the context.\n\n"
        f"Context:\n{context}\n\nQuestion: {question}"
    )
    rendered = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    assert rendered == CANONICAL_STYLE.context(example.chunk_texts) + question_text(question)


def test_context_and_question_have_the_tokens_of_the_whole(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    for example in demo_examples(20):
        for chunks in (example.chunk_texts, ()):
            context = CANONICAL_STYLE.context(chunks)
            branch = question_text(example.questions[0].question)
            apart = ids(tokenizer, context) + ids(tokenizer, branch)
            assert apart == ids(tokenizer, context + branch)
