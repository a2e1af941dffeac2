"""How thoroughly to measure, and what has been found out about each way so far."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Literal

from attribot_integrations.errors import AttribotError
from benchmarks.clock import Spent, free_memory
from benchmarks.ways import Outcome, UnavailableError, Way, is_out_of_memory
from benchmarks.work import Work

__all__ = ["Clock", "Entry", "Failures", "Plan"]

Clock = Literal["wall", "cpu"]
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """How thoroughly to measure."""

    runs: int = 5
    """Counted rounds at most."""
    way_seconds: float = 60.0
    """About how long one way may take in all its rounds. Slower ones run fewer rounds, and
    fewer ablations in each."""
    clock: Clock = "wall"
    """Time that rows and ratios are in: `cpu` is the process's own, all threads together, which
    other work on the machine disturbs less. Only for a CPU with one thread."""

    def time(self, spent: Spent) -> float:
        """Return a run's seconds."""
        return spent.seconds if self.clock == "wall" else spent.cpu_seconds


@dataclass
class Entry:
    """One way, and what has been found out about it."""

    way: Way
    total: int | None
    """All its ablations, if it can run a few."""
    reason: str | None = None
    sample: int = 0
    rounds: int = 0
    work: Work | None = None
    resident: int | None = None
    prepared: Any = None
    spent: list[Spent] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """By variant of the example."""

    @property
    def factor(self) -> float:
        """How many times the work of a run the full work of one example is."""
        if self.total is None:
            return 1 / self.way.examples
        return (self.total + self.way.overhead) / (self.sample + self.way.overhead)


class Failures:
    """Turns a lack of memory, or a way that cannot run, into the reason of an empty row."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None:
            return False
        if is_out_of_memory(error):
            self._entry.reason = "out of memory"
        elif isinstance(error, UnavailableError | AttribotError):
            self._entry.reason = str(error)
        else:
            return False
        free_memory()
        _logger.info("%s: %s", self._entry.way.name, self._entry.reason)
        return True
