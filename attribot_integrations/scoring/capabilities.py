"""What a model's architecture allows: which scoring path is valid, and which masks it needs.

The rules are read from the model's config. They are a first choice only: when a model is loaded,
`attribot_integrations.scoring.verification` compares the chosen path with the plain one.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from attribot_integrations.errors import ModelError, UnsupportedModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["AttentionRule", "Capabilities", "PathName", "inspect_model"]

PathName = Literal["packed", "cached", "plain"]
"""How ablations are run, fastest first.

`packed`: many suffixes in one forward pass over a shared prefix cache. `cached`: one suffix at a
time over the prefix cache. `plain`: every prompt from its first token.
"""

_MASKED_LAYERS = {"full_attention", "sliding_attention", "chunked_attention"}


@dataclass(frozen=True)
class AttentionRule:
    """Which earlier positions a layer may attend to, beside causality."""

    window: int | None = None
    """Sliding window: keys at most `window - 1` positions back."""
    chunk: int | None = None
    """Chunked attention: keys in the same block of `chunk` positions."""


@dataclass(frozen=True)
class Capabilities:
    """How one model may be run."""

    path: PathName
    reason: str
    """Why this path was chosen, in words."""
    masks: Mapping[str | None, AttentionRule]
    """Rule for each layer type; the single key `None` where the model takes one mask."""
    context_length: int | None
    """Most tokens that the model's positions cover; `None` where nothing limits them."""
    packed_limit: int | None = None
    """Most tokens that may be packed and cached together; `None` for no limit."""
    length_switch: int | None = None
    """Length at which the position encoding changes for the whole text (longrope)."""
    takes_position_ids: bool = True
    takes_logits_to_keep: bool = True

    def restricted_to(self, path: PathName, reason: str) -> Capabilities:
        """Return a copy that uses another path."""
        return replace(self, path=path, reason=reason)


def inspect_model(model: PreTrainedModel) -> Capabilities:
    """Choose the fastest path that a model's config allows.

    Raises:
        UnsupportedModelError: If the model is an encoder-decoder or has no language-model head.
        ModelError: If the model is in training mode, where dropout makes scores random.
    """
    name = type(model).__name__
    config = model.config.get_text_config(decoder=True)
    if model.config.is_encoder_decoder:
        raise UnsupportedModelError(
            f"{name} is an encoder-decoder; a decoder-only causal language model is needed"
        )
    if model.get_output_embeddings() is None:
        raise UnsupportedModelError(
            f"{name} has no language-model head; load it with AutoModelForCausalLM"
        )
    if model.training:
        raise ModelError(f"{name} is in training mode, where dropout changes scores: call .eval()")
    parameters = inspect.signature(model.forward).parameters
    path, reason = _choose(model, config, set(parameters))
    rope = _rope(config)
    return Capabilities(
        path=path,
        reason=reason,
        masks=_mask_rules(config),
        context_length=getattr(config, "max_position_embeddings", None),
        packed_limit=_packed_limit(config),
        length_switch=rope.get("original_max_position_embeddings")
        if rope.get("rope_type") == "longrope"
        else None,
        takes_position_ids="position_ids" in parameters,
        takes_logits_to_keep="logits_to_keep" in parameters,
    )


def _choose(model: PreTrainedModel, config: Any, parameters: set[str]) -> tuple[PathName, str]:
    from transformers import DynamicCache

    layers = set(getattr(config, "layer_types", None) or ())
    if (
        getattr(model, "_is_stateful", False)
        or "past_key_values" not in parameters
        or any(DynamicCache(config=config).is_linear)
    ):
        return "plain", "recurrent layers carry a state that branches cannot share"
    if layers - _MASKED_LAYERS:
        return "plain", f"unknown layer types {sorted(layers - _MASKED_LAYERS)}"
    if "local" in str(getattr(config, "attention_types", "")):
        return "plain", "local attention layers apply a window of their own"
    if _rope(config).get("rope_type") == "dynamic":
        return "plain", "dynamic rotary embeddings depend on the length of the text"
    if "position_ids" not in parameters or getattr(config, "alibi", False):
        return "cached", "positions come from the order of the keys (ALiBi)"
    implementation = config._attn_implementation
    if implementation not in {"sdpa", "eager"}:
        return "cached", f"the attention implementation {implementation!r} takes no 4D mask"
    return "packed", "attention takes a mask and positions for each token"


def _mask_rules(config: Any) -> Mapping[str | None, AttentionRule]:
    window = getattr(config, "sliding_window", None)
    rules: dict[str, AttentionRule] = {
        "full_attention": AttentionRule(),
        "sliding_attention": AttentionRule(window=window),
        "chunked_attention": AttentionRule(chunk=getattr(config, "attention_chunk_size", None)),
    }
    layers = set(getattr(config, "layer_types", None) or ())
    if layers and layers <= rules.keys():
        return {layer: rules[layer] for layer in sorted(layers)}
    return {None: AttentionRule(window=window)}


def _packed_limit(config: Any) -> int | None:
    # Llama 4 scales queries by the cache's length, not by position ids, from this length on.
    if getattr(config, "attn_temperature_tuning", False):
        return int(getattr(config, "floor_scale", 0)) or None
    return None


def _rope(config: Any) -> Mapping[str, Any]:
    rope = getattr(config, "rope_parameters", None) or {}
    return rope if isinstance(rope, Mapping) else {}
