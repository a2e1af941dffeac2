from __future__ import annotations

import dataclasses

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from training.architecture import Architecture, build_model


def test_offset_heads_attend_their_distance_back(
    tokenizer: PreTrainedTokenizerBase, architecture: Architecture
) -> None:
    model = build_model(architecture, tokenizer, seed=0)
    model.set_attn_implementation("eager")
    tokens = torch.randint(4, len(tokenizer), (2, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        attentions = model(tokens, output_attentions=True).attentions[0]
    for head, offset in enumerate(architecture.offsets):
        if offset is not None:
            there = attentions[:, head].diagonal(-offset, dim1=-2, dim2=-1)
            assert there.min() > 0.5


def test_free_heads_are_left_alone(
    tokenizer: PreTrainedTokenizerBase, architecture: Architecture
) -> None:
    model = build_model(architecture, tokenizer, seed=0)
    biases = model.model.layers[0].self_attn.q_proj.bias.view(architecture.heads, -1)
    for bias, offset in zip(biases, architecture.offsets, strict=True):
        assert bool(bias.any()) == (offset is not None)


def test_seed_decides_the_weights(
    tokenizer: PreTrainedTokenizerBase, architecture: Architecture
) -> None:
    state = torch.get_rng_state()
    first, same, other = (build_model(architecture, tokenizer, seed=s) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state), "the global random state was changed"
    weights = [model.model.embed_tokens.weight for model in (first, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_there_is_an_offset_for_every_head(architecture: Architecture) -> None:
    with pytest.raises(ValueError, match="offsets"):
        dataclasses.replace(architecture, offsets=(1, 2))
