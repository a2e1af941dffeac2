"""Attention screens: which heads of a model attend to the sources that an answer depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.scoring.protocols import ModelSignature

if TYPE_CHECKING:
    from attribot_integrations.results import FloatArray
    from attribot_integrations.scoring.protocols import AttentionReading

__all__ = ["AttentionScreen", "bundled_screens"]

_FORMAT: Final = "attribot attention screen 1"
_MOST: Final = 64 << 20
"""Most bytes of a file; a screen has a few thousand."""


@dataclass(frozen=True, eq=False)
class AttentionScreen:
    """Weights of one model's attention heads.

    The score of a source for a token of the answer is predicted to be the weighted sum, over all
    heads of all layers, of the attention that the place predicting the token pays to the source.
    `attribot fit-screen` fits the weights to exact leave-one-out scores.
    """

    weights: FloatArray = field(repr=False)
    """`[heads]`, those of the first layer first, in nats; none is negative."""
    signature: ModelSignature = field(repr=False)
    """Of the model whose heads they are."""
    model: str
    """Its name."""
    revision: str | None = None
    """Its revision, where one was asked for."""
    figures: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What it was fitted to, and how well it does on what it was not fitted to."""
    digest: str = field(init=False)
    """Differs where the weights differ."""

    def __post_init__(self) -> None:
        weights: Any = self.weights
        if not isinstance(weights, np.ndarray) or weights.ndim != 1 or not weights.size:
            raise ConfigurationError("weights must be an array with one number for each head")
        if not np.isfinite(weights).all() or weights.min() < 0:
            raise ConfigurationError("weights must be numbers that are not negative")
        if weights.size % self.signature.layers:
            raise ConfigurationError(
                f"{weights.size} weights cannot be those of {self.signature.layers} layers"
            )
        digest = hashlib.sha256(weights.astype("<f4").tobytes()).hexdigest()[:12]
        object.__setattr__(self, "digest", digest)

    def scores(self, reading: AttentionReading) -> FloatArray:
        """Predict `[groups, answer tokens]`, in nats, from what an answer attends to.

        Raises:
            ConfigurationError: If the attention is another model's.
        """
        self.check(reading.model)
        if len(reading.shares) != self.weights.size:
            raise ConfigurationError(
                f"the screen was fitted for {self.model} with {self.weights.size} heads, and this "
                f"model has {len(reading.shares)}"
            )
        found: FloatArray = np.einsum("h,hgt->gt", self.weights, reading.shares)
        return found

    def check(self, model: ModelSignature) -> None:
        """Refuse a model that the screen was not fitted for.

        Raises:
            ConfigurationError: If it is another one.
        """
        difference = self.signature.difference(model)
        if difference is not None:
            raise ConfigurationError(
                f"the screen was fitted for {self.model}, and this model has {difference}: "
                "its heads attend to other things; fit one with attribot fit-screen"
            )

    def save(self, path: str | Path) -> None:
        """Write a safetensors file, with what the screen is for in its metadata.

        Raises:
            OSError: If it cannot be written.
        """
        from attribot_integrations.scoring.tensor_files import write_tensors

        data = write_tensors(
            {"weights": self.weights.astype(np.float32), "probe": self.signature.probe},
            {
                "format": _FORMAT,
                "model": self.model,
                "revision": self.revision or "",
                "architecture": self.signature.architecture,
                "layers": str(self.signature.layers),
                "vocabulary": str(self.signature.vocabulary),
                "figures": json.dumps(self.figures, allow_nan=False, sort_keys=True),
            },
        )
        Path(path).write_bytes(data)

    @classmethod
    def load(cls, path: str | Path) -> AttentionScreen:
        """Read a file that `save` wrote.

        Raises:
            DataFileError: If it is no such file, or is damaged.
            MissingExtraError: If the extra `local` is not installed.
            OSError: If it cannot be read.
        """
        path = Path(path)
        size = path.stat().st_size
        if size > _MOST:
            raise DataFileError(f"{path.name} is no attention screen: it has {size:,} bytes")
        try:
            return _screen_in(path.read_bytes())
        except (ValueError, KeyError, TypeError, ConfigurationError) as error:
            raise DataFileError(f"{path.name} is no attention screen: {error}") from error


@cache
def bundled_screens() -> tuple[AttentionScreen, ...]:
    """Return the screens of the bundled models."""
    folder = files("attribot_integrations.methods") / "bundled_screens"
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".safetensors"))
    return tuple(_screen_in((folder / name).read_bytes()) for name in names)


def _screen_in(data: bytes) -> AttentionScreen:
    """Read a screen.

    Raises:
        ValueError: If the bytes hold none.
    """
    from attribot_integrations.scoring.tensor_files import read_tensors

    tensors, metadata = read_tensors(data)
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"its format is {metadata.get('format')!r}, not {_FORMAT!r}")
    figures = json.loads(metadata["figures"])
    if not isinstance(figures, dict):
        raise ValueError("its figures are no object")
    return AttentionScreen(
        weights=_floats(tensors["weights"], 1),
        signature=ModelSignature(
            architecture=metadata["architecture"],
            layers=int(metadata["layers"]),
            vocabulary=int(metadata["vocabulary"]),
            probe=_floats(tensors["probe"], 2),
        ),
        model=metadata["model"],
        revision=metadata["revision"] or None,
        figures=figures,
    )


def _floats(array: npt.NDArray[Any], dimensions: int) -> FloatArray:
    if array.dtype != np.float32 or array.ndim != dimensions or not np.isfinite(array).all():
        raise ValueError(
            f"it holds {array.dtype} numbers in {array.ndim} dimensions, not finite float32 "
            f"numbers in {dimensions}"
        )
    return array
