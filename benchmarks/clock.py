"""Time and memory of one piece of work on a device."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

__all__ = [
    "Spent",
    "available_memory",
    "device_in_use",
    "free_memory",
    "resident_growth",
    "timed",
]

_Result = TypeVar("_Result")
_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_MEMORY = Path("/proc/meminfo")


@dataclass(frozen=True)
class Spent:
    """What a piece of work took."""

    seconds: float
    """Wall-clock time, up to the end of the device's work."""
    cpu_seconds: float
    """Processor time of this process, all threads together."""
    peak_bytes: int | None
    """On a GPU, most memory of tensors above what was held before: the weights."""


def device_in_use() -> torch.device:
    """Return the first CUDA device, or the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def timed(work: Callable[[], _Result], device: torch.device) -> tuple[Spent, _Result]:
    """Run something and measure it."""
    cuda = device.type == "cuda"
    held = 0
    if cuda:
        free_memory()
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        held = torch.cuda.memory_allocated(device)
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    if cuda:
        torch.cuda.synchronize(device)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    peak = torch.cuda.max_memory_allocated(device) - held if cuda else None
    return Spent(seconds, cpu_seconds, peak), result


def resident_growth(work: Callable[[], object]) -> int | None:
    """Run something on a CPU and return by how much the process grew at most, in bytes.

    Returns:
        `None` where the system does not tell (it does on Linux).
    """
    free_memory()
    with suppress(OSError, AttributeError):  # what the C library keeps would hide the growth
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    before = _status("VmRSS")
    try:
        _RESET.write_text("5")  # begin anew with the highest resident size
    except OSError:
        before = None
    work()
    peak = _status("VmHWM")
    return None if before is None or peak is None else max(0, peak - before)


def free_memory() -> None:
    """Give back what nothing refers to any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def available_memory(device: torch.device) -> int | None:
    """Return how many bytes may still be used; `None` where the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return _kilobytes(_MEMORY, "MemAvailable")


def _status(name: str) -> int | None:
    return _kilobytes(_STATUS, name)


def _kilobytes(file: Path, name: str) -> int | None:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(values[name].split()[0]) * 1024 if name in values else None
