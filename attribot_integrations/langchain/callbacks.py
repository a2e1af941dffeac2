"""`CitationCallbackHandler`: citations for whatever a LangChain runnable answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from attribot_integrations.answers.captured import CapturedAnswer
from attribot_integrations.answers.desk import AnswerDesk, Mode, ShowsRecords
from attribot_integrations.langchain.content import Keys
from attribot_integrations.langchain.events import CapturingHandler
from attribot_integrations.langchain.records import CitationRecord, NothingFound

if TYPE_CHECKING:
    from attribot_integrations.requests.attributors import RequestAttributor

_logger = logging.getLogger(__name__)

__all__ = ["CitationCallbackHandler", "HandlerOptions"]


class HandlerOptions(TypedDict, total=False):
    """Options of a `CitationCallbackHandler`."""

    mode: Mode
    on_citations: Callable[[CitationRecord], object] | None
    question_key: str | None
    answer_key: str | None
    max_records: int
    max_open_runs: int
    max_pending: int
    raise_error: bool


class CitationCallbackHandler(ShowsRecords[CitationRecord], CapturingHandler):
    """Watches a chain, and cites the retrieved documents that its answers depend on.

    Pass it in a call's config, `chain.invoke(question, {"callbacks": [handler]})`, to the whole
    chain and not to its parts, which could not be told to belong together. It serves `invoke`,
    `batch`, `stream` and their async forms, many at once, and changes nothing that passes by.

    A record is made of every run of a chain that ends with an answer; runs that fail leave none.
    A stream that is closed half-way leaves one with the answer so far, where LangChain reports it.
    The first run for which no documents were seen is logged as a warning. Of a run that gives
    several answers (a chain that is mapped, branches side by side), each has a record.

    A copy of a handler has its engine and options, and records of its own.

    Args:
        engine: Attributes the answers.
        mode: "lazy" attributes an answer when its record is first asked for; "background" does so
            at the end of the run, one after another in a worker thread; "sync" before the call
            returns.
        on_citations: Called with each finished record, failed ones included, once its attribution
            is done, in the thread that made it; not in "lazy" mode.
        question_key: Key or attribute of the chain's input that holds the question; by default it
            is looked for under the usual ones.
        answer_key: Key, attribute or path in the chain's output that holds the answer, such as
            "parsed.summary"; likewise. A list or object there is one answer, each field a
            statement.
        max_records: Most finished records that are kept; the oldest go first.
        max_open_runs: Most runs of chains that are followed at once, see `RunTracker`.
        max_pending: Most attributions that wait in "background" mode. When an engine falls so far
            behind, further records are not attributed until they are read, and not handed to
            `on_citations`; a warning says so.
        raise_error: Whether a failed attribution is raised where it is read, and in "sync" mode
            from the call of the chain itself. By default it is logged, and kept on the record.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """

    def __init__(
        self,
        engine: RequestAttributor,
        *,
        mode: Mode = "lazy",
        on_citations: Callable[[CitationRecord], object] | None = None,
        question_key: str | None = None,
        answer_key: str | None = None,
        max_records: int = 256,
        max_open_runs: int = 1024,
        max_pending: int = 1024,
        raise_error: bool = False,
    ) -> None:
        self._desk = AnswerDesk(
            engine,
            mode=mode,
            on_citations=on_citations,
            max_records=max_records,
            max_pending=max_pending,
            raise_error=raise_error,
        )
        super().__init__(max_open_runs, Keys(question_key, answer_key))
        self.engine = engine
        self.mode = mode
        self.raise_error = raise_error
        # Bookkeeping is quick enough for an event loop; LangChain moves to a thread what is not
        # inline, as waiting for an attribution must be.
        self.run_inline = mode != "sync"
        self._nothing_found = NothingFound()

    def __repr__(self) -> str:
        return (
            f"CitationCallbackHandler(mode={self.mode!r}, records={len(self.records)}, "
            f"open_runs={self.tracker.open_roots}, last={self.last!r})"
        )

    def on_captured(self, captured: CapturedAnswer) -> None:
        """Make a record of a run that has ended; called by the events."""
        self._nothing_found.warn(captured.problem, captured.id, self.engine)
        self._desk.take(CitationRecord(captured, self.engine, raise_error=self.raise_error))

    def on_misnamed(self, captured: CapturedAnswer) -> None:
        """Say, and keep on a record, that `answer_key` names nothing."""
        _logger.warning("run %s gets no citations: %s", captured.id, captured.problem)
        self._desk.take(CitationRecord(captured, self.engine, raise_error=self.raise_error))

    def __deepcopy__(self, memo: dict[int, object]) -> CitationCallbackHandler:
        # With the same engine and options, and no records: a copy watches other runs.
        made = CitationCallbackHandler(**self._configuration())
        memo[id(self)] = made
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(CitationCallbackHandler, **self._configuration()), ()

    def __copy__(self) -> CitationCallbackHandler:
        return CitationCallbackHandler(**self._configuration())

    def _configuration(self) -> dict[str, Any]:
        desk = self._desk
        return {
            "engine": self.engine,
            "mode": self.mode,
            "on_citations": desk.on_citations,
            "question_key": self.keys.question,
            "answer_key": self.keys.answer,
            "max_records": desk.records.limit,
            "max_open_runs": self.tracker.max_open_runs,
            "max_pending": desk.max_pending,
            "raise_error": self.raise_error,
        }
