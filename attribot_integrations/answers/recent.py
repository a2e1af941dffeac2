"""A table of the newest, such as the book of a handler's records."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

from attribot_integrations.answers.forks import PerProcess
from attribot_integrations.errors import ConfigurationError

__all__ = ["Recent", "check_positive"]

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """A table that forgets all but the newest; any thread may use it.

    Args:
        limit: Most values that are kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = PerProcess(threading.RLock)  # a garbage collection may add inside
        self._items: OrderedDict[Key, Value] = OrderedDict()

    def add(self, key: Key, value: Value) -> None:
        """Keep a value as the newest, in place of one with the same key."""
        with self._lock.get():
            self._items[key] = value
            self._items.move_to_end(key)
            while len(self._items) > self.limit:
                self._items.popitem(last=False)

    def get(self, key: Key) -> Value | None:
        """Return the value with a key, `None` if it is not kept, or no longer."""
        with self._lock.get():
            return self._items.get(key)

    def items(self) -> tuple[tuple[Key, Value], ...]:
        """Return keys and values, oldest first."""
        with self._lock.get():
            return tuple(self._items.items())

    def newest(self) -> Value | None:
        """Return the value that was added last, `None` if there is none."""
        with self._lock.get():
            return next(reversed(self._items.values()), None)

    def clear(self) -> None:
        """Forget all values."""
        with self._lock.get():
            self._items.clear()

    def __len__(self) -> int:
        return len(self._items)


def check_positive(**numbers: int) -> None:
    """Check options that count something.

    Raises:
        ConfigurationError: If one is below 1.
    """
    for name, number in numbers.items():
        if number < 1:
            raise ConfigurationError(f"{name} must be at least 1, got {number}")
