"""Tiny randomly initialised models of real architectures, built from their configs.

Weights are drawn wide (standard deviation 0.15) so that removing a source moves the answer by a
visible amount: a wrong mask or position then shows as an error far above rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedModel,
)
from transformers.models.auto import configuration_auto

from attribot_integrations.scoring.capabilities import PathName

VOCABULARY = 640
WINDOW = 16

_SMALL: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 1024,
    "initializer_range": 0.15,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_EXPERTS: Mapping[str, Any] = {
    "num_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 48,
}


@dataclass(frozen=True)
class Architecture:
    """One architecture, and the path its models should take."""

    model_type: str
    path: PathName
    options: Mapping[str, Any]
    around: Mapping[str, Any] | None = None
    """What the config of a multimodal model holds beside its text model's."""

    def build(self, **overrides: Any) -> PreTrainedModel:
        """Build a model with random weights, in float32 on the CPU, in evaluation mode."""
        config_class: Callable[..., Any] = configuration_auto.CONFIG_MAPPING[self.model_type]
        options = {**_SMALL, **self.options, **overrides}
        options = {key: value for key, value in options.items() if value != "-"}
        if self.around is not None:
            options = {"text_config": options, **self.around}
        config = config_class(**options)
        causal = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
        kind: Any = AutoModelForCausalLM if causal else AutoModelForImageTextToText
        torch.manual_seed(0)
        model: PreTrainedModel = kind.from_config(config).float().eval()
        return model


def _with(model_type: str, path: PathName = "packed", **options: Any) -> Architecture:
    return Architecture(model_type, path, options)


_ALTERNATING = ["sliding_attention", "full_attention"] * 2
_VISION: Mapping[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
_GPT2: Mapping[str, Any] = {
    "n_embd": 64,
    "n_layer": 4,
    "n_head": 4,
    "n_positions": 1024,
    "n_inner": 96,
}

ARCHITECTURES: Mapping[str, Architecture] = {
    "llama": _with("llama"),
    "qwen2": _with("qwen2"),
    "qwen2-sliding": _with(
        "qwen2", use_sliding_window=True, sliding_window=WINDOW, max_window_layers=2
    ),
    "qwen3": _with("qwen3"),
    "mistral": _with("mistral", sliding_window=WINDOW),
    "gemma": _with("gemma"),
    "gemma2": _with("gemma2", sliding_window=WINDOW, query_pre_attn_scalar=16),
    "gemma3": _with(
        "gemma3_text",
        sliding_window=WINDOW,
        query_pre_attn_scalar=16,
        layer_types=_ALTERNATING,
    ),
    "gemma3-vision": Architecture(
        "gemma3",
        "packed",
        {"sliding_window": WINDOW, "query_pre_attn_scalar": 16, "layer_types": _ALTERNATING},
        around={"vision_config": _VISION, "mm_tokens_per_image": 1},
    ),
    "gemma4-vision": Architecture(
        "gemma4",
        "packed",
        {
            "sliding_window": WINDOW,
            "layer_types": _ALTERNATING,
            "global_head_dim": 32,
            "num_kv_shared_layers": 2,
            "hidden_size_per_layer_input": 16,
            "vocab_size_per_layer_input": VOCABULARY,
        },
        around={"vision_config": {**_VISION, "position_embedding_size": 64}},
    ),
    "qwen2.5-vision": Architecture(
        "qwen2_5_vl",
        "packed",
        {
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                "mrope_section": [2, 3, 3],
            }
        },
        around={
            "vision_config": {
                "depth": 1,
                "hidden_size": 32,
                "intermediate_size": 48,
                "num_heads": 2,
                "out_hidden_size": 64,
                "patch_size": 14,
            }
        },
    ),
    "phi3": _with("phi3", sliding_window=WINDOW),
    "olmo2": _with("olmo2"),
    "olmo3": _with("olmo3", sliding_window=WINDOW, layer_types=_ALTERNATING),
    "gpt-neox": _with("gpt_neox"),
    "gpt2": _with("gpt2", **_GPT2),
    "opt": _with("opt", ffn_dim=96, word_embed_proj_dim=64),
    "qwen3-moe": _with("qwen3_moe", **_EXPERTS),
    "mixtral": _with("mixtral", sliding_window=None, **_EXPERTS),
    "gpt-oss": _with("gpt_oss", sliding_window=WINDOW, **_EXPERTS),
    "cohere2": _with("cohere2", sliding_window=WINDOW),
    "smollm3": _with("smollm3"),
    "llama4": _with(
        "llama4_text", intermediate_size_mlp=96, attention_chunk_size=WINDOW, **_EXPERTS
    ),
    "llama4-tuned": _with(
        "llama4_text",
        intermediate_size_mlp=96,
        attention_chunk_size=WINDOW,
        attn_temperature_tuning=True,
        floor_scale=16,
        **_EXPERTS,
    ),
    "bloom": _with("bloom", "cached", n_layer=4, n_head=4),
    "mpt": _with("mpt", "cached", d_model=64, n_layers=4, n_heads=4, max_seq_len=1024),
    "falcon-alibi": _with("falcon", "cached", alibi=True, head_dim="-"),
    "gpt-neo": _with(
        "gpt_neo",
        "plain",
        num_layers=4,
        num_heads=4,
        attention_types=[[["global", "local"], 2]],
        window_size=WINDOW,
    ),
    "qwen2-dynamic-rope": _with(
        "qwen2",
        "plain",
        rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0},
    ),
    **{
        name: _with(name, is_decoder=True, max_position_embeddings=1024)
        for name in ("roberta", "xlm-roberta", "data2vec-text", "bert-generation")
    },
    "moshi": _with("moshi", sliding_window=WINDOW, ffn_dim=96),
    "minimax-m2": _with("minimax_m2", **_EXPERTS, sliding_window=WINDOW),
    "deepseek-v3": _with(
        "deepseek_v3",
        num_key_value_heads=4,
        head_dim="-",
        kv_lora_rank=16,
        q_lora_rank=24,
        qk_nope_head_dim=16,
        qk_rope_head_dim=8,
        v_head_dim=16,
        n_routed_experts=4,
        n_group=1,
        topk_group=1,
        **_EXPERTS,
    ),
    "whisper": _with(
        "whisper",
        "cached",
        d_model=64,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=96,
        max_target_positions=1024,
        init_std=0.15,
        decoder_start_token_id=1,
    ),
    "mamba": _with("mamba", "plain", state_size=8),
    "mamba2": _with("mamba2", "plain", state_size=8, head_dim=16, num_heads=8, n_groups=2),
    "lfm2": _with("lfm2", "plain", full_attn_idxs=[1, 3]),
    "falcon-h1": _with(
        "falcon_h1", "plain", mamba_d_ssm=64, mamba_n_heads=4, mamba_d_head=16, mamba_d_state=16
    ),
    "qwen3-next": _with(
        "qwen3_next",
        "plain",
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        linear_key_head_dim=16,
        linear_value_head_dim=16,
        shared_expert_intermediate_size=48,
        **_EXPERTS,
    ),
}
"""Every architecture that parity is tested on, by name."""
