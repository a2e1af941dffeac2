"""Exact leave-one-out where the device gives less memory than the engine would take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from attribot_integrations import LanguageModel
from attribot_integrations.scoring.verified import VerifiedModel
from benchmarks.baselines import scorer_way
from benchmarks.clock import free_memory
from benchmarks.contexts import Case
from benchmarks.ways import Job, Outcome, Setting, UnavailableError, Way

__all__ = ["limited_way"]


def limited_way(gibibytes: float) -> Way:
    """Return packed exact leave-one-out under a limit.

    What the first pass that does not fit teaches is kept, as an engine keeps it; that first pass
    belongs to the warm-up.

    Args:
        gibibytes: How much memory there is above the weights.
    """
    unlimited = scorer_way(None)

    def prepare(setting: Setting, case: Case) -> LanguageModel:
        if setting.device.type != "cuda":
            raise UnavailableError("only the memory of a GPU can be limited")
        target = setting.target
        return replace(target, verified=VerifiedModel(target.model))

    def run(job: Job) -> Outcome:
        setting = replace(job.setting, target=job.prepared)
        with _limited(setting.device, gibibytes):
            return unlimited.run(replace(job, setting=setting))

    return replace(
        unlimited,
        name=f"exact, packed, {gibibytes:g} GiB above the weights",
        run=run,
        prepare=prepare,
    )


@contextmanager
def _limited(device: torch.device, gibibytes: float) -> Iterator[None]:
    free_memory()
    limit = torch.cuda.memory_reserved(device) + gibibytes * 2**30
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total), device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
