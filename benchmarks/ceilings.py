"""What the device can give: operations and bytes in a second, measured in the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from benchmarks.clock import timed

__all__ = ["Ceilings", "measure_ceilings"]

_ROUNDS = 7


@dataclass(frozen=True)
class Ceilings:
    """The two limits that a forward pass can meet."""

    operations_per_second: float
    """Of a large matrix product, a multiplication and an addition counted as two."""
    bytes_per_second: float
    """Of a large copy, bytes read and bytes written both counted."""
    dtype: str
    matrix_size: int
    copied_bytes: int

    def or_higher(self, other: Ceilings) -> Ceilings:
        """Return the higher of two measurements, as other work may have slowed one of them."""
        return replace(
            self,
            operations_per_second=max(self.operations_per_second, other.operations_per_second),
            bytes_per_second=max(self.bytes_per_second, other.bytes_per_second),
        )


def measure_ceilings(
    device: torch.device, dtype: torch.dtype, *, size: int | None = None
) -> Ceilings:
    """Measure both: the best of some rounds after a warm-up, since a ceiling is a maximum.

    Args:
        device: The device.
        dtype: Numbers of the matrix product.
        size: Rows and columns of the matrices; by default 8,192, and 2,048 on a CPU.
    """
    size = size or (2048 if device.type == "cpu" else 8192)
    left = torch.randn(size, size, device=device, dtype=dtype)
    right = torch.randn(size, size, device=device, dtype=dtype)
    product = torch.empty_like(left)
    # Several products in a row, so that starting them does not count.
    repeats = 1 if device.type == "cpu" else 10

    def multiply() -> None:
        for _ in range(repeats):
            torch.mm(left, right, out=product)

    multiplied = _seconds(multiply, device) / repeats
    # Far beyond the caches.
    count = size * size * (16 if device.type == "cpu" else 8)
    source = torch.ones(count, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)

    def copy() -> None:
        for _ in range(repeats):
            target.copy_(source)

    copied = _seconds(copy, device) / repeats
    return Ceilings(
        operations_per_second=2.0 * size**3 / multiplied,
        bytes_per_second=2.0 * count / copied,
        dtype=str(dtype).removeprefix("torch."),
        matrix_size=size,
        copied_bytes=count,
    )


def _seconds(work: Callable[[], None], device: torch.device) -> float:
    timed(work, device)
    return min(timed(work, device)[0].seconds for _ in range(_ROUNDS))
