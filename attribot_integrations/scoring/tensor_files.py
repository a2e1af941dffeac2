"""Small safetensors files: numpy arrays by name, with text beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from attribot_integrations.errors import MissingExtraError

try:
    from safetensors import SafetensorError
    from safetensors.numpy import load, save
except ImportError as error:
    raise MissingExtraError("attention screens", "local") from error

__all__ = ["read_tensors", "write_tensors"]

_Arrays = Mapping[str, npt.NDArray[Any]]


def write_tensors(tensors: _Arrays, metadata: Mapping[str, str]) -> bytes:
    """Return the content of a file."""
    return bytes(save(dict(tensors), dict(metadata)))


def read_tensors(data: bytes) -> tuple[_Arrays, Mapping[str, str]]:
    """Return the arrays and the metadata in a file's content.

    Raises:
        ValueError: If it is no safetensors file, or a damaged one.
    """
    try:
        tensors = load(data)  # checks the header, too
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    length = int.from_bytes(data[:8], "little")
    return tensors, json.loads(data[8 : 8 + length]).get("__metadata__") or {}
