"""Where attributions run: on a few threads for the whole process, never in a chain's own.

LangChain runs synchronous parts of asynchronous chains on the event loop's default executor, so
attributions that waited there for a model would hold up chains.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

__all__ = ["SerialQueue", "run_apart"]

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# An event loop waits for the interpreter behind each thread that is busy, and they take turns on
# the model anyway.
_THREADS: Final = 2


class _Pool:
    """A thread pool that is made when it is first needed, and again in a forked process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._executor = None

    @property
    def executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="citations")
            return self._executor


_POOL = _Pool()


async def run_apart(function: Callable[[], Result]) -> Result:
    """Run a function in one of the threads, leaving the event loop free."""
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_POOL.executor, partial(context.run, function))


class SerialQueue:
    """Runs functions one after another, apart from the threads that hand them in.

    Args:
        max_pending: Most functions that wait or run at once.
    """

    def __init__(self, max_pending: int) -> None:
        self.max_pending = max_pending
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], object]] = deque()
        self._accepted = 0
        self._finished = 0

    def submit(self, function: Callable[[], object]) -> bool:
        """Queue a function whose result is of no use; return whether there was room for it."""
        with self._changed:
            pending = self._accepted - self._finished
            if pending >= self.max_pending:
                return False
            self._waiting.append(function)
            self._accepted += 1
        if not pending:
            _POOL.executor.submit(self._drain)
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all functions that are queued now have run; return whether they have."""
        with self._changed:
            goal = self._accepted
            return self._changed.wait_for(lambda: self._finished >= goal, timeout)

    def _drain(self) -> None:
        while True:
            with self._changed:
                function = self._waiting.popleft()
            try:
                function()
            except Exception:
                _logger.exception("a function that ran in the background failed")
            with self._changed:
                self._finished += 1
                self._changed.notify_all()
                more = self._accepted > self._finished
            if not more:
                return
