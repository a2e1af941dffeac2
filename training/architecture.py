"""The demo models: plain Llama checkpoints, started so that recall is quick to learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

OFFSET_SHARPNESS: Final = 6.0
"""Size of each rotary pair of an offset head's query and key; larger attends more narrowly."""


@dataclass(frozen=True)
class Architecture:
    """The shape of a demo model."""

    layers: int
    """Number of decoder layers."""
    width: int
    """Size of the residual stream."""
    heads: int
    """Number of attention heads."""
    head_width: int
    """Size of a head. Wider than `width / heads` on purpose: under rotary positions only the slow
    pairs of a head can compare words at any distance, so narrow heads tell few names apart."""
    feed_forward: int
    """Inner size of the feed-forward layers."""
    rope_theta: float
    """Base of the rotary frequencies; a larger one leaves more slow pairs."""
    offsets: tuple[int | None, ...]
    """How many tokens back each head of the first layer looks at the start; None is a free head."""

    def __post_init__(self) -> None:
        if len(self.offsets) != self.heads:
            raise ValueError(f"{len(self.offsets)} offsets for {self.heads} heads")


def build_model(
    architecture: Architecture, tokenizer: PreTrainedTokenizerBase, *, seed: int
) -> LlamaForCausalLM:
    """Build an untrained float32 model; the global random state is left as it was."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=architecture.width,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        num_key_value_heads=architecture.heads,
        head_dim=architecture.head_width,
        intermediate_size=architecture.feed_forward,
        max_position_embeddings=tokenizer.model_max_length,
        rms_norm_eps=1e-5,
        attention_bias=True,
        tie_word_embeddings=True,
        initializer_range=0.02,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        rope_parameters={"rope_type": "default", "rope_theta": architecture.rope_theta},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    start_offset_heads(model, architecture)
    return model


@torch.no_grad()
def start_offset_heads(model: LlamaForCausalLM, architecture: Architecture) -> None:
    """Set the first layer's query and key biases so that its heads look a fixed distance back.

    Under rotary positions, a constant query and a constant key whose pairs are turned against each
    other by some number of positions have their largest product at just that distance. It is only
    a start: training may change it.
    """
    size = architecture.head_width
    steps = torch.arange(0, size, 2, dtype=torch.float32)
    frequencies = architecture.rope_theta ** (-steps / size)
    attention = model.model.layers[0].self_attn
    for head, offset in enumerate(architecture.offsets):
        if offset is None:
            continue
        rows = slice(head * size, (head + 1) * size)
        turned = torch.cat([torch.cos(frequencies * offset), -torch.sin(frequencies * offset)])
        straight = torch.cat([torch.ones_like(frequencies), torch.zeros_like(frequencies)])
        attention.q_proj.bias[rows] = OFFSET_SHARPNESS * turned
        attention.k_proj.bias[rows] = OFFSET_SHARPNESS * straight
