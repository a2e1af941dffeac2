"""Drafts are the model's own greedy answers, and what they leave behind can be scored on."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from transformers import GenerationConfig

from attribot_integrations.context.prompts import Prompt, fill_template
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import PromptTooLongError
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.scoring.drafting import draft_answer
from attribot_integrations.scoring.language_model import LanguageModel, in_process
from attribot_integrations.scoring.protocols import Draft
from attribot_integrations.scoring.scorer import Scorer
from attribot_integrations.tokens.ablated import AblatedText
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template

TOLERANCE = 1e-4
"""Largest difference of an answer's log-likelihood, in nats, float32."""
NAMES = (
    *("llama", "mistral", "gemma3", "gpt2", "bloom", "falcon-alibi", "mamba", "lfm2"),
    *("gemma3-vision", "gemma4-vision", "qwen2.5-vision"),
)
CHUNKS = ("The harbour opened in 1962. It is old.", "A river runs.", "Trams stop at noon.")
SOURCES = SourceSet.build(as_chunks(CHUNKS))


@functools.cache
def loaded(name: str) -> LanguageModel:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    return in_process(AttributionEngine.from_model(ARCHITECTURES[name].build(), tokenizer).target)


def prompt() -> Prompt:
    return fill_template(EngineOptions().template, "When did the harbour open?", SOURCES)


@functools.cache
def drafted(name: str) -> Draft:
    return draft_answer(loaded(name), prompt(), 8)


def prompt_ids(model: LanguageModel) -> list[int]:
    return list(AblatedText(model.encoder, prompt(), frozenset()).ids)


@pytest.mark.parametrize("name", NAMES)
def test_draft_is_what_the_model_generates(name: str) -> None:
    model, draft = loaded(name), drafted(name)
    ids = prompt_ids(model)
    tokens = torch.tensor([ids])
    written = model.model.generate(  # type: ignore[operator]
        tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=8, do_sample=False
    )[0, len(ids) :].tolist()
    assert draft.text == model.encoder.decode(written).strip()
    assert (draft.tokens, draft.passes) == (len(ids) + len(written) - 1, len(written))
    assert (draft.prefix is None) == (ARCHITECTURES[name].path == "plain")


@pytest.mark.parametrize("name", NAMES)
def test_scores_on_the_drafts_activations_equal_those_without(name: str) -> None:
    model, draft = loaded(name), drafted(name)
    answer = "It opened in 1962."  # a random model's draft may be no text at all
    everything = SOURCES.all_ids
    ablations = [frozenset({id_}) for id_ in everything]
    ablations += [everything - each for each in ablations] + [everything]
    shared = Scorer(model, prompt(), answer, prefix=draft.prefix)
    alone = Scorer(model, prompt(), answer)
    plain = Scorer(model, prompt(), answer, path="plain")
    pairs = [(shared.score(ablations), each.score(ablations)) for each in (alone, plain)]
    if shared.can_knock_out:
        pairs.append((shared.knock_out(ablations, 8), alone.knock_out(ablations, 8)))
    for left, right in pairs:
        for one, other in (
            (left.log_probs, right.log_probs),
            (left.reference, right.reference),
        ):
            assert np.abs(one.sum(1) - other.sum(1)).max() < TOLERANCE
    spread = np.abs(pairs[0][0].drops.sum(1)).max()
    assert spread > 100 * TOLERANCE, "the example moves too little to tell right from wrong"
    if draft.prefix is not None:
        assert shared.cost.tokens < alone.cost.tokens


@pytest.mark.parametrize("name", ["llama", "bloom", "mamba"])
def test_the_models_own_generation_config_has_no_say_and_is_not_changed(name: str) -> None:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    model = ARCHITECTURES[name].build()
    config = GenerationConfig(
        num_beams=3,
        num_return_sequences=2,
        repetition_penalty=1.7,
        min_new_tokens=3,
        suppress_tokens=[7, 8, 9],
        cache_implementation="static",
        return_dict_in_generate=True,
        output_scores=True,
        max_length=5,
        eos_token_id=2,
        pad_token_id=0,
    )
    model.generation_config = config
    before = config.to_dict()
    target = AttributionEngine.from_model(model, tokenizer).target
    assert draft_answer(in_process(target), prompt(), 8).text == drafted(name).text
    assert model.generation_config is config
    assert config.to_dict() == before
    assert model.training is False


def test_a_draft_ends_where_the_context_does() -> None:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    length = len(prompt_ids(loaded("gpt2")))
    sizes = {"n_positions": length + 2, "max_position_embeddings": length + 2}
    model = ARCHITECTURES["gpt2"].build(**sizes, eos_token_id=None)
    target = AttributionEngine.from_model(model, tokenizer).target
    assert draft_answer(in_process(target), prompt(), 48).passes == 3


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_prompt_that_is_too_long(name: str) -> None:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    length = len(prompt_ids(loaded(name)))
    sizes = {"n_positions": length - 2, "max_position_embeddings": length - 2}
    target = AttributionEngine.from_model(ARCHITECTURES[name].build(**sizes), tokenizer).target
    with pytest.raises(
        PromptTooLongError, match=f"the prompt takes {length} positions, 2 more than the"
    ):
        draft_answer(in_process(target), prompt(), 8)
