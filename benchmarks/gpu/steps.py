"""The steps of a GPU day, in the order of worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["STEPS", "Step", "named_steps"]


@dataclass(frozen=True)
class Step:
    """One part of the day, run in a process of its own."""

    name: str
    about: str
    """What it finds out."""
    least: float
    """Seconds under which it is not begun."""
    most: float
    """Seconds after which it is ended."""
    work: str
    """The function that does it, as `module:name`. It takes a `Record`, the step's name and
    whether to use tiny shapes; it is loaded in the step's process, since it imports torch."""


STEPS: tuple[Step, ...] = (
    Step("tests", "tests marked gpu", 30, 100, "benchmarks.gpu.marked_tests:run"),
    Step(
        "8b",
        "both ceilings; 8B shape: exact, balanced and fast, against loops and generating",
        40,
        120,
        "benchmarks.gpu.models:eight",
    ),
    Step(
        "1b",
        "1B and 0.5B shapes: packed against cached, pack sizes, attention in parts, under a mask "
        "and by FlexAttention",
        30,
        110,
        "benchmarks.gpu.models:one",
    ),
    Step(
        "32b",
        "32B shape: fast against the naive loop, one example and a stream",
        50,
        110,
        "benchmarks.gpu.models:thirty_two",
    ),
    Step("sweep", "8B shape: prompts up to 32,000 tokens", 35, 90, "benchmarks.gpu.models:sweep"),
    Step(
        "memory",
        "8B shape: memory above the weights at 6,000 tokens, and work under a limit",
        30,
        80,
        "benchmarks.gpu.models:memory",
    ),
)


def named_steps(names: str | None) -> Sequence[Step]:
    """Return the steps of comma-separated names, in the order of the day; all without names.

    Raises:
        ValueError: If there is none of a name.
    """
    wanted = [name.strip() for name in (names or "").split(",") if name.strip()]
    known = [step.name for step in STEPS]
    if unknown := [name for name in wanted if name not in known]:
        raise ValueError(f"no step is called {unknown[0]!r}; there are {', '.join(known)}")
    return [step for step in STEPS if not wanted or step.name in wanted]
