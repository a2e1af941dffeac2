"""How GGUF files are found and loaded.

transformers makes model and tokenizer of such a file. It is no pickle, and loading it runs no code.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.scoring.gguf_header import GGUFHeader, gguf_package

if TYPE_CHECKING:
    import torch

    from attribot_integrations.scoring.loading import LoadingOptions

__all__ = ["find_gguf", "for_another_model", "gguf_loading", "gguf_name", "warn_of_positions"]

_ROTATIONS: Final = ("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")
_WHERE: Final = ("cache_dir", "force_download", "local_files_only", "proxies", "subfolder", "token")
"""Options that say where a file is found, and mean nothing once it is."""

_GIGABYTE: Final = 1e9

_logger = logging.getLogger(__name__)


def find_gguf(checkpoint: str, loading: LoadingOptions) -> GGUFHeader | None:
    """Return the header of the GGUF file that is meant, if one is.

    A checkpoint is one by itself, or holds the one that `model_options["gguf_file"]` names.

    Args:
        checkpoint: Name on the hub, folder or file.
        loading: How it is to be loaded.

    Raises:
        ConfigurationError: If two files are named, or something else than the name of one.
        MissingExtraError: If the `gguf` package is not installed.
        UnsupportedModelError: If the file holds no language model, or weights that cannot be
            turned to floats.
        ModelError: If there is no such file, or it is cut off or no GGUF file.
    """
    options = loading.model_options or {}
    named = options.get("gguf_file")
    if os.path.isfile(checkpoint):
        if named is not None:
            raise ConfigurationError(
                f"model_options must not hold gguf_file={named!r:.60}, {checkpoint} is a file"
            )
    elif named is None:
        _look_for_unnamed(checkpoint)
        return None
    elif not isinstance(named, str | Path):
        raise ConfigurationError(f"gguf_file must be the name of a file, got {named!r:.60}")
    gguf_package()
    path = Path(checkpoint) if named is None else _named_file(checkpoint, str(named), loading)
    header = GGUFHeader.read(path)
    header.check()
    return header


def gguf_name(checkpoint: str, loading: LoadingOptions) -> str:
    """Return what a GGUF file is called on results: where it was found, and its name."""
    named = (loading.model_options or {}).get("gguf_file")
    return checkpoint if named is None else f"{checkpoint}/{named}"


def gguf_loading(header: GGUFHeader, loading: LoadingOptions) -> tuple[str, LoadingOptions]:
    """Return the folder of a GGUF file, and how a file of its name is loaded from there.

    Weights become floats at once, by default float32, and how much memory they take is logged.

    Args:
        header: The file's.
        loading: How it is to be loaded.
    """
    import torch
    from transformers import GgufConfig

    dtype = torch.float32 if loading.dtype in (None, "auto") else loading.dtype
    dtype = getattr(torch, dtype) if isinstance(dtype, str) else dtype
    _say_what_it_takes(header, dtype)
    spent = {"gguf_file", *_WHERE}
    options = {k: v for k, v in (loading.model_options or {}).items() if k not in spent}
    # Otherwise weights may be kept in their blocks, where transformers has kernels for them.
    options.setdefault("quantization_config", GgufConfig(dequantize=True))
    chosen = replace(loading, dtype=dtype, revision=None, model_options=options)
    return str(header.path.parent), chosen


def for_another_model(loading: LoadingOptions) -> LoadingOptions:
    """Return how a second model is loaded: without what names a file or a state of the first."""
    options = {k: v for k, v in (loading.model_options or {}).items() if k != "gguf_file"}
    changed = None if loading.model_options is None else options
    return replace(loading, revision=None, model_options=changed)


def warn_of_positions(header: GGUFHeader, config: Any) -> None:
    """Warn if positions are encoded otherwise than a file says: transformers may overlook it.

    Args:
        header: The file's.
        config: What transformers made of it.
    """
    scaling = header.metadata.get(f"{header.architecture}.rope.scaling.type", "none")
    base = header.metadata.get(f"{header.architecture}.rope.freq_base")
    scaled = scaling != "none" or any(tensor.name in _ROTATIONS for tensor in header.tensors)
    kinds, bases = _rotations(getattr(config, "rope_parameters", None))
    overlooked = []
    if scaled and kinds <= {"default"}:
        overlooked.append("the scaling of positions")
    if isinstance(base, float) and not any(math.isclose(base, each) for each in bases):
        overlooked.append(f"the base of rotations, {base:g}")
    if overlooked:
        _logger.warning(
            "%s: transformers overlooks %s in this file, so scores are those of a model that "
            "differs a little; load the checkpoint that it was made of",
            header.path,
            " and ".join(overlooked),
        )


def _named_file(checkpoint: str, named: str, loading: LoadingOptions) -> Path:
    """Return where a file of a folder or repository is, fetched from the hub if need be."""
    where = {k: v for k, v in (loading.model_options or {}).items() if k in _WHERE}
    if os.path.isdir(checkpoint):
        path = Path(checkpoint, where.get("subfolder") or "", named)
        if not path.is_file():
            raise ModelError(f"cannot load {path}: there is no such file")
        return path
    from transformers.utils.hub import cached_file

    try:
        found = cached_file(checkpoint, named, revision=loading.revision or "main", **where)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load {named} of {checkpoint}: {error}") from error
    return Path(str(found))


def _look_for_unnamed(folder: str) -> None:
    """Say which files could be meant, where a folder holds nothing but GGUF files.

    Raises:
        ModelError: If that is so.
    """
    if os.path.isfile(os.path.join(folder, "config.json")):
        return
    files = sorted(str(path) for path in Path(folder).glob("*.gguf"))
    if files:
        raise ModelError(
            f"cannot load {folder}: there is no config.json, but there are GGUF files; "
            f"name one: {', '.join(files[:3])}"
        )


def _say_what_it_takes(header: GGUFHeader, dtype: torch.dtype) -> None:
    _logger.warning(
        "%s: weights are dequantised to %s and take %.2f GB of memory, %.2f GB in the file",
        header.path,
        str(dtype).removeprefix("torch."),
        header.parameters * dtype.itemsize / _GIGABYTE,
        header.path.stat().st_size / _GIGABYTE,
    )


def _rotations(parameters: object) -> tuple[set[str], list[float]]:
    """Return the kinds and bases of rotary positions, of whatever kinds of layer."""
    if not isinstance(parameters, Mapping):
        return set(), []
    inner = [each for each in parameters.values() if isinstance(each, Mapping)]
    kinds = inner or [parameters]
    named = {str(each.get("rope_type", "default")) for each in kinds}
    return named, [each["rope_theta"] for each in kinds if "rope_theta" in each]
