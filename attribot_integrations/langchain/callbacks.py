"""`CitationCallbackHandler`: citations for whatever a LangChain runnable answers."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.langchain.content import Keys
from attribot_integrations.langchain.events import CapturingHandler
from attribot_integrations.langchain.records import CitationRecord, NothingFound, RequestAttributor
from attribot_integrations.langchain.runs import CapturedRun
from attribot_integrations.langchain.workers import SerialQueue
from attribot_integrations.requests.engine_check import check_engine

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution, Citation

__all__ = ["CitationCallbackHandler", "Mode"]

_logger = logging.getLogger(__name__)

Mode = Literal["lazy", "eager"]
"""When answers are attributed, see `CitationCallbackHandler`."""


class CitationCallbackHandler(CapturingHandler):
    """Watches a chain, and cites the retrieved documents that its answers depend on.

    Pass it in a call's config, `chain.invoke(question, {"callbacks": [handler]})`, to the whole
    chain and not to its parts, which could not be told to belong together. It serves `invoke`,
    `batch`, `stream` and their async forms, many at once, and changes nothing that passes by.

    A record is made of every run of a chain that ends with an answer; runs that fail leave none.
    A stream that is closed half-way leaves one with the answer so far, where LangChain reports it.
    The first run for which no documents were retrieved is logged as a warning.

    Args:
        engine: Attributes the answers.
        on_citations: Called with each finished record, failed ones included, once its attribution
            is done, in the thread that made it; needs `mode="eager"`.
        mode: "lazy" attributes an answer when its record is first asked for; "eager" does so at
            the end of the run, one after another in a worker thread.
        question_key: Key or attribute of the chain's input that holds the question; by default it
            is looked for under the usual ones.
        answer_key: Key or attribute of the chain's output that holds the answer; likewise.
        max_records: Most finished records that are kept; the oldest go first.
        max_open_runs: Most runs of chains that are followed at once, see `RunTracker`.
        max_pending: Most attributions that wait in `mode="eager"`. When an engine falls so far
            behind, further records are not attributed until they are read, and not handed to
            `on_citations`; a warning says so.
        raise_error: Whether a failed attribution is raised where it is read, and with
            `mode="eager"` from the call of the chain itself, which then waits for it. By default
            it is logged, and kept on the record.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """

    def __init__(
        self,
        engine: RequestAttributor,
        *,
        on_citations: Callable[[CitationRecord], object] | None = None,
        mode: Mode = "lazy",
        question_key: str | None = None,
        answer_key: str | None = None,
        max_records: int = 256,
        max_open_runs: int = 1024,
        max_pending: int = 1024,
        raise_error: bool = False,
    ) -> None:
        check_engine(engine, "attribute_request")
        if mode not in ("lazy", "eager"):
            raise ConfigurationError(f'mode must be "lazy" or "eager", got {mode!r}')
        if on_citations is not None and mode == "lazy":
            raise ConfigurationError('on_citations is called in mode="eager" only, got mode="lazy"')
        if inspect.iscoroutinefunction(on_citations):
            raise ConfigurationError("on_citations must be a plain function, got a coroutine one")
        for name, value in (("max_records", max_records), ("max_pending", max_pending)):
            if value < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {value}")
        super().__init__(max_open_runs, Keys(question_key, answer_key))
        self.engine = engine
        self.on_citations = on_citations
        self.mode = mode
        self.max_records = max_records
        self.raise_error = raise_error
        # Bookkeeping is quick enough for an event loop; LangChain moves to a thread what is not
        # inline, as waiting for an attribution must be.
        self.run_inline = not (raise_error and mode == "eager")
        self._lock = threading.Lock()
        self._records: OrderedDict[UUID, CitationRecord] = OrderedDict()
        self._queue = SerialQueue(max_pending)
        self._nothing_found = NothingFound()

    @property
    def records(self) -> tuple[CitationRecord, ...]:
        """The finished records, oldest first."""
        with self._lock:
            return tuple(self._records.values())

    @property
    def last(self) -> CitationRecord | None:
        """The record that finished last, `None` if there is none."""
        with self._lock:
            return next(reversed(self._records.values()), None)

    @property
    def attribution(self) -> Attribution | None:
        """The last record's attribution, see `CitationRecord.attribution`."""
        last = self.last
        return None if last is None else last.attribution

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The last record's citations, see `CitationRecord.citations`."""
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

    def get(self, run_id: UUID) -> CitationRecord | None:
        """Return the record of a root run, `None` if it is not finished, or no longer kept.

        Args:
            run_id: The root run's id, which a call's config can set: `{"run_id": uuid4()}`.
        """
        with self._lock:
            return self._records.get(run_id)

    def clear(self) -> None:
        """Forget the finished records; runs that are open go on."""
        with self._lock:
            self._records.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the attributions that run in the background are done.

        Args:
            timeout: Most seconds to wait; without limit by default.

        Returns:
            Whether all are done. In lazy mode none runs in the background.
        """
        return self._queue.wait(timeout)

    async def await_done(self) -> None:
        """Do what `wait` does, leaving the event loop free."""
        # On a thread of its own: the shared ones may all be needed for what is waited for.
        await asyncio.to_thread(self.wait)

    def __repr__(self) -> str:
        return (
            f"CitationCallbackHandler(mode={self.mode!r}, records={len(self.records)}, "
            f"open_runs={self.tracker.open_roots}, last={self.last!r})"
        )

    def on_captured(self, run: CapturedRun) -> None:
        """Make a record of a run that has ended; called by the events."""
        record = CitationRecord(**vars(run), engine=self.engine, raise_error=self.raise_error)
        with self._lock:
            self._records[record.run_id] = record
            self._records.move_to_end(record.run_id)
            while len(self._records) > self.max_records:
                self._records.popitem(last=False)
        self._nothing_found.warn(record)
        if self.mode == "eager":
            self._attribute_now(record)

    def _attribute_now(self, record: CitationRecord) -> None:
        if self.raise_error:
            self._complete(record)
        elif not self._queue.submit(partial(self._complete, record)):
            _logger.warning(
                "max_pending=%d attributions wait already; run %s is attributed when it is read",
                self._queue.max_pending,
                record.run_id,
            )

    def _complete(self, record: CitationRecord) -> None:
        """Attribute a record and hand it on; raises only if `raise_error` is set."""
        failure = record.error
        try:
            if self.on_citations is not None:
                self.on_citations(record)
        except Exception as error:
            if self.raise_error:
                raise
            _logger.warning("on_citations failed for run %s: %s", record.run_id, error)
        if failure is not None and self.raise_error:
            raise failure
