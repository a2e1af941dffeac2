"""A model bound to its tokenizer: what is refused, and what is left as it is."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
import torch

from attribot_integrations.errors import (
    ConfigurationError,
    MissingExtraError,
    UnsupportedModelError,
)
from attribot_integrations.scoring.language_model import LanguageModel, in_process
from attribot_integrations.scoring.scorer import Scorer
from tests.parity.architectures import ARCHITECTURES
from tests.unit.scoring.harbour import ANSWER, ONE_BY_ONE, language_model, prompt
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template
from tests.unit.words import WordModel


@pytest.mark.parametrize("missing", ["torch", "accelerate.state", "transformers"])
def test_a_missing_library_is_named_with_its_extra(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "attribot_integrations.scoring.language_model")
    with pytest.raises(MissingExtraError, match=r"running a model in this process .*\[local\]"):
        importlib.import_module("attribot_integrations.scoring.language_model")


def test_tokenizer_of_another_model_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=r"only 100 embeddings; is it the model's own"):
        language_model(vocab_size=100)


def test_added_tokens_may_lie_beyond_the_embeddings() -> None:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    network = ARCHITECTURES["llama"].build(vocab_size=len(tokenizer))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image_soft_token>"]})
    scorer = Scorer(
        LanguageModel.from_model(network, tokenizer), prompt(), "See <image_soft_token>"
    )
    assert np.isfinite(scorer.score(ONE_BY_ONE).drops).all()


def test_wrapping_changes_neither_model_nor_tokenizer() -> None:
    network, tokenizer = ARCHITECTURES["llama"].build(), byte_level_bpe()
    before = (network.config.to_dict(), tokenizer.backend_tokenizer.to_str(), vars(network).keys())
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    Scorer(LanguageModel.from_model(network, tokenizer), prompt(), ANSWER).score(ONE_BY_ONE)
    after = (network.config.to_dict(), tokenizer.backend_tokenizer.to_str(), vars(network).keys())
    assert after == before
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, weights[key], rtol=0, atol=0)


def test_what_it_says_of_itself() -> None:
    network = ARCHITECTURES["llama"].build()
    model = LanguageModel.from_model(network, byte_level_bpe())
    assert model.name == "LlamaForCausalLM"
    assert model.parameters == sum(each.numel() for each in network.parameters())
    assert (model.way, model.can_knock_out, model.uses_chat_template) == ("packed", True, False)
    assert model.runs(network)
    assert not model.runs(None)
    assert not model.runs(ARCHITECTURES["llama"].build())
    assert LanguageModel.from_model(network, byte_level_bpe(), name="mine").name == "mine"


def test_models_without_masks_cannot_knock_out() -> None:
    model = language_model("bloom")
    assert (model.way, model.can_knock_out, model.uses_chat_template) == ("cached", False, True)


def test_tokens_of_a_text_are_counted_without_those_that_frame_it() -> None:
    model = language_model()
    assert model.count_tokens("") == 0
    assert model.count_tokens("It opened.") == len(model.encoder.encode_text("It opened.").ids)
    assert model.count_tokens("One. " * 10) > model.count_tokens("One. ")


def test_its_scorer_takes_up_a_draft_and_a_held_context() -> None:
    model = language_model()
    draft = model.draft(prompt(), 2)
    scorer = model.scorer(prompt(), ANSWER, drafted=draft)
    scorer.score(ONE_BY_ONE)
    alone = model.scorer(prompt(), ANSWER)
    alone.score(ONE_BY_ONE)
    spared = len(alone.prompt.ids) + len(alone.answer.ids) - 1
    assert scorer.cost.tokens == alone.cost.tokens - spared
    held = model.hold_context()
    model.scorer(prompt(), ANSWER, held=held).score(ONE_BY_ONE)
    assert held.let_go()


def test_what_runs_elsewhere_cannot_be_looked_into() -> None:
    model = language_model()
    assert in_process(model) is model
    with pytest.raises(ConfigurationError, match=r"words does not run in this process.* WordModel"):
        in_process(WordModel())
