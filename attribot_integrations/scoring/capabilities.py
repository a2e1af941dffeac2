"""What a model's architecture allows: which scoring path is valid, and which masks it needs.

The rules are read from the model's config. They are a first choice only: when a model is loaded,
`attribot_integrations.scoring.verification` compares the chosen path with the plain one.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from attribot_integrations.errors import ModelError, UnsupportedModelError
from attribot_integrations.scoring.positions import (
    context_length,
    has_dynamic_rope,
    length_switch,
)

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

__all__ = [
    "AttentionRule",
    "Capabilities",
    "PathName",
    "check_mode",
    "inner_model",
    "inspect_model",
    "is_compiled",
]

PathName = Literal["packed", "cached", "plain"]
"""How ablations are run, fastest first.

`packed`: many suffixes in one forward pass over a shared prefix cache. `cached`: one suffix at a
time over the prefix cache. `plain`: every prompt from its first token.
"""

_SELECTING = re.compile("Indexer|Compress|Sparse.*Attention")
"""Names of modules that make attention sparse from some length on."""
_MASKED_LAYERS = {"full_attention", "sliding_attention", "chunked_attention"}


@dataclass(frozen=True)
class AttentionRule:
    """Which earlier positions a layer may attend to, beside causality."""

    window: int | None = None
    """Sliding window: keys at most `window - 1` positions back."""
    chunk: int | None = None
    """Chunked attention: keys in the same block of `chunk` positions."""

    def limits(self, length: int) -> bool:
        """Return whether a text of so many tokens has some that do not see all before them."""
        return any(reach is not None and reach < length for reach in (self.window, self.chunk))

    def out_of_reach(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor | None:
        """Return where a key may not be seen, given positions; `None` if nothing is limited."""
        too_far = None if self.window is None else key <= query - self.window
        if self.chunk is None:
            return too_far
        elsewhere = key // self.chunk != query // self.chunk
        return elsewhere if too_far is None else elsewhere | too_far


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
    """Cached and packed tokens together must stay below this; `None` for no limit."""
    length_switch: int | None = None
    """Length above which all positions of a text are encoded in another way (longrope)."""
    first_position: int | None = 0
    """What the model numbers the first token by itself, and so is told to number it; `None` where
    it takes no positions, and they come from the order of the keys."""
    verified_length: int | None = None
    """Most tokens before others at which packs have been seen to give the numbers of the model's
    own mask; `None` where that has not been tried."""
    plain_ids: frozenset[int] = frozenset()
    """Token ids, such as that of padding, by which the model numbers or hides tokens by itself:
    texts that hold one are run plainly."""
    takes_logits_to_keep: bool = True
    attention_in_parts: bool = False
    """Whether a pack's attention may be computed without its mask, see `split_attention`."""

    def restricted_to(self, path: PathName, reason: str) -> Capabilities:
        """Return a copy that uses another path."""
        return replace(self, path=path, reason=reason)


def inspect_model(model: PreTrainedModel) -> Capabilities:
    """Choose the fastest path that a model's config allows.

    Raises:
        UnsupportedModelError: If the model is an encoder-decoder, has no language-model head, or
            puts trained virtual tokens before the text.
        ModelError: If the model is in training mode, where dropout makes scores random.
    """
    inner = inner_model(model)
    name = type(inner).__name__
    config = model.config.get_text_config(decoder=True)
    if model.config.is_encoder_decoder:
        raise UnsupportedModelError(
            f"{name} is an encoder-decoder; a decoder-only causal language model is needed"
        )
    if model.get_output_embeddings() is None:
        raise UnsupportedModelError(
            f"{name} has no language-model head; load it with AutoModelForCausalLM"
        )
    check_mode(model)
    _check_adapters(model, name)
    parameters = inspect.signature(inner.forward).parameters
    path, reason = _choose(inner, config, set(parameters))
    return Capabilities(
        path=path,
        reason=reason,
        masks=_mask_rules(config),
        context_length=context_length(config),
        packed_limit=_packed_limit(config),
        length_switch=length_switch(config),
        first_position=0 if "position_ids" in parameters else None,
        takes_logits_to_keep="logits_to_keep" in parameters,
        attention_in_parts=(
            path == "packed"
            and config._attn_implementation == "sdpa"
            and not any(map(is_compiled, model.modules()))
        ),
    )


def check_mode(model: PreTrainedModel) -> None:
    """Refuse a model of which any part is in training mode.

    Raises:
        ModelError: If one is, since dropout makes scores random there.
    """
    if any(module.training for module in model.modules()):
        name = type(inner_model(model)).__name__
        raise ModelError(f"{name} is in training mode, where dropout changes scores: call .eval()")


def inner_model(model: Any) -> PreTrainedModel:
    """Return the transformers model inside the wrappers of `torch.compile` and PEFT, if any."""
    while True:
        wrapped: Any = getattr(model, "_orig_mod", model)
        if callable(getattr(wrapped, "get_base_model", None)):
            wrapped = wrapped.get_base_model()
        if wrapped is model:
            inner: PreTrainedModel = model
            return inner
        model = wrapped


def is_compiled(module: Any) -> bool:
    """Tell whether a module is run by `torch.compile`, leaving aside those inside it."""
    return (
        hasattr(module, "_orig_mod")
        or bool(getattr(module, "_compiled_call_impl", None))
        or hasattr(module.forward, "_torchdynamo_orig_callable")
    )


def _check_adapters(model: Any, name: str) -> None:
    configs: Mapping[str, Any] = getattr(model, "peft_config", None) or {}
    if any(getattr(config, "is_prompt_learning", False) for config in configs.values()):
        raise UnsupportedModelError(
            f"{name} puts trained virtual tokens before the text, whose positions the engine does "
            "not know; adapters that change weights (LoRA) are supported"
        )


def _choose(model: PreTrainedModel, config: Any, parameters: set[str]) -> tuple[PathName, str]:
    from transformers import DynamicCache

    layers = set(getattr(config, "layer_types", None) or ())
    try:
        cache = DynamicCache(config=config)
    except (AttributeError, TypeError, ValueError) as error:
        return "plain", f"no cache can be made for it: {error}"
    if getattr(model, "_is_stateful", False) or _has_states(cache):
        return "plain", "recurrent layers carry a state that branches cannot share"
    selecting = _selecting_module(model)
    if selecting is not None:
        return "plain", f"{selecting} chooses what is attended to by the length of the text"
    if "past_key_values" not in parameters:
        return "plain", f"the forward method of {type(model).__name__} takes no cache"
    if layers - _MASKED_LAYERS:
        return "plain", f"unknown layer types {sorted(layers - _MASKED_LAYERS)}"
    if "local" in str(getattr(config, "attention_types", "")):
        return "plain", "local attention layers apply a window of their own"
    if has_dynamic_rope(config):
        return "plain", "dynamic rotary embeddings depend on the length of the text"
    if "position_ids" not in parameters or getattr(config, "alibi", False):
        return "cached", "positions come from the order of the keys"
    implementation = config._attn_implementation
    if implementation not in {"sdpa", "eager"}:
        return "cached", f"the attention implementation {implementation!r} takes no 4D mask"
    return "packed", "attention takes a mask and positions for each token"


def _selecting_module(model: PreTrainedModel) -> str | None:
    """Return the kind of a part that has tokens attend to some keys, or to sums of them."""
    if getattr(model.config, "attention_type", None) == "block_sparse":
        return "block sparse attention"
    kinds = (type(module).__name__ for module in model.modules())
    return next((kind for kind in kinds if _SELECTING.search(kind)), None)


def _has_states(cache: Any) -> bool:
    # Before transformers 5.13, caches of recurrent models have classes of their own.
    return any(getattr(cache, "is_linear", ()))


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
