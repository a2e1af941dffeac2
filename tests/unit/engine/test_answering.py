"""What the target itself answers is attributed with what it has kept of the prompt."""

from __future__ import annotations

import numpy as np
import pytest

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, EmptyAnswerError
from attribot_integrations.methods import AttentionScreen, LearnedAttention
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.protocols import Draft
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template
from tests.unit.words import WordModel

QUESTION = "When did it open?"
CHUNKS = ["It is the harbour. It opened in 1962.", "A river runs here, and trams stop at noon."]


def test_the_answer_is_the_targets_own() -> None:
    options = EngineOptions(method="exact")
    result = AttributionEngine(WordModel(), options=options).answer(
        QUESTION, CHUNKS, max_new_tokens=7, id="one"
    )
    assert (result.answer, result.id) == ("It opened in 1962.", "one")
    assert [each.text for each in result.shown_citations] == ["It opened in 1962."]
    again = AttributionEngine(WordModel(), options=options).attribute(
        QUESTION, CHUNKS, result.answer
    )
    assert result.cost.tokens == again.cost.tokens + 7, "writing counts, too"


@pytest.mark.parametrize("name", ["llama", "gemma3", "mamba"])
def test_scores_are_those_of_attributing_afterwards(name: str) -> None:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    engine = AttributionEngine.from_model(ARCHITECTURES[name].build(), tokenizer)
    options = EngineOptions(method="exact", alternatives=None)
    result = engine.answer(QUESTION, CHUNKS, max_new_tokens=6, options=options)
    again = engine.attribute(QUESTION, CHUNKS, result.answer, options=options)
    np.testing.assert_allclose(result.scores, again.scores, atol=1e-4)
    assert [each.label for each in result.support] == [each.label for each in again.support]


def test_attention_is_read_without_another_pass_over_the_prompt() -> None:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    engine = AttributionEngine.from_model(ARCHITECTURES["llama"].build(), tokenizer)
    model = in_process(engine.target)
    heads = model.model.config.num_hidden_layers * model.model.config.num_attention_heads
    screen = AttentionScreen(np.ones(heads, np.float32), model.signature, "tiny")
    options = EngineOptions(method=LearnedAttention(screen), alternatives=None)
    long = [*CHUNKS, *(f"Line {number} of the harbour log is about rope." for number in range(20))]
    result = engine.answer(QUESTION, long, max_new_tokens=6, options=options)
    again = engine.attribute(QUESTION, long, result.answer, options=options)
    np.testing.assert_allclose(result.scores, again.scores, atol=1e-4)
    prompt = again.cost.models[0].naive_tokens // 2
    assert result.cost.tokens - again.cost.tokens < prompt / 4


def test_nothing_written_is_nothing_to_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WordModel, "draft", lambda self, prompt, most: Draft("", None, 3, 1))
    with pytest.raises(EmptyAnswerError, match="words wrote no answer in 256 tokens"):
        AttributionEngine(WordModel()).answer(QUESTION, CHUNKS)


def test_at_least_one_token_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="max_new_tokens must be at least 1, got 0"):
        AttributionEngine(WordModel()).answer(QUESTION, CHUNKS, max_new_tokens=0)
