"""Models to measure: the bundled pair, and real architectures at real size with random weights.

Work takes as long on random weights as on trained ones, so nothing is downloaded. Weights are made
where they are used: a shape that fits on the device needs no memory beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, Qwen2Config

from attribot_integrations import LanguageModel
from attribot_integrations.engine.bundled import BundledModel, bundled_model_path
from benchmarks.clock import available_memory

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

__all__ = ["SHAPES", "Shape", "build", "named_shapes"]

_LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


@dataclass(frozen=True, eq=False)
class Shape:
    """One model to build."""

    name: str
    proxy: str | None
    """Name of the smaller shape that stands in for this one."""
    config: type[PreTrainedConfig] | None = None
    """Class of the architecture's config; `None` for a bundled model."""
    sizes: Mapping[str, Any] = field(default_factory=dict)
    bundled: BundledModel = "target"

    @property
    def random(self) -> bool:
        """Whether its weights are random."""
        return self.config is not None


def _llama(name: str, proxy: str | None, **sizes: Any) -> Shape:
    shared = {"bos_token_id": None, "eos_token_id": 2, "pad_token_id": 3}
    return Shape(name, proxy, LlamaConfig, {"rms_norm_eps": 1e-5, **shared, **sizes})


def _qwen(name: str, proxy: str | None, **sizes: Any) -> Shape:
    rope = {"rope_type": "default", "rope_theta": 1_000_000.0}
    shared = {"bos_token_id": None, "eos_token_id": 2, "pad_token_id": 3, "rope_parameters": rope}
    limit = {"max_position_embeddings": 40_960}
    return Shape(name, proxy, Qwen2Config, {"rms_norm_eps": 1e-6, **shared, **limit, **sizes})


_ALL = (
    Shape("demo-proxy", None, bundled="proxy"),
    Shape("demo", "demo-proxy", bundled="target"),
    _llama(
        "llama-30m",
        "demo-proxy",
        vocab_size=1678,
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=8,
        num_attention_heads=8,
        max_position_embeddings=40_960,
    ),
    _qwen(
        "qwen2.5-0.5b",
        "llama-30m",
        vocab_size=151_936,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    ),
    _llama(
        "llama-3.2-1b",
        "qwen2.5-0.5b",
        vocab_size=128_256,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=64,
        tie_word_embeddings=True,
        max_position_embeddings=131_072,
        rope_parameters=_LLAMA3_ROPE,
    ),
    _llama(
        "llama-3.1-8b",
        "qwen2.5-0.5b",
        vocab_size=128_256,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=131_072,
        rope_parameters={**_LLAMA3_ROPE, "factor": 8.0},
    ),
    _qwen(
        "qwen2.5-32b",
        "qwen2.5-0.5b",
        vocab_size=152_064,
        hidden_size=5120,
        intermediate_size=27_648,
        num_hidden_layers=64,
        num_attention_heads=40,
        num_key_value_heads=8,
        tie_word_embeddings=False,
    ),
)
SHAPES: Mapping[str, Shape] = {shape.name: shape for shape in _ALL}


def named_shapes(names: str) -> tuple[Shape, ...]:
    """Return the shapes of comma-separated names.

    Raises:
        ValueError: If there is none of a name.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if missing := [name for name in wanted if name not in SHAPES]:
        raise ValueError(f"no shape is called {missing[0]!r}; there are {', '.join(SHAPES)}")
    return tuple(SHAPES[name] for name in wanted)


def default_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16, or float32 on a CPU, where half precision is slow."""
    return torch.float32 if device.type == "cpu" else torch.bfloat16


def build(shape: Shape, device: torch.device) -> LanguageModel:
    """Build a model on a device, in bfloat16 there and in float32 on a CPU.

    Raises:
        RuntimeError: If there is not enough memory.
    """
    dtype = default_dtype(device)
    _check_room(shape, device, dtype)
    tokenizer = AutoTokenizer.from_pretrained(bundled_model_path(shape.bundled))
    if shape.config is None:
        path = bundled_model_path(shape.bundled)
        model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=dtype)
        model.to(device)
    else:
        with torch.random.fork_rng(), device:
            torch.manual_seed(0)
            model = AutoModelForCausalLM.from_config(shape.config(**shape.sizes), dtype=dtype)
    return LanguageModel.from_model(model.eval(), tokenizer, name=shape.name)


def _check_room(shape: Shape, device: torch.device, dtype: torch.dtype) -> None:
    """Refuse a model whose weights alone exceed what is free, before the system kills us."""
    if shape.config is None:
        return
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(shape.config(**shape.sizes), dtype=dtype)
    needed = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    free = available_memory(device)
    if free is not None and needed > free:
        raise RuntimeError(
            f"not enough memory: {shape.name} needs {needed / 2**30:.1f} GiB for its weights, "
            f"{free / 2**30:.1f} GiB are free"
        )
