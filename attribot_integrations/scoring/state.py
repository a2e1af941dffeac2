"""What a model's scores rest on beside their input, and may change while a program runs.

Modes, hooks, adapters, compiled layers, weights and settings can all be changed behind the engine's
back. Comparing two states takes a millisecond or so, where running a model takes far more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

__all__ = ["ModelState"]


@dataclass(frozen=True)
class ModelState:
    """A model as it is at one moment, as far as that can be told without running it.

    Weights are told apart by where they are in memory and how often they have been written to, not
    by their values. Of settings, the model's config is read.
    """

    training: bool
    """Whether any part is in training mode."""
    modules: int
    """Hash of its modules, what runs in the place of their forward methods, and their hooks."""
    adapters: int
    """Hash of which adapters are active, and which are merged into the weights."""
    weights: int
    """Hash of its weights' places, types and counts of changes."""
    settings: int
    """Hash of its config."""

    @classmethod
    def of(cls, model: PreTrainedModel) -> ModelState:
        """Read the state of a model."""
        modules = list(model.modules())
        configs = {id(each): each for each in _configs(model.config)}
        return cls(
            training=any(module.training for module in modules),
            modules=hash(tuple(_module(module) for module in modules)),
            adapters=hash(tuple(_adapter(module) for module in modules)),
            weights=hash(tuple(_weight(weight) for weight in model.parameters())),
            settings=hash(tuple(repr(vars(config)) for config in configs.values())),
        )

    def changes(self, later: ModelState) -> list[str]:
        """Name what differs in another state of the same model."""
        return [
            "training mode" if field.name == "training" else field.name
            for field in fields(self)
            if getattr(self, field.name) != getattr(later, field.name)
        ]


def _module(module: torch.nn.Module) -> tuple[Any, ...]:
    own = vars(module)
    return (
        type(module),
        id(module),
        id(own.get("forward")),
        id(own.get("_compiled_call_impl")),
        *_hooks(module._forward_pre_hooks),
        *_hooks(module._forward_hooks),
    )


def _hooks(hooks: dict[int, Any]) -> Iterator[int]:
    # transformers adds hooks that only listen, when another caller first asks for hidden states.
    return (
        key
        for key, hook in hooks.items()
        if not getattr(hook, "__module__", "").startswith("transformers.")
    )


def _adapter(module: torch.nn.Module) -> tuple[Any, ...]:
    # Names that PEFT's layers give to what is switched.
    own = vars(module)
    return tuple(
        str(own[name])
        for name in ("_active_adapter", "_disable_adapters", "merged_adapters")
        if name in own
    )


def _weight(weight: torch.Tensor) -> tuple[Any, ...]:
    # Offloaded weights come and go; between passes they are on the meta device.
    writes = 0 if weight.is_inference() else weight._version
    place = 0 if weight.is_meta else weight.data_ptr()
    return place, writes, weight.dtype, weight.device, weight.shape


def _configs(config: Any) -> Iterator[Any]:
    yield config
    yield config.get_text_config(decoder=True)
