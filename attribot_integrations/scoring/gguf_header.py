"""What stands in front of the weights of a GGUF file, the format of llama.cpp.

It is read before transformers starts, so that a file that is cut off, or holds something else, is
refused at once and with the reason. The layout:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from attribot_integrations.errors import MissingExtraError, ModelError, UnsupportedModelError

__all__ = ["GGUFHeader", "GGUFTensor", "gguf_package"]

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_NUMBERS: Final = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""Types of values, as the file numbers them and `struct` calls them."""
_TEXT: Final = 8
_LIST: Final = 9
_MOST_DIMENSIONS: Final = 8


@dataclass(frozen=True)
class GGUFTensor:
    """Where some weights are, and in which form."""

    name: str
    size: int
    """Number of values."""
    kind: int
    """Number of their type, see `gguf.GGMLQuantizationType`."""
    offset: int
    """Bytes from the start of the first tensor."""


@dataclass(frozen=True)
class GGUFHeader:
    """What stands in front of a file's weights."""

    path: Path
    metadata: Mapping[str, object]
    """Keys and values; of lists only the length."""
    tensors: tuple[GGUFTensor, ...]
    start: int
    """Bytes in front of the first tensor."""

    @classmethod
    def read(cls, path: Path) -> GGUFHeader:
        """Read the header of a file.

        Raises:
            ModelError: If it is no GGUF file, one of a version that is not known, or cut off.
        """
        with _mapped(path) as data:
            if data[:4] != _MAGIC:
                raise ModelError(
                    f"cannot load {path}: it is no GGUF file, for it begins with "
                    f"{data[:4]!r}, not with {_MAGIC!r}"
                )
            cursor = _Cursor(data)
            try:
                version = cursor.number("I")
                if version in _VERSIONS:
                    return _read_rest(path, cursor)
            except (struct.error, EOFError, UnicodeDecodeError) as error:
                raise ModelError(
                    f"cannot load {path}: it is cut off or damaged within its header, "
                    f"{len(data):,} bytes are there"
                ) from error
        raise ModelError(
            f"cannot load {path}: it is a GGUF file of version {version}; "
            f"{' and '.join(map(str, _VERSIONS))} can be read"
        )

    @property
    def architecture(self) -> str:
        """What llama.cpp calls the kind of model."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def parameters(self) -> int:
        """Number of values in all tensors."""
        return sum(tensor.size for tensor in self.tensors)

    def check(self) -> None:
        """Refuse what is no whole language model that can be turned to floats.

        Raises:
            MissingExtraError: If the `gguf` package is not installed.
            UnsupportedModelError: If the file holds something else, or weights in a form that the
                package cannot turn to floats.
            ModelError: If it is cut off.
        """
        problem = self._other_content()
        if problem:
            raise UnsupportedModelError(f"cannot load {self.path}: {problem}")
        blocks = {tensor.kind: self._block(tensor) for tensor in self.tensors}
        needed = self.start
        for tensor in self.tensors:
            values, size = blocks[tensor.kind]
            needed = max(needed, self.start + tensor.offset + tensor.size // values * size)
        there = self.path.stat().st_size
        if there < needed:
            raise ModelError(
                f"cannot load {self.path}: it is cut off, {there:,} bytes are there and its "
                f"weights reach to {needed:,}"
            )

    def _other_content(self) -> str | None:
        """Say what the file is, if it is no whole language model."""
        kind = self.metadata.get("general.type", "model")
        parts = self.metadata.get("split.count", 1)
        if self.architecture == "clip" or kind == "mmproj":
            return (
                "it holds a vision projector (mmproj), no language model; name the file of the "
                "language model that it belongs to"
            )
        if kind != "model":
            return f"it holds no language model, its general.type is {kind!r}"
        if parts not in (0, 1):
            return f"it is one of {parts} parts, join them first: llama-gguf-split --merge"
        if "tokenizer.ggml.model" not in self.metadata:
            return f"it holds no tokenizer; its architecture is {self.architecture!r}"
        return None

    def _block(self, tensor: GGUFTensor) -> tuple[int, int]:
        """Return how many values a block of the tensor's type holds, and its bytes."""
        gguf = gguf_package()
        try:
            kind = gguf.GGMLQuantizationType(tensor.kind)
        except ValueError as error:
            raise self._unknown(tensor, f"a type with the number {tensor.kind}") from error
        values, size = gguf.GGML_QUANT_SIZES[kind]
        if not _can_be_dequantised(gguf, kind, size):
            raise self._unknown(tensor, f"the type {kind.name}")
        return int(values), int(size)

    def _unknown(self, tensor: GGUFTensor, kind: str) -> UnsupportedModelError:
        return UnsupportedModelError(
            f"cannot load {self.path}: the weights {tensor.name!r} have {kind}, which the "
            "installed gguf package cannot turn to floats"
        )


def gguf_package() -> Any:
    """Return the package `gguf`.

    Raises:
        MissingExtraError: If it is not installed, or it or transformers is too old.
    """
    try:
        import gguf
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize  # noqa: F401
        from transformers import GgufConfig  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("loading a GGUF file", "gguf") from error
    return gguf


class _Cursor:
    """Reads values in turn."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.at = len(_MAGIC)

    def number(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self._data, self.at)
        self.skip(struct.calcsize(code))
        return value

    def text(self) -> str:
        begin = self.skip(self.number("Q"))
        return self._data[begin : self.at].decode("utf-8")

    def value(self, kind: int) -> object:
        """Read a value, and of a list its length."""
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        if kind == _TEXT:
            return self.text()
        if kind != _LIST:
            raise EOFError(f"no value has the type {kind}")
        inner, length = self.number("I"), self.number("Q")
        if inner in _NUMBERS:
            self.skip(length * struct.calcsize(_NUMBERS[inner]))
        elif inner == _TEXT:
            for _ in range(length):
                self.skip(self.number("Q"))
        else:
            raise EOFError(f"no list holds values of the type {inner}")
        return length

    def skip(self, size: int) -> int:
        """Go past some bytes, and return where they begin."""
        begin, self.at = self.at, self.at + size
        if self.at > len(self._data):
            raise EOFError(f"{self.at} is behind the end")
        return begin


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise ModelError(f"cannot load {path}: it is no GGUF file, for it is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def _read_rest(path: Path, cursor: _Cursor) -> GGUFHeader:
    """Read what follows the version."""
    tensors, values = cursor.number("Q"), cursor.number("Q")
    metadata = {}
    for _ in range(values):
        key = cursor.text()
        metadata[key] = cursor.value(cursor.number("I"))
    found = tuple(_read_tensor(cursor) for _ in range(tensors))
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1:
        raise EOFError(f"an alignment must be at least 1, not {alignment}")
    return GGUFHeader(path, metadata, found, math.ceil(cursor.at / alignment) * alignment)


def _read_tensor(cursor: _Cursor) -> GGUFTensor:
    name, dimensions = cursor.text(), cursor.number("I")
    if dimensions > _MOST_DIMENSIONS:
        raise EOFError(f"no tensor has {dimensions} dimensions")
    shape = [cursor.number("Q") for _ in range(dimensions)]
    return GGUFTensor(name, math.prod(shape), cursor.number("I"), cursor.number("Q"))


def _can_be_dequantised(gguf: Any, kind: Any, size: int) -> bool:
    import numpy as np

    if kind.name in ("F32", "F16"):
        return True
    try:
        gguf.dequantize(np.zeros((1, size), np.uint8), kind)
    except NotImplementedError:
        return False
    return True
