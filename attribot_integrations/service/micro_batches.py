"""Requests in a bounded queue, run by one thread; those with the same chunks one behind the other.

While one batch runs, the next gathers, so nothing waits for others to come.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from attribot_integrations.errors import AttribotError, free_frames
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution

__all__ = ["BusyError", "Job", "MicroBatches", "StoppingAttributor", "StoppingError"]

_logger = logging.getLogger(__name__)

_LONGEST_PAUSE: Final = 30
"""Most seconds that a caller is told to wait."""
_NEWS: Final = 0.2
"""Weight of the last request in the mean of the seconds that requests take."""


class StoppingAttributor(Protocol):
    """What attributes requests, and can be told that a result is not wanted any more."""

    def attribute_request(
        self,
        request: AttributionRequest,
        *,
        options: EngineOptions | None = None,
        cancelled: threading.Event | None = None,
    ) -> Attribution:
        """Score the sources of one answer, and cite those that carry it."""
        ...


class SharingEngine(StoppingAttributor, Protocol):
    """An engine that also runs a context once for several requests."""

    def sharing_context(self) -> StoppingAttributor:
        """Return what attributes requests that have the same chunks, in turn."""
        ...


class BusyError(Exception):
    """There is no room for one more request."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds
        """After how many seconds to try again."""


class StoppingError(Exception):
    """The service takes no more requests, as it is being stopped."""


@dataclass(eq=False)
class Job:
    """A request that was accepted."""

    key: object
    """What is equal for requests that share their context."""
    work: Callable[[StoppingAttributor, threading.Event], Any]
    """Does it, given what attributes, and what is set when it is not wanted any more."""
    accepted: float = field(default_factory=time.monotonic)
    result: Future[Any] = field(default_factory=Future)
    started: Future[None] = field(default_factory=Future)
    unwanted: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        for future in (self.result, self.started):
            future.set_running_or_notify_cancel()  # only `unwanted` ends a job

    def awaited(self) -> tuple[asyncio.Future[None], asyncio.Future[Any]]:
        """Return what the running event loop waits for: that it has begun, and its result."""
        futures = asyncio.wrap_future(self.started), asyncio.wrap_future(self.result)
        for future in futures:
            future.add_done_callback(_seen)
        return futures


class MicroBatches:
    """Runs requests on an engine.

    Args:
        engine: The engine.
        max_waiting: Most requests that wait.
        max_batch: Most that are run together.
        max_wait: Seconds after which one that was not begun is given up.
        observe: Told the size of each batch.
    """

    def __init__(
        self,
        engine: SharingEngine,
        *,
        max_waiting: int,
        max_batch: int,
        max_wait: float,
        observe: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._engine = engine
        self._max_waiting = max_waiting
        self._max_batch = max_batch
        self._max_wait = max_wait
        self._observe = observe
        self._waiting: list[Job] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._seconds = 0.1
        self._thread = threading.Thread(target=self._run, name="attribot-service", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    @property
    def ready(self) -> bool:
        """Whether requests are taken."""
        return self._thread.is_alive() and not self._stopping

    def submit(
        self, key: object, work: Callable[[StoppingAttributor, threading.Event], Any]
    ) -> Job:
        """Accept a request.

        Args:
            key: What is equal for requests that share their context.
            work: See `Job.work`; called by the thread that runs all.

        Raises:
            BusyError: If as many wait as may.
            StoppingError: If the service is being stopped.
        """
        job = Job(key, work)
        with self._changed:
            if not self.ready:
                raise StoppingError("the service is being stopped")
            if len(self._waiting) >= self._max_waiting:
                raise BusyError(f"{len(self._waiting)} requests wait already", self._pause())
            self._waiting.append(job)
            self._changed.notify()
        return job

    def stop(self) -> None:
        """Take no more requests; those that were accepted are done."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def close(self) -> None:
        """Take no more requests, and wait until those that were accepted are done."""
        self.stop()
        self._thread.join()

    def _pause(self) -> int:
        """Return in how many seconds about half of what waits will be done."""
        return max(1, min(_LONGEST_PAUSE, math.ceil(self._seconds * len(self._waiting) / 2)))

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            wanted = [job for job in batch if not self._dropped(job)]
            if not wanted:
                continue
            self._observe(len(wanted))
            attributor = self._engine.sharing_context() if len(wanted) > 1 else self._engine
            for job in wanted:
                if not job.unwanted.is_set():
                    self._do(job, attributor)

    def _next(self) -> list[Job] | None:
        """Wait for the oldest request, and take it with those that share its context."""
        with self._changed:
            while not self._waiting:
                if self._stopping:
                    return None
                self._changed.wait()
            key = self._waiting[0].key
            batch = [job for job in self._waiting if job.key == key][: self._max_batch]
            taken = set(map(id, batch))
            self._waiting = [job for job in self._waiting if id(job) not in taken]
            return batch

    def _dropped(self, job: Job) -> bool:
        if job.unwanted.is_set():
            return True
        late = time.monotonic() - job.accepted > self._max_wait
        if late:
            message = f"the request was not begun within {self._max_wait:g} s"
            job.result.set_exception(BusyError(message, self._pause()))
        return late

    def _do(self, job: Job, attributor: StoppingAttributor) -> None:
        begun = time.monotonic()
        job.started.set_result(None)
        try:
            found = job.work(attributor, job.unwanted)
        except Exception as error:  # whatever it is, the next request must be done
            if not isinstance(error, AttribotError) and not job.unwanted.is_set():
                _logger.error("a request failed", exc_info=error)
            free_frames(error)
            job.result.set_exception(error)
        else:
            job.result.set_result(found)
        self._seconds += _NEWS * (time.monotonic() - begun - self._seconds)


def _seen(future: asyncio.Future[Any]) -> None:
    """Look at an outcome, so that asyncio does not complain of one that nobody waits for."""
    if not future.cancelled():
        future.exception()
