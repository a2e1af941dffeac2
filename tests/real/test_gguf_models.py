"""GGUF files of two families, loaded and scored on real text."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest
import torch

from attribot_integrations import AttributionEngine, EngineOptions, LanguageModel
from attribot_integrations.context.prompts import DEFAULT_TEMPLATE
from attribot_integrations.demo.library import library_chunks

pytestmark = pytest.mark.real

TOLERANCE: Final = 1e-4
"""Nats, in float32, of an answer's summed log-likelihood."""

QUESTION = "How long was the Suez Canal closed after the war of 1967?"
ANSWER = "After the war of June 1967 the canal stayed closed for eight years."
CHUNKS = [chunk.text for chunk in library_chunks() if chunk.metadata["title"].endswith("Canal")]
ASKED = next(index for index, text in enumerate(CHUNKS) if "eight years" in text)


def rendered(model: LanguageModel, chunks: list[str]) -> list[int]:
    """The prompt's ids by transformers alone."""
    tokenizer: Any = model.encoder._tokenizer
    text = DEFAULT_TEMPLATE.format(context="\n\n".join(chunks), question=QUESTION)
    if tokenizer.chat_template:
        messages = [{"role": "user", "content": text}]
        ids: list[int] = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=True
        )["input_ids"]
        return ids
    plain = tokenizer(f"{text}\n\nAnswer:\n", add_special_tokens=False)["input_ids"]
    return [tokenizer.bos_token_id, *plain]


def likelihood(model: LanguageModel, chunks: list[str]) -> float:
    """Log-likelihood of the answer by one pass, in nats."""
    prompt = rendered(model, chunks)
    tokenizer: Any = model.encoder._tokenizer
    answer = tokenizer(ANSWER, add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = model.model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
    found = logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None]).sum()
    return float(found)


def naive_scores(model: LanguageModel) -> np.ndarray[Any, Any]:
    """Leave-one-out of chunks, by as many passes as there are, and one."""
    full = likelihood(model, CHUNKS)
    kept = [CHUNKS[:index] + CHUNKS[index + 1 :] for index in range(len(CHUNKS))]
    return np.array([full - likelihood(model, chunks) for chunks in kept])


def test_smollm2_is_what_its_file_says(smollm2: LanguageModel) -> None:
    assert smollm2.parameters == 134_515_008
    assert smollm2.model.dtype == torch.float32
    assert smollm2.uses_chat_template
    config = smollm2.model.config
    assert config.rope_parameters["rope_theta"] == 100_000
    assert config.tie_word_embeddings
    ids = smollm2.encoder.encode_text("<|im_start|>user").ids
    assert not set(ids) & smollm2.encoder.control_ids


def test_gemma_is_what_its_file_says(gemma: LanguageModel) -> None:
    assert gemma.parameters == 268_098_176
    assert not gemma.uses_chat_template
    config = gemma.model.config
    assert config.sliding_window == 512
    assert config.layer_types.count("full_attention") == 3
    bases = {kind: each["rope_theta"] for kind, each in config.rope_parameters.items()}
    assert bases == {"sliding_attention": 10_000, "full_attention": 1_000_000}


@pytest.mark.parametrize("name", ["smollm2", "gemma"])
def test_a_model_that_is_loaded_right_finds_real_text_likely(
    name: str, request: pytest.FixtureRequest
) -> None:
    model: LanguageModel = request.getfixturevalue(name)
    ids = model.encoder.encode_text("\n\n".join(CHUNKS)).ids
    text = torch.tensor([[model.encoder.start_id, *ids]])
    with torch.inference_mode():
        logits = model.model(text).logits[0, :-1]
    lost = -logits.log_softmax(-1).gather(1, text[0, 1:, None]).mean()
    assert 2 < float(lost) < 3.2  # nats a token; weights that are mixed up give 7 and more


@pytest.mark.parametrize("name", ["smollm2", "gemma"])
def test_exact_scores_equal_the_naive_loop(name: str, request: pytest.FixtureRequest) -> None:
    model: LanguageModel = request.getfixturevalue(name)
    assert model.capabilities.path == "packed"
    assert len(rendered(model, CHUNKS)) > 512 + 16  # beyond Gemma's window
    expected = naive_scores(model)
    engine = AttributionEngine(model)
    options = EngineOptions(method="exact", levels=("chunk",))
    result = engine.attribute(QUESTION, CHUNKS, ANSWER, options=options)
    assert result.exact.all()
    assert int(expected.argmax()) == ASKED
    assert expected[ASKED] > 3
    assert np.abs(result.source_scores - expected).max() < TOLERANCE


def test_gemma_with_smollm2_as_its_proxy(gemma: LanguageModel, smollm2: LanguageModel) -> None:
    engine = AttributionEngine(gemma, smollm2)
    result = engine.attribute(QUESTION, CHUNKS, ANSWER)
    best = result.sources[int(result.source_scores.argmax())]
    assert "stayed closed for eight years" in best.text
    assert result.exact[result.row(best.id)]
    assert [model.tokens > 0 for model in result.cost.models] == [True, True]
    alone = AttributionEngine(gemma).attribute(
        QUESTION, CHUNKS, ANSWER, options=EngineOptions(method="exact")
    )
    rescored = result.exact
    np.testing.assert_allclose(
        result.source_scores[rescored], alone.source_scores[rescored], atol=5 * TOLERANCE
    )
