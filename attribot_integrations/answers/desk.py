"""`AnswerDesk`: takes finished answers, and sees to it that each is attributed once."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar, get_args

from attribot_integrations.answers.attempt import Status
from attribot_integrations.answers.background import SerialQueue
from attribot_integrations.answers.recent import Recent, check_positive
from attribot_integrations.answers.record import AnswerRecord
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.requests.engine_check import check_engine

if TYPE_CHECKING:
    from attribot_integrations.requests.attributors import RequestAttributor
    from attribot_integrations.results import Attribution, Citation

__all__ = ["AnswerDesk", "Mode", "ShowsRecords", "complete"]

_logger = logging.getLogger(__name__)

Record = TypeVar("Record", bound=AnswerRecord)

Mode = Literal["lazy", "background", "sync"]
"""When answers are attributed: when their record is first read; at once, one after another in a
worker thread; or before the call that gave the answer returns."""

_MODES: Final = ", ".join(f'"{mode}"' for mode in get_args(Mode))


class AnswerDesk(Generic[Record]):
    """Takes records of finished answers, has them attributed, and keeps the newest.

    Args:
        engine: Attributes the answers.
        mode: When it does, see `Mode`.
        on_citations: Called with each record once its attribution has been tried, failed and
            skipped ones included, in the thread that made it; not in "lazy" mode.
        max_records: Most records that are kept; the oldest go first.
        max_pending: Most attributions that wait for the worker thread. When an engine falls so far
            behind, further ones are made when they are read; a warning says so.
        raise_error: Whether a failed attribution is raised where it is read, and with mode "sync"
            from the call itself. By default it is logged, and kept on the record.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """

    def __init__(
        self,
        engine: RequestAttributor,
        *,
        mode: Mode,
        on_citations: Callable[[Record], object] | None = None,
        max_records: int = 256,
        max_pending: int = 1024,
        raise_error: bool = False,
    ) -> None:
        check_engine(engine, "attribute_request")
        if mode not in get_args(Mode):
            raise ConfigurationError(f"mode must be one of {_MODES}, got {mode!r}")
        if on_citations is not None and mode == "lazy":
            raise ConfigurationError(
                'on_citations is called in the modes "background" and "sync" only, got mode="lazy"'
            )
        if inspect.iscoroutinefunction(on_citations):
            raise ConfigurationError("on_citations must be a plain function, got a coroutine one")
        check_positive(max_records=max_records, max_pending=max_pending)
        self.engine = engine
        self.mode = mode
        self.on_citations = on_citations
        self.raise_error = raise_error
        self.max_pending = max_pending
        self.records: Recent[str, Record] = Recent(max_records)
        self._queue = SerialQueue(max_pending)

    def take(self, record: Record, *, apart: bool = False) -> None:
        """Keep the record of an answer that is complete, and have it attributed.

        Args:
            record: The record.
            apart: Whether the calling thread must not wait for a model; "sync" leaves it to the
                worker thread then.

        Raises:
            Exception: What made the attribution or `on_citations` fail, if `raise_error` is set
                and the attribution is made here.
        """
        self.records.add(record.id, record)
        if self.mode == "sync" and not apart:
            complete(record, self.on_citations, raise_error=self.raise_error)
        elif self.mode != "lazy" and not self._queue.submit(
            partial(complete, record, self.on_citations)
        ):
            _logger.warning(
                "max_pending=%d attributions wait already; answer %s is attributed when it is read",
                self._queue.max_pending,
                record.id,
            )

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the worker thread; return whether all that it was given is done."""
        return self._queue.wait(timeout)


def complete(
    record: Record, on_citations: Callable[[Record], object] | None, *, raise_error: bool = False
) -> None:
    """Attribute an answer, and hand its record on.

    Args:
        record: The answer's record.
        on_citations: What to call with it.
        raise_error: Whether to raise what goes wrong; otherwise it is logged.

    Raises:
        Exception: What made the attribution or `on_citations` fail, if `raise_error` is set.
    """
    try:
        failure = record.error
    except BaseException as error:  # an interrupt; nobody may wait for ever
        record.give_up(f"interrupted by {type(error).__name__}")
        raise
    try:
        if on_citations is not None:
            on_citations(record)
    except Exception as error:
        if raise_error:
            raise
        _logger.warning("on_citations failed for answer %s: %s", record.id, error)
    if raise_error and failure is not None:
        raise failure.with_traceback(None)


_NOTHING_SEEN: Final = (
    "no answer has been seen: no run has ended yet, or neither a model nor documents were "
    "reported; the handler belongs to the whole chain, in its call"
)


class ShowsRecords(Generic[Record]):
    """What the handlers of all frameworks offer to read."""

    _desk: AnswerDesk[Record]

    @property
    def records(self) -> tuple[Record, ...]:
        """The records of finished answers, oldest first."""
        return tuple(record for _, record in self._desk.records.items())

    @property
    def last(self) -> Record | None:
        """The record of the answer that was finished last, `None` if there is none."""
        return self._desk.records.newest()

    @property
    def status(self) -> Status:
        """The last record's status, see `AnswerRecord.status`; "skipped" if there is none."""
        last = self.last
        return "skipped" if last is None else last.status

    @property
    def reason(self) -> str | None:
        """Why the status is not "ok", see `AnswerRecord.reason`, also where there is no record."""
        last = self.last
        return _NOTHING_SEEN if last is None else last.reason

    @property
    def attribution(self) -> Attribution | None:
        """The last record's attribution, see `AnswerRecord.attribution`."""
        last = self.last
        return None if last is None else last.attribution

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The last record's citations, see `AnswerRecord.citations`."""
        last = self.last
        return () if last is None else last.citations

    async def aattribution(self) -> Attribution | None:
        """Return `attribution`, computed in a worker thread if it is not there yet."""
        last = self.last
        return None if last is None else await last.aattribution()

    async def acitations(self) -> tuple[Citation, ...]:
        """Return `citations`, computed in a worker thread if they are not there yet."""
        last = self.last
        return () if last is None else await last.acitations()

    def get(self, id: object) -> Record | None:
        """Return the record with an id, `None` if it is not finished, or no longer kept.

        Args:
            id: The record's id, which is the framework's where it has one.
        """
        return self._desk.records.get(str(id))

    def clear(self) -> None:
        """Forget the records of finished answers."""
        self._desk.records.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the attributions that run in the background are done.

        Args:
            timeout: Most seconds to wait; without limit by default.

        Returns:
            Whether all are done. In lazy mode none runs in the background.
        """
        return self._desk.wait(timeout)

    async def await_done(self) -> None:
        """Do what `wait` does, leaving the event loop free."""
        # On a thread of its own: the shared ones may all be needed for what is waited for.
        await asyncio.to_thread(self.wait)
