"""Where attributions run: on a few threads for the whole process, never in a chain's own.

Frameworks run synchronous parts of asynchronous chains on the event loop's default executor, so
attributions that waited there for a model would hold up chains.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from attribot_integrations.answers.forks import PerProcess

__all__ = ["SerialQueue", "run_apart", "start_apart"]

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# An event loop waits for the interpreter behind each thread that is busy, and they take turns on
# the model anyway. The threads start when they are first needed.
_THREADS: Final = 2

_pool = PerProcess(lambda: ThreadPoolExecutor(_THREADS, thread_name_prefix="attribution"))


async def run_apart(function: Callable[[], Result]) -> Result:
    """Run a function in one of the threads, leaving the event loop free."""
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_pool.get(), partial(context.run, function))


def start_apart(function: Callable[[], object]) -> None:
    """Have a function run in one of the threads, and do not wait for it."""
    _pool.get().submit(function)


@dataclass
class _Waiting:
    """What a process's queue holds."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    functions: deque[Callable[[], object]] = field(default_factory=deque)
    accepted: int = 0
    finished: int = 0


class SerialQueue:
    """Runs functions one after another, apart from the threads that hand them in.

    What waits at a fork is run by the parent alone.

    Args:
        max_pending: Most functions that wait or run at once.
    """

    def __init__(self, max_pending: int) -> None:
        self.max_pending = max_pending
        self._waiting = PerProcess(_Waiting)

    def submit(self, function: Callable[[], object]) -> bool:
        """Queue a function whose result is of no use; return whether there was room for it."""
        waiting = self._waiting.get()
        with waiting.changed:
            pending = waiting.accepted - waiting.finished
            if pending >= self.max_pending:
                return False
            waiting.functions.append(function)
            waiting.accepted += 1
        if not pending:
            start_apart(partial(_drain, waiting))
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all functions that are queued now have run; return whether they have."""
        waiting = self._waiting.get()
        with waiting.changed:
            goal = waiting.accepted
            return waiting.changed.wait_for(lambda: waiting.finished >= goal, timeout)


def _drain(waiting: _Waiting) -> None:
    while True:
        with waiting.changed:
            function = waiting.functions.popleft()
        try:
            function()
        except BaseException:  # the thread is the pool's, and more may wait
            _logger.exception("a function that ran in the background failed")
        with waiting.changed:
            waiting.finished += 1
            waiting.changed.notify_all()
            more = waiting.accepted > waiting.finished
        if not more:
            return
