"""Attention weights and gradient norms, against values found in other ways."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch

from attribot_integrations.evaluation.baselines_model import AttentionWeights, GradientNorm
from attribot_integrations.scoring.language_model import in_process
from tests.unit.evaluation.tiny import tiny_case, tiny_engine, zero


def test_uniform_attention_is_known() -> None:
    """Without queries all keys weigh the same: 1 / (row + 1) each."""
    engine = tiny_engine()
    zero(engine, "q_proj")
    inputs = tiny_case(engine).inputs
    result = AttentionWeights().run(inputs)
    first = len(inputs.prompt_ids) - 1
    row = np.mean([1 / (place + 1) for place in range(first, first + len(inputs.answer_ids))])
    lengths = [end - start for start, end in inputs.sentence_tokens.values()]
    np.testing.assert_allclose(result.scores, row * np.array(lengths), rtol=1e-5)
    assert result.passes == 1
    assert result.tokens == len(inputs.prompt_ids) + len(inputs.answer_ids) - 1


@pytest.mark.parametrize("name", ["llama", "gpt2", "qwen3"])
def test_attention_is_that_of_an_eager_model(name: str) -> None:
    engine = tiny_engine(name)
    inputs = tiny_case(engine).inputs
    result = AttentionWeights().run(inputs)
    model = in_process(
        tiny_engine(name, attn_implementation="eager").target
    ).model  # the same random weights
    tokens = torch.tensor([[*inputs.prompt_ids, *inputs.answer_ids]])
    with torch.inference_mode():
        layers = cast(Any, model)(input_ids=tokens, output_attentions=True).attentions
    start = len(inputs.prompt_ids) - 1
    for source, score in zip(inputs.sources, result.scores, strict=True):
        low, high = inputs.sentence_tokens[source.id]
        paid = [
            float(layer[0, head, row, low:high].sum())
            for layer in layers
            for head in range(layer.shape[1])
            for row in range(start, start + len(inputs.answer_ids))
        ]
        assert score == pytest.approx(np.mean(paid), rel=1e-4)


def test_attention_leaves_the_model_as_it_is() -> None:
    engine = tiny_engine()
    model = in_process(engine.target).model
    before = {name: id(each) for name, each in model.named_parameters()}
    kept = model.config._attn_implementation
    AttentionWeights().run(tiny_case(engine).inputs)
    assert model.config._attn_implementation == kept == "sdpa"
    assert {name: id(each) for name, each in model.named_parameters()} == before


def test_gradient_is_that_of_finite_differences() -> None:
    engine = tiny_engine(num_hidden_layers=2, hidden_size=16)
    inputs = tiny_case(engine).inputs
    result = GradientNorm().run(inputs)
    model = cast(Any, in_process(engine.target).model).double()
    tokens = torch.tensor([[*inputs.prompt_ids, *inputs.answer_ids[:-1]]])
    embedded = model.get_input_embeddings()(tokens).detach()

    def likelihood(values: torch.Tensor) -> float:
        with torch.inference_mode():
            logits = model(inputs_embeds=values).logits[0, len(inputs.prompt_ids) - 1 :]
        picked = logits.log_softmax(-1)[range(len(inputs.answer_ids)), list(inputs.answer_ids)]
        return float(picked.sum())

    source = inputs.sources[-1]
    slopes = []
    width = 1e-3  # wide, for Llama's norms round to float32 whatever the weights' precision
    for place in range(*inputs.sentence_tokens[source.id]):
        for dimension in range(embedded.shape[2]):
            step = torch.zeros_like(embedded)
            step[0, place, dimension] = width
            change = likelihood(embedded + step) - likelihood(embedded - step)
            slopes.append(change / (2 * width))
    assert result.scores[-1] == pytest.approx(np.linalg.norm(slopes), rel=1e-3)
    assert result.tokens == 2 * tokens.numel()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_gradient_is_zero_where_nothing_is_passed_on() -> None:
    engine = tiny_engine()
    zero(engine, "o_proj")  # no token sees another
    assert GradientNorm().run(tiny_case(engine).inputs).scores.tolist() == [0.0, 0.0, 0.0]
