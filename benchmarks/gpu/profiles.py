"""Where a run's time goes on the device, kernel by kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.clock import timed

__all__ = ["profiled"]

_KERNELS = 12
"""How many kernels are named."""


def profiled(work: Callable[[], object], device: torch.device) -> dict[str, Any]:
    """Run something once and say where its time goes.

    Args:
        work: Has been run before, so that nothing is set up in it.
        device: Where it computes.

    Returns:
        `seconds` with the profiler on; `busy`, the share of them in which the device computed; and
        `kernels`, those that took longest, with their calls, seconds and shares of the seconds.
    """
    cuda = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities, acc_events=True) as found:
        seconds = timed(work, device)[0].seconds
    kind = DeviceType.CUDA if cuda else DeviceType.CPU
    kernels = []
    for event in found.key_averages():
        if event.device_type != kind or event.is_user_annotation:
            continue
        microseconds = event.self_device_time_total if cuda else event.self_cpu_time_total
        kernels.append((microseconds / 1e6, event.count, event.key[:100]))
    kernels.sort(reverse=True)
    return {
        "seconds": seconds,
        "busy": sum(took for took, *_ in kernels) / seconds,
        "kernels": [
            {"name": name, "calls": calls, "seconds": took, "share": took / seconds}
            for took, calls, name in kernels[:_KERNELS]
        ],
    }
