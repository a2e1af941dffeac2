"""Tiny GGUF files, written by the `gguf` package as llama.cpp's converter writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import pre_tokenizers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import (
    TEMPLATES,
    byte_level_bpe,
    byte_level_bpe_with_bos,
    with_chat_template,
)

CONTROL, USER_DEFINED, NORMAL = 3, 4, 1


def tiny_llama() -> PreTrainedModel:
    """A Llama that is as wide as a block of quantised weights asks for."""
    return ARCHITECTURES["llama"].build(rope_theta=50_000.0)


def tiny_tokenizer(*, adds_bos: bool = False) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer that divides text as GPT-2's does, which a file can say by name."""
    tokenizer = byte_level_bpe_with_bos() if adds_bos else byte_level_bpe()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return with_chat_template(tokenizer, TEMPLATES["chatml"])


def write_gguf(
    path: Path,
    *,
    model: PreTrainedModel | None = None,
    kind: str = "F32",
    metadata: Mapping[str, object] | None = None,
    adds_bos: bool = False,
    template: bool = True,
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write a tiny Llama.

    Args:
        path: The file.
        model: The model; a tiny one by default.
        kind: Name of the type of its matrices.
        metadata: Texts and numbers that replace what would be written.
        adds_bos: Whether the tokenizer adds a token in front.
        template: Whether there is a chat template.
        extra: Arrays of further tensors.
    """
    gguf = pytest.importorskip("gguf")
    model = model or tiny_llama()
    config = model.config
    given = dict(metadata or {})
    writer = gguf.GGUFWriter(path, given.pop("general.architecture", "llama"))
    llama = writer.arch
    values: dict[str, object] = {
        f"{llama}.context_length": config.max_position_embeddings,
        f"{llama}.block_count": config.num_hidden_layers,
        f"{llama}.feed_forward_length": config.intermediate_size,
        f"{llama}.embedding_length": config.hidden_size,
        f"{llama}.rope.dimension_count": config.head_dim,
        f"{llama}.rope.freq_base": float(config.rope_parameters["rope_theta"]),
        f"{llama}.attention.head_count": config.num_attention_heads,
        f"{llama}.attention.head_count_kv": config.num_key_value_heads,
        f"{llama}.attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        f"{llama}.vocab_size": config.vocab_size,
        **given,
    }
    for key, value in values.items():
        if isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        else:
            writer.add_uint32(key, value)
    _add_tokenizer(writer, tiny_tokenizer(adds_bos=adds_bos), config.vocab_size, adds_bos)
    if template:
        writer.add_chat_template(TEMPLATES["chatml"])
    for name, weights in {**_tensors(model), **(extra or {})}.items():
        number = gguf.GGMLQuantizationType[kind if weights.ndim > 1 else "F32"]
        writer.add_tensor(name, gguf.quantize(weights, number), raw_dtype=number)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(
    writer: Any, tokenizer: PreTrainedTokenizerFast, size: int, adds_bos: bool
) -> None:
    vocabulary = {id_: token for token, id_ in tokenizer.get_vocab().items()}
    added = tokenizer.added_tokens_decoder
    tokens, types = [], []
    for id_ in range(size):
        tokens.append(vocabulary.get(id_, f"unused{id_}"))
        special = id_ in added and (CONTROL if added[id_].special else USER_DEFINED)
        types.append(special or NORMAL)
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    if adds_bos:
        writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_add_bos_token(adds_bos)


def _tensors(model: PreTrainedModel) -> dict[str, np.ndarray[Any, Any]]:
    names = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    parts = {
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    for layer in range(model.config.num_hidden_layers):
        for ours, theirs in parts.items():
            names[f"model.layers.{layer}.{ours}.weight"] = f"blk.{layer}.{theirs}.weight"
    heads = {"attn_q": model.config.num_attention_heads, "attn_k": model.config.num_key_value_heads}
    found = {}
    for name, weights in model.state_dict().items():
        array = weights.detach().to(torch.float32).numpy()
        part = names[name].split(".")[-2]
        found[names[name]] = _rotated(array, heads[part]) if part in heads else array
    return found


def _rotated(weights: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Order the rows as llama.cpp's rotary positions take them: pairs side by side."""
    halves = weights.reshape(heads, 2, -1, weights.shape[-1])
    pairs: np.ndarray[Any, Any] = halves.swapaxes(1, 2)
    return np.reshape(pairs, weights.shape)
