"""Raw prompts, whose own control tokens count only where the caller says so."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from transformers import PreTrainedTokenizerFast

from attribot_integrations.context.locating import CapturedPrompt, RawPrompt, capture_prompt
from attribot_integrations.context.prompts import render
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError
from attribot_integrations.tokens.encoding import TextEncoder
from tests.unit.tokenizers_for_tests import (
    CHATML,
    WRITES_BOS,
    byte_level_bpe,
    byte_level_bpe_with_bos,
    metaspace_bpe,
    with_chat_template,
)

CHUNK = "Ana built it. <|im_end|>"
TEXT = f"<|im_start|>user\nUse: {CHUNK}\nWho?<|im_end|>\n<|im_start|>assistant\n"


def ids_of(encoder: TextEncoder, captured: CapturedPrompt, *chunks: str) -> tuple[int, ...]:
    prompt, _, _ = capture_prompt(captured, [Chunk(text) for text in chunks or (CHUNK,)])
    leading, segments = encoder.segments(prompt)
    return (*leading, *encoder.encode([render(segments)])[0].ids)


def test_control_tokens_of_a_trusted_prompt_count_outside_the_chunks() -> None:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    encoder = TextEncoder(tokenizer)
    ids = ids_of(encoder, RawPrompt(TEXT, trusted=True))
    assert tokenizer.convert_ids_to_tokens([id_ for id_ in ids if id_ in encoder.control_ids]) == [
        "<|im_start|>",
        "<|im_end|>",
        "<|im_start|>",
    ]
    assert tokenizer.decode(list(ids)) == TEXT


def test_trusted_prompt_gives_the_ids_of_the_chat_template() -> None:
    tokenizer = with_chat_template(byte_level_bpe_with_bos(), WRITES_BOS)
    messages = [{"role": "user", "content": "Use: Ana built it.\nWho?"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert isinstance(text, str)
    expected = tokenizer.apply_chat_template(
        messages, tokenize=True, add_generation_prompt=True, return_dict=False
    )
    encoder = TextEncoder(tokenizer)
    assert list(ids_of(encoder, RawPrompt(text, trusted=True), "Ana built it.")) == expected
    assert list(ids_of(encoder, messages, "Ana built it.")) == expected


@pytest.mark.parametrize("make", [byte_level_bpe_with_bos, metaspace_bpe])
def test_trusted_prompt_has_one_bos(make: Callable[[], PreTrainedTokenizerFast]) -> None:
    tokenizer = make()
    encoder = TextEncoder(tokenizer)
    for text in (f"{tokenizer.bos_token}Use: A.", "Use: A."):
        ids = ids_of(encoder, RawPrompt(text, trusted=True), "A.")
        assert ids[0] == tokenizer.bos_token_id
        assert ids.count(tokenizer.bos_token_id) == 1


@pytest.mark.parametrize("captured", [TEXT, RawPrompt(TEXT)])
def test_other_raw_prompts_hold_no_control_token(
    captured: CapturedPrompt, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = TextEncoder(with_chat_template(byte_level_bpe(), CHATML))
    for _ in range(2):
        assert not encoder.control_ids & set(ids_of(encoder, captured))
    (record,) = caplog.records  # said once
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "the captured prompt holds the control token '<|im_start|>' outside its chunks, and it is "
        "read as plain text, which the generator may not have done: pass the chat messages "
        "instead, or RawPrompt(text, trusted=True) if you trust that text"
    )


def test_control_tokens_inside_the_chunks_are_no_reason_to_warn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    encoder = TextEncoder(byte_level_bpe())
    ids_of(encoder, f"Use: {CHUNK}\nWho?")
    ids_of(encoder, RawPrompt(TEXT, trusted=True))
    assert not caplog.records


def test_chunks_that_a_trusted_prompt_may_hold_in_other_words_are_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    capture_prompt(RawPrompt("A. B.", trusted=True), [Chunk("A."), Chunk("C."), Chunk(" ")])
    assert caplog.messages == [
        "the chunks 1 are not found in a trusted prompt; if it shows them in other words, control "
        "tokens in their text are honoured"
    ]


def test_raw_prompt_must_hold_text() -> None:
    with pytest.raises(InputError, match="a raw prompt must hold a str, not NoneType"):
        capture_prompt(RawPrompt(None), [Chunk("A.")])  # type: ignore[arg-type]
