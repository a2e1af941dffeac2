"""What a forked process must have for itself: locks, threads and what waits for them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["PerProcess"]

Value = TypeVar("Value")

_renewal = threading.Lock()


def _renew() -> None:
    global _renewal
    _renewal = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


class PerProcess(Generic[Value]):
    """A value that a forked child makes anew.

    A lock that some other thread of the parent held at the fork would never be let go in the child,
    and a pool of threads has none there.

    Args:
        make: Makes the value.
    """

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._made = os.getpid(), make()

    def get(self) -> Value:
        """Return this process's value."""
        process, value = self._made
        if process == os.getpid():
            return value
        with _renewal:
            if self._made[0] != os.getpid():
                self._made = os.getpid(), self._make()
            return self._made[1]
