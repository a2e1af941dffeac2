"""A prompt over two chunks of four sentences, its answer, and small random models for it."""

from __future__ import annotations

from typing import Any

from attribot_integrations.context.prompts import ContextTemplate, Prompt
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.scoring.language_model import LanguageModel
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template

CHUNKS = ("The harbour opened in 1962. It is old.", "A river runs. The bridge crosses it.")
ANSWER = "It opened in 1962."
ONE_BY_ONE = [frozenset({id_}) for id_ in range(4)]


def language_model(name: str = "llama", **overrides: Any) -> LanguageModel:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    return LanguageModel.from_model(ARCHITECTURES[name].build(**overrides), tokenizer)


def prompt() -> Prompt:
    return ContextTemplate()("When did it open?", SourceSet.build(as_chunks(CHUNKS)))
