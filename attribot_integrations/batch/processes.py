"""The processes that share a job, as accelerate started them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from attribot_integrations.errors import ConfigurationError, MissingExtraError

__all__ = ["Processes", "are_several", "joined", "leads"]

_WORLD_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
_RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
_PATIENCE = timedelta(days=30)
"""How long processes wait for each other at most; the usual half hour is less than a job takes."""


@dataclass(frozen=True)
class Processes:
    """Where this process stands among those that share a job."""

    index: int = 0
    """Number of this process, from 0 over all nodes."""
    count: int = 1
    """How many there are."""
    state: Any = None
    """accelerate's `PartialState`, if there are several."""

    @property
    def is_main(self) -> bool:
        """Whether this process joins the results."""
        return self.index == 0

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.state is not None:
            self.state.wait_for_everyone()

    def device_map(self, wanted: str) -> str:
        """Return where this process puts its model: by default, on its own device alone."""
        return wanted if self.state is None or wanted != "auto" else str(self.state.device)


def are_several() -> bool:
    """Return whether this process was started as one of several, by a launcher or by MPI."""
    return _announced() > 1


def leads() -> bool:
    """Return whether this process is the one of several that speaks to the user."""
    return not are_several() or _number(_RANKS, 0) == 0


@contextmanager
def joined() -> Iterator[Processes]:
    """Take one's place among the processes that `accelerate launch` started; one is enough.

    Raises:
        ConfigurationError: If accelerate does not find the processes that were started.
        MissingExtraError: If there are several, and accelerate or torch is not installed.
    """
    if not are_several():
        yield Processes()
        return
    try:
        import torch
        from accelerate.state import PartialState
    except ImportError as error:
        raise MissingExtraError("a job that several processes share", "local") from error
    # A build for devices names them where there is none, too, or (torch 2.6) raises an error.
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    # Without devices to deal, the processes have to be told that they share the CPU.
    on_cpu = device is None or device.type == "mps"
    asked = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true")
    state: Any = PartialState(cpu=on_cpu or asked, timeout=_PATIENCE)
    if state.num_processes != _announced():
        raise ConfigurationError(
            f"{_announced()} processes were started, and accelerate finds {state.num_processes}: "
            "start them by accelerate launch"
        )
    yield Processes(state.process_index, state.num_processes, state)
    # Only after an orderly end: one that ends by an error must not wait for the others.
    state.destroy_process_group()


def _announced() -> int:
    return _number(_WORLD_SIZES, 1)


def _number(names: Sequence[str], default: int) -> int:
    found = (os.environ.get(name) for name in names)
    return next((int(value) for value in found if value), default)
