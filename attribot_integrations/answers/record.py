"""`AnswerRecord`: one answer, and what it rests on, computed once."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from typing_extensions import Self

from attribot_integrations.answers.attempt import Outcome, PromptUsed, Status, attempt
from attribot_integrations.answers.background import run_apart, start_apart
from attribot_integrations.answers.captured import CapturedAnswer
from attribot_integrations.answers.forks import PerProcess
from attribot_integrations.answers.thinking import with_thoughts, with_thoughts_marked
from attribot_integrations.errors import ModelError

if TYPE_CHECKING:
    from attribot_integrations.auditing import AnswerAudit, AuditOptions, GivenCitation
    from attribot_integrations.context.locating import CapturedPrompt
    from attribot_integrations.context.prompts import PromptTemplate
    from attribot_integrations.context.sources import Chunk
    from attribot_integrations.requests.attributors import RequestAttributor
    from attribot_integrations.requests.options import AttributionRequest
    from attribot_integrations.results import Attribution, Citation

__all__ = ["AnswerRecord", "await_for", "wait_for"]

_logger = logging.getLogger(__name__)

_LATE: Final = "the attribution took longer than {} seconds"


@dataclass
class _Turn:
    """Whose turn it is to attribute, in one process."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    taken: bool = False
    promised: bool = False
    """Whether some thread is going to take it."""


class AnswerRecord:
    """One answer: what was asked, retrieved and answered, and what the answer rests on.

    The attribution is computed once, when it is first read, or before that by the handler. Reading
    `attribution`, `citations`, `status`, `reason`, `error`, `prompt_used` or `scored_by` may thus
    take as long as the models do; on an event loop, use `aattribution` first. Any thread may read,
    and a forked process computes for itself what its parent had not.

    Args:
        captured: What was captured of the answer.
        engine: What attributes it.
        raise_error: Whether `attribution` and `citations` raise what made the attribution fail.
    """

    def __init__(
        self, captured: CapturedAnswer, engine: RequestAttributor, *, raise_error: bool = False
    ) -> None:
        self.captured = captured
        self.engine = engine
        self.raise_error = raise_error
        self.through: RequestAttributor | None = None
        """What attributes it in the engine's place: that which has attributed its beginning."""
        self.live_problem: str | None = None
        """Why statements of a live answer were not attributed before it was complete."""
        self._turn = PerProcess(_Turn)
        self._outcome: Outcome | None = None
        self._listeners: list[Callable[[Outcome], object]] = []

    @property
    def id(self) -> str:
        """What a handler finds the record by."""
        return self.captured.id

    @property
    def question(self) -> str:
        """The user's question; "" if it is unknown."""
        return self.captured.question

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """What was retrieved, in order."""
        return self.captured.chunks

    @property
    def answer(self) -> str:
        """The answer as the user received it."""
        return self.captured.answer

    @property
    def prompt(self) -> CapturedPrompt | PromptTemplate | None:
        """What the answering model saw; `None` if no single prompt explains the answer."""
        return self.captured.prompt

    @property
    def generator(self) -> str | None:
        """Name of the model that wrote the answer, where the framework reports it."""
        return self.captured.generator

    @property
    def done(self) -> bool:
        """Whether the attribution has been tried, so that reading it takes no time."""
        return self._outcome is not None

    @property
    def status(self) -> Status:
        """What became of the attribution: "ok", "approximate", "skipped" or "error"."""
        return self.attribute().status

    @property
    def reason(self) -> str | None:
        """Why the status is not "ok", in plain words; `None` if it is.

        What had to be guessed; why there is nothing to attribute; or the `error`.
        """
        return self.attribute().reason

    @property
    def attribution(self) -> Attribution | None:
        """The attribution; `None` if it failed or there was nothing to do, see `reason`.

        Raises:
            Exception: What made the attribution fail, if `raise_error` is set.
        """
        outcome = self.attribute()
        if self.raise_error and outcome.error is not None:
            # Its traceback would otherwise grow by the reader's frames with every reading.
            raise outcome.error.with_traceback(None)
        return outcome.attribution

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations of statements that have support, none if there is no attribution.

        Raises:
            Exception: What made the attribution fail, if `raise_error` is set.
        """
        attribution = self.attribution
        return () if attribution is None else attribution.shown_citations

    @property
    def error(self) -> Exception | None:
        """What made the attribution fail; `None` if it did not, or if there was nothing to do."""
        return self.attribute().error

    @property
    def prompt_used(self) -> PromptUsed | None:
        """The prompt that was scored: the one the model saw, or one that the engine rendered.

        A template takes over where not all chunks stand in the captured prompt (shortened ones, for
        example), or the scoring model's chat template refuses it. `None` if there was nothing to
        attribute.
        """
        return self.attribute().prompt_used

    @property
    def scored_by(self) -> str | None:
        """Name of the model that scored the answer, whose dependence on the sources a score is.

        It says what the answer's own model, `generator`, depends on only as far as the two are
        alike. `None` if there is no attribution.
        """
        attribution = self.attribute().attribution
        if attribution is None or not attribution.cost.models:
            return None
        return attribution.cost.models[0].model

    async def aattribution(self) -> Attribution | None:
        """Return `attribution`, computed in a worker thread if it is not there yet.

        Raises:
            Exception: What made the attribution fail, if `raise_error` is set.
        """
        return await run_apart(lambda: self.attribution)

    async def acitations(self) -> tuple[Citation, ...]:
        """Return `citations`, computed in a worker thread if they are not there yet.

        Raises:
            Exception: What made the attribution fail, if `raise_error` is set.
        """
        return await run_apart(lambda: self.citations)

    def audit(
        self,
        citations: Sequence[GivenCitation] | None = None,
        *,
        numbers: Mapping[str | int, int] | None = None,
        options: AuditOptions | None = None,
    ) -> AnswerAudit | None:
        """Check the citations that the answer came with; `None` if there is no attribution.

        Args:
            citations: What `auditing.given_answer` reads from the model's message, say; by default
                the marks in the answer's text.
            numbers: Chunk indexes by the marks' numbers; by default those of the prompt.
            options: What counts as evidence.

        Raises:
            InputError: If citations do not fit the answer.
            Exception: What made the attribution fail, if `raise_error` is set.
        """
        from attribot_integrations.auditing import audit_attribution
        from attribot_integrations.auditing.prompt_numbers import prompt_numbers

        attribution = self.attribution
        if attribution is None:
            return None
        if numbers is None and citations is None:
            numbers = prompt_numbers(self.prompt, attribution.locations, attribution.chunks)
        return audit_attribution(attribution, citations, numbers=numbers, options=options)

    def through_thoughts(self) -> Attribution | None:
        """Attribute the answer once more, through the thoughts that it begins with.

        For you, not for readers: the result's traces (`Attribution.trace`) lead from a statement to
        parts of the thoughts and on to sources, and to sources at once. Its scores are measured
        with the thoughts in the prompt; what leads through them is a product of shares, and
        approximate. Thoughts are long, so this costs far more than `attribution`, and is made anew
        with each call.

        Returns:
            The attribution; `None` if the answer has no thoughts, or they cannot be scored, which
            is logged.

        Raises:
            Exception: What made the attribution fail, if `raise_error` is set.
        """
        captured = with_thoughts(self.captured)
        if captured is None:
            return None
        outcome = attempt(self.engine, captured)
        if self.raise_error and outcome.error is not None:
            raise outcome.error.with_traceback(None)
        if outcome.attribution is None or outcome.prompt_used != "captured":
            return None
        return with_thoughts_marked(outcome.attribution, captured)

    def attribute(self) -> Outcome:
        """Attribute the answer, unless that has been done, or another thread is at it."""
        if self._outcome is not None:
            return self._outcome
        turn = self._turn.get()
        with turn.changed:
            turn.changed.wait_for(lambda: self._outcome is not None or not turn.taken)
            if self._outcome is not None:
                return self._outcome
            turn.taken = True
        try:
            return self._settle(self._attempt(self.through or self.engine))
        finally:
            with turn.changed:
                turn.taken = False
                turn.changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the attribution, in a thread apart if the wait is limited.

        Args:
            timeout: Most seconds to wait; without limit by default.

        Returns:
            Whether it has been tried.
        """
        if timeout is None:
            self.attribute()
            return True
        turn = self._turn.get()
        with turn.changed:
            nobody = self._outcome is None and not (turn.taken or turn.promised)
            turn.promised = True
        if nobody:
            start_apart(self.attribute)
        with turn.changed:
            return turn.changed.wait_for(lambda: self.done, timeout)

    def give_up(self, reason: str) -> None:
        """Let those who wait for an attribution that was interrupted go on."""
        if self._outcome is None:
            self._settle(Outcome("error", reason))

    def when_done(self, listener: Callable[[Outcome], object]) -> None:
        """Have a function called with the outcome before anybody else can read it.

        Args:
            listener: Called in the thread that attributes, and at once if that has been done.
        """
        with self._turn.get().changed:
            if self._outcome is None:
                self._listeners.append(listener)
                return
        listener(self._outcome)

    def _attempt(self, engine: RequestAttributor) -> Outcome:
        """Make the attempt; what surrounds it in a framework is added by overriding."""
        return attempt(engine, self.captured)

    def _settle(self, outcome: Outcome) -> Outcome:
        turn = self._turn.get()
        with turn.changed:
            listeners, self._listeners = self._listeners, []
            self.through = None
        for listener in listeners:
            try:
                listener(outcome)
            except Exception:
                _logger.exception("the outcome of answer %s could not be shown", self.id)
        with turn.changed:
            self._outcome = outcome
            turn.changed.notify_all()
        return outcome

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        # What was captured and the outcome never change; the engine's models are shared.
        made = type(self)(self.captured, self.engine, raise_error=self.raise_error)
        made._outcome = self._outcome
        memo[id(self)] = made
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        # The engine stays here, so the attribution has to be made before.
        return _settled, (type(self), self.captured, self.attribute(), self.raise_error)

    def __copy__(self) -> Self:
        return self.__deepcopy__({})

    def __repr__(self) -> str:
        outcome = self._outcome
        state = "pending"
        if outcome is not None:
            found = () if outcome.attribution is None else outcome.attribution.shown_citations
            state = f"status={outcome.status!r}, citations={len(found)}"
            if outcome.reason is not None:
                state += f", reason={outcome.reason!r}"
        return (
            f"{type(self).__name__}(question={self.question[:60]!r}, chunks={len(self.chunks)}, "
            f"answer={self.answer[:60]!r}, {state})"
        )


Record = TypeVar("Record", bound=AnswerRecord)


class _NoEngine:
    """Takes an engine's place in a record that came from another process."""

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        raise ModelError("this record came out of a pickle, which holds no engine")


def _settled(
    kind: type[Record], captured: CapturedAnswer, outcome: Outcome, raise_error: bool
) -> Record:
    record = kind(captured, _NoEngine(), raise_error=raise_error)
    record._outcome = outcome
    return record


def wait_for(coming: Future[Record], timeout: float | None = None) -> Record:
    """Wait for a record, and for its attribution.

    Args:
        coming: Where the record will be when its answer is complete.
        timeout: Most seconds to wait; without limit by default.

    Raises:
        TimeoutError: If it takes longer.
    """
    started = time.monotonic()
    try:
        record = coming.result(timeout)
    except concurrent.futures.TimeoutError as error:  # the built-in one from Python 3.11 on
        raise TimeoutError(_LATE.format(timeout)) from error
    if not record.wait(timeout and max(0.0, timeout - (time.monotonic() - started))):
        raise TimeoutError(_LATE.format(timeout))
    return record


async def await_for(coming: Future[Record], timeout: float | None = None) -> Record:
    """Do what `wait_for` does, leaving the event loop free.

    Raises:
        TimeoutError: If it takes longer.
    """

    async def attributed() -> Record:
        record = await asyncio.shield(asyncio.wrap_future(coming))
        await run_apart(record.attribute)
        return record

    try:
        return await asyncio.wait_for(attributed(), timeout)
    except asyncio.TimeoutError as error:
        raise TimeoutError(_LATE.format(timeout)) from error
