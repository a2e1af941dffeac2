"""How checkpoints are loaded, in one object that is checked when it is built."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from attribot_integrations.context.mappings import ReadOnlyMapping
from attribot_integrations.errors import ConfigurationError, MissingExtraError, ModelError

if TYPE_CHECKING:
    import torch

__all__ = ["LoadingKeywords", "LoadingOptions", "located_checkpoint", "shown_name"]


class LoadingKeywords(TypedDict, total=False):
    """The fields of `LoadingOptions`, for type checkers, where they are given as keywords."""

    device_map: str | dict[str, Any] | None
    dtype: str | torch.dtype | None
    revision: str | None
    trust_remote_code: bool
    use_safetensors: bool
    model_options: Mapping[str, Any] | None
    chat_options: Mapping[str, Any] | None


@dataclass(frozen=True)
class LoadingOptions:
    """How a checkpoint is loaded; `dataclasses.replace` makes a changed copy.

    Raises:
        ConfigurationError: If an option has a value that it cannot have.
    """

    device_map: str | dict[str, Any] | None = "auto"
    """Where accelerate puts the weights: "auto", a device, or a map."""
    dtype: str | torch.dtype | None = None
    """Precision; by default the checkpoint's own, and float32 where the device is a CPU (half
    precision is slow and coarse there)."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    trust_remote_code: bool = False
    """Whether to run code that comes with the checkpoint."""
    use_safetensors: bool = True
    """Whether to refuse pickled weights, which can run code."""
    model_options: Mapping[str, Any] | None = None
    """Further options for transformers' `from_pretrained`, such as `max_memory`, `offload_folder`
    or `quantization_config`."""
    chat_options: Mapping[str, Any] | None = None
    """Variables for the chat template, such as `{"enable_thinking": False}`."""

    def __post_init__(self) -> None:
        for name in ("trust_remote_code", "use_safetensors"):
            value = getattr(self, name)
            if not isinstance(value, bool):  # the text "false" would count as true
                raise ConfigurationError(f"{name} must be a bool, got {value!r:.60}")
        for name in ("model_options", "chat_options"):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, Mapping):
                raise ConfigurationError(f"{name} must be a mapping or None, got {value!r:.60}")
            object.__setattr__(self, name, ReadOnlyMapping(value))
        own = {each.name for each in fields(self)} & set(self.model_options or ())
        if own:
            raise ConfigurationError(
                f"model_options must not hold {min(own)!r}, which is an option of its own"
            )
        _check_precision(self.dtype)


def located_checkpoint(checkpoint: object) -> str:
    """Return a name on the hub as it is, and a path if it is there.

    Args:
        checkpoint: What a user named; "~" is the home folder.

    Raises:
        ConfigurationError: If it is neither text nor path.
        ModelError: If it is the path of nothing.
    """
    wanted = "a checkpoint must be a name on the hub or a path"
    if not isinstance(checkpoint, str | Path):
        raise ConfigurationError(f"{wanted}, not {type(checkpoint).__name__}")
    place = os.path.expanduser(checkpoint)
    if not place.strip():
        raise ConfigurationError(f"{wanted}, it is blank")
    is_path = (
        isinstance(checkpoint, Path)
        or place.startswith((".", "/", "~"))
        or "\\" in place
        or "/" in place.partition("/")[2]
        or place.endswith("/")
    )
    if (is_path or place.lower().endswith(".gguf")) and not os.path.exists(place):
        raise ModelError(f"cannot load {checkpoint}: there is no such file or folder")
    return place


def shown_name(name: str) -> str:
    """Return what a model is called in results, which others read: of a path, the last part."""
    path = os.path.expanduser(name)
    if os.path.isabs(path) or os.path.exists(path):
        return os.path.basename(os.path.normpath(path))
    return name


def _check_precision(dtype: object) -> None:
    """Refuse a precision that torch does not know."""
    if dtype is None or dtype == "auto":
        return
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("running a model in this process", "local") from error
    named = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(named, torch.dtype):
        raise ConfigurationError(
            'dtype must be "auto", "float16", "bfloat16", "float32" or a torch.dtype, '
            f"not {dtype!r:.60} ({type(dtype).__name__})"
        )
