"""The engine's scores equal a naive loop written without any of its code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from attribot_integrations import AttributionEngine, EngineOptions
from attribot_integrations.context.prompts import DEFAULT_TEMPLATE
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import TEMPLATES, TOKENIZERS, with_chat_template

TOLERANCE = 1e-4
"""Largest difference of a source's score, in nats, float32."""

CHUNKS = (
    ("Veltrano has a harbour.", "It opened in 1962.", "The old bridge is near the market."),
    ("Ana Ruiz is an engineer.", "She built the harbour of Veltrano."),
    ("A river runs through the town.",),
)
EXACT = EngineOptions(method="exact")
QUESTION = "Who built the harbour of Veltrano?"
ANSWER = "Ana Ruiz built it. It opened in 1962."

Render = Callable[[str], list[int]]


def naive_scores(model: PreTrainedModel, render: Render, answer_ids: list[int]) -> torch.Tensor:
    """Leave-one-out by hand, `[sentences]`, in nats."""

    def likelihood(removed: tuple[int, int] | None) -> torch.Tensor:
        kept = [
            " ".join(s for j, s in enumerate(chunk) if (i, j) != removed)
            for i, chunk in enumerate(CHUNKS)
        ]
        context = "\n\n".join(text for text in kept if text)
        prompt = render(DEFAULT_TEMPLATE.format(context=context, question=QUESTION))
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + answer_ids])).logits[0]
        log_probs = logits[len(prompt) - 1 : -1].float().log_softmax(-1)
        likelihoods: torch.Tensor = log_probs.gather(1, torch.tensor(answer_ids)[:, None])
        return likelihoods.sum()

    full = likelihood(None)
    return torch.stack(
        [full - likelihood((i, j)) for i, chunk in enumerate(CHUNKS) for j, _ in enumerate(chunk)]
    )


def compare(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, render: Render) -> None:
    answer_ids = tokenizer(ANSWER, add_special_tokens=False)["input_ids"]
    expected = naive_scores(model, render, answer_ids).numpy()
    engine = AttributionEngine.from_model(model, tokenizer, options=EXACT)
    result = engine.attribute(QUESTION, [" ".join(chunk) for chunk in CHUNKS], ANSWER)
    assert [source.text for source in result.sources] == [s for chunk in CHUNKS for s in chunk]
    assert np.abs(expected).max() > 100 * TOLERANCE
    assert np.abs(result.source_scores - expected).max() < TOLERANCE
    assert result.exact.all()


@pytest.mark.parametrize("tokenizer_name", TOKENIZERS)
@pytest.mark.parametrize("template_name", sorted(set(TEMPLATES) - {"refuses_system"}))
def test_chat_prompts(tokenizer_name: str, template_name: str) -> None:
    tokenizer = with_chat_template(TOKENIZERS[tokenizer_name](), TEMPLATES[template_name])

    def render(text: str) -> list[int]:
        encoded: Any = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=True
        )
        return list(encoded["input_ids"])

    compare(ARCHITECTURES["llama"].build(), tokenizer, render)


@pytest.mark.parametrize("tokenizer_name", TOKENIZERS)
def test_plain_prompts(tokenizer_name: str) -> None:
    tokenizer = TOKENIZERS[tokenizer_name]()
    adds_bos = tokenizer_name in {"byte_level_bpe_with_bos", "metaspace_bpe", "unigram"}

    def render(text: str) -> list[int]:
        ids: list[int] = tokenizer(text + "\n\nAnswer:\n", add_special_tokens=False)["input_ids"]
        return [tokenizer.bos_token_id, *ids] if adds_bos else ids

    compare(ARCHITECTURES["llama"].build(), tokenizer, render)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures(name: str) -> None:
    tokenizer = TOKENIZERS["byte_level_bpe"]()

    def render(text: str) -> list[int]:
        ids: list[int] = tokenizer(text + "\n\nAnswer:\n", add_special_tokens=False)["input_ids"]
        return ids

    compare(ARCHITECTURES[name].build(), tokenizer, render)


@pytest.mark.parametrize("name", ["llama", "gemma3", "mistral"])
def test_eager_attention(name: str) -> None:
    tokenizer = TOKENIZERS["byte_level_bpe"]()
    model = ARCHITECTURES[name].build(attn_implementation="eager")

    def render(text: str) -> list[int]:
        ids: list[int] = tokenizer(text + "\n\nAnswer:\n", add_special_tokens=False)["input_ids"]
        return ids

    compare(model, tokenizer, render)


def test_half_precision_noise_is_small_beside_the_scores() -> None:
    tokenizer = TOKENIZERS["byte_level_bpe"]()
    model = ARCHITECTURES["llama"].build()
    chunks = [" ".join(chunk) for chunk in CHUNKS]
    engine = AttributionEngine.from_model(model, tokenizer, options=EXACT)
    exact = engine.attribute(QUESTION, chunks, ANSWER)
    engine = AttributionEngine.from_model(model.bfloat16(), tokenizer, options=EXACT)
    half = engine.attribute(QUESTION, chunks, ANSWER)
    spread = np.abs(exact.source_scores).max()
    assert np.abs(half.source_scores - exact.source_scores).max() < 0.25 * spread


def test_removing_a_chunk_equals_leaving_it_out() -> None:
    tokenizer = TOKENIZERS["byte_level_bpe"]()
    engine = AttributionEngine.from_model(ARCHITECTURES["llama"].build(), tokenizer)
    chunks = [" ".join(chunk) for chunk in CHUNKS]
    options = EngineOptions(method="exact", levels=("sentence", "chunk"))
    result = engine.attribute(QUESTION, chunks, ANSWER, options=options)
    for row in result.rows("chunk"):
        index = result.sources[row].chunk_index
        without = engine.attribute(QUESTION, chunks[:index] + chunks[index + 1 :], ANSWER)
        expected = result.log_likelihood - without.log_likelihood
        assert abs(result.source_scores[row] - expected) < TOLERANCE
