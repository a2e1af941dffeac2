"""Tiny models of every language model architecture that the installed transformers knows.

The sizes in a default config, and in the configs inside it, are replaced by small ones by their
names; a table holds what single families need beside that. Weights are drawn anew and wide, as
many architectures start with some that are too small, or zero, to tell right from wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
)

__all__ = ["NAMES", "build"]

NAMES: tuple[str, ...] = tuple(
    dict.fromkeys([*MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, *MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES])
)
"""Every architecture that is loaded as a language model, the multimodal ones last."""

_VOCABULARY = 640
_WINDOW = 16
_MOST_PARAMETERS = 100_000_000
_SPREAD = 0.15
"""Standard deviation of the weights."""

_TEXT: Mapping[str, Any] = {
    "vocab_size": _VOCABULARY,
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "embedding_size", "emb_dim"), 64),
    **dict.fromkeys(("dim_model", "hidden_size_global", "embedding_dim"), 64),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "decoder_ffn_dim", "encoder_ffn_dim"), 96),
    **dict.fromkeys(("n_inner", "dff", "d_ff", "d_inner", "dim_ff"), 96),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layer", "n_layers"), 4),
    **dict.fromkeys(("decoder_layers", "encoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "num_heads", "n_head", "n_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "encoder_attention_heads"), 4),
    "num_key_value_heads": 2,
    **dict.fromkeys(("head_dim", "d_kv", "v_head_dim", "qk_nope_head_dim"), 16),
    "qk_rope_head_dim": 8,
    "kv_lora_rank": 16,
    "q_lora_rank": 24,
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx"), 2048),
    **dict.fromkeys(("max_target_positions", "max_seq_len"), 2048),
    **dict.fromkeys(("sliding_window", "attention_window", "attention_chunk_size"), _WINDOW),
    **dict.fromkeys(("local_attention", "window_size"), _WINDOW),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_topk", "top_k_experts"), 2),
    **dict.fromkeys(("moe_intermediate_size", "expert_ffn_hidden_size"), 48),
    **dict.fromkeys(("n_group", "topk_group"), 1),
    "index_topk": _WINDOW,
    "index_n_heads": 2,
    "index_head_dim": 16,
    "state_size": 8,
    "is_decoder": True,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
"""Sizes of what works on text."""
_OTHER: Mapping[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "embed_dim", "hidden_dim", "n_embd", "width"), 32),
    **dict.fromkeys(("kv_dim", "encoder_hidden_size"), 32),
    **dict.fromkeys(("intermediate_size", "encoder_ffn_dim", "ffn_dim"), 48),
    **dict.fromkeys(("num_hidden_layers", "encoder_layers", "num_layers", "n_layers"), 1),
    **dict.fromkeys(("layers", "depth", "cross_attention_frequency"), 1),
    **dict.fromkeys(("num_attention_heads", "attention_heads", "encoder_attention_heads"), 2),
    **dict.fromkeys(("num_heads", "heads", "num_key_value_heads", "num_experts"), 2),
    "head_dim": 16,
    "image_size": 28,
    "patch_size": 14,
    **dict.fromkeys(("out_hidden_size", "text_hidden_size", "projection_dim", "output_dim"), 64),
    **dict.fromkeys(("vocab_size", "max_source_positions", "max_position_embeddings"), 64),
    "fullatt_block_indexes": [0],
    "deepstack_visual_indexes": [0],
}
"""Sizes of what works on images and sounds."""
_TEXT_PARTS = ("text", "decoder", "language", "thinker", "llm", "global", "patcher")
"""Words in the names of configs, inside others, of what works on text."""

_ROPE = {"rope_type": "default", "rope_theta": 1e4}
_MROPE = {"rope_parameters": {**_ROPE, "mrope_section": [2, 3, 3]}}
_HYBRID = {"layer_types": ["linear_attention", "full_attention"] * 2}
_ALTERNATING = ["sliding_attention", "full_attention"] * 2
_MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 16}
_ZAMBA = {
    "layers_block_type": ["mamba", "hybrid"] * 2,
    "num_key_value_heads": 4,
    "mamba_d_state": 8,
}
_SHARING: Mapping[str, Any] = {
    "vocab_size_per_layer_input": _VOCABULARY,
    "hidden_size_per_layer_input": 16,
    "num_kv_shared_layers": 2,
    "layer_types": _ALTERNATING,
}
FAMILIES: Mapping[str, Mapping[str, Any]] = {
    "bailing_hybrid": {"layer_group_size": 2},
    "bamba": {"attn_layer_indices": [1, 3], **_MAMBA},
    "blt": {
        "vocab_size": _VOCABULARY,
        "encoder_hash_byte_group_vocab": 128,
        "local_attention_window_len": _WINDOW,
    },
    "codegen": {"rotary_dim": 8},
    "cohere2": {"logit_scale": 1.0},
    "cohere_compass_text": {
        "rope_parameters": {"full_attention": _ROPE, "sliding_attention": _ROPE}
    },
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 96, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "deepseek_ocr2_text": {"mlp_layer_types": ["dense"] + ["sparse"] * 3},
    "dots1": {"n_shared_experts": 1},
    "dots3_note": {"num_key_value_heads": 4},
    "dots3_note_text": {"num_key_value_heads": 4},
    "ernie4_5_vl_moe_text": {"moe_intermediate_size": [48, 48]},
    "gemma3n_text": {**_SHARING, "activation_sparsity_pattern": None, "laurel_rank": 8},
    "gemma4_text": {**_SHARING, "global_head_dim": 32},
    "glm46v_text": _MROPE,
    "glm4v_text": _MROPE,
    "glm4v_moe_text": {
        "rope_parameters": {**_ROPE, "partial_rotary_factor": 0.5, "mrope_section": [1, 1, 2]}
    },
    "glm5_next_text": {"num_key_value_heads": 4},
    "glm_ocr_text": _MROPE,
    "glmga_text": _MROPE,
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "gptj": {"rotary_dim": 8},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2, **_MAMBA},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 8},
    "kimi_linear": _HYBRID,
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2, "num_dense_layers": 1},
    "longcat_flash": {"num_key_value_heads": 4, "head_dim": 8, "num_layers": 2},
    "mamba2": {"num_heads": 8, "head_dim": 16, "n_groups": 2},
    "paddleocr_vl_text": _MROPE,
    "qwen2_5_omni_text": _MROPE,
    "qwen2_5_vl_text": _MROPE,
    "qwen2_vl_text": _MROPE,
    "qwen4_exp_text": {
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 16,
        "indexer_budget": 16,
        "indexer_compress_ratio": 4,
        "ngram_vocab_size_base": 512,
        "split_ngram_parts": 1,
        "hc_lowrank": 8,
    },
    "reformer": {
        "attn_layers": ["local", "lsh"] * 2,
        "axial_pos_shape": [32, 64],
        "axial_pos_embds_dim": [32, 32],
        "feed_forward_size": 64,
        "attention_head_size": 16,
        "num_hidden_layers": "-",
    },
    "xlstm": {"qk_dim_factor": 1.0},
    "xmod": {"default_language": "en_XX"},
    "zamba": {**_ZAMBA, "attention_head_dim": 32, "attention_hidden_size": 128},
    "zamba2": {**_ZAMBA, "n_mamba_heads": 8, "adapter_rank": 8},
    "zaya": {"num_experts_per_tok": 1},
}
"""What else the configs of single kinds are given; "-" leaves a value to the config."""


def build(name: str) -> PreTrainedModel:
    """Build a model with random weights, in float32 on the CPU, in evaluation mode.

    Raises:
        Exception: Whatever the config or the model raises, since some need what no table here
            knows.
    """
    config_class: Any = CONFIG_MAPPING[name]
    config = config_class(**_options(config_class(), _TEXT))
    causal = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
    kind: Any = AutoModelForCausalLM if causal else AutoModelForImageTextToText
    with torch.device("meta"):
        parameters = sum(each.numel() for each in kind.from_config(config).parameters())
    if parameters > _MOST_PARAMETERS:
        raise ValueError(f"it still has {parameters:,} parameters")
    torch.manual_seed(0)
    model: PreTrainedModel = kind.from_config(config).float().eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim >= 2:
                weight.copy_(torch.randn(weight.shape, generator=generator) * _SPREAD)
    return model


def _options(config: Any, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a config, and those inside it, are to be made with."""
    options = _named_by(config, sizes)
    for part, inner in vars(config).items():
        if isinstance(inner, PreTrainedConfig):
            is_text = any(word in part for word in _TEXT_PARTS)
            kind = {"model_type": inner.model_type} if inner.model_type else {}
            options[part] = {**kind, **_options(inner, _TEXT if is_text else _OTHER)}
    options |= FAMILIES.get(config.model_type, {})
    return {name: value for name, value in options.items() if value != "-"}


def _named_by(config: Any, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sizes that a config knows, by the names that it has for them."""
    known = {*config.to_dict(), *vars(config)}
    options: dict[str, Any] = {}
    for name, value in sizes.items():
        own = type(config).attribute_map.get(name, name)
        if own in known:
            options.setdefault(own, value)
    if "qk_rope_head_dim" in options:  # latent attention has a key head for each query head
        options.pop("head_dim", None)
        if "num_key_value_heads" in options:
            options["num_key_value_heads"] = options["num_attention_heads"]
    return options
