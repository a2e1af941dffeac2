"""`AttributionService`: begins, runs and finds attributions, whatever reports the answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from llama_index.core.base.response.schema import (
    AsyncStreamingResponse,
    PydanticResponse,
    Response,
    StreamingResponse,
)
from typing_extensions import TypedDict, Unpack

from attribot_integrations.answers.desk import AnswerDesk, Mode, ShowsRecords
from attribot_integrations.answers.live import LiveAnswer
from attribot_integrations.answers.record import await_for, wait_for
from attribot_integrations.answers.streams import awatch, watch
from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.llama_index.capturing import UNTOLD, CapturedSynthesis, capture
from attribot_integrations.llama_index.records import AttributionRecord, is_payload, payload
from attribot_integrations.llama_index.scopes import Scope
from attribot_integrations.llama_index.shown import payload_under
from attribot_integrations.llama_index.spans import attributing, resumed
from attribot_integrations.llama_index.tasks import Task, TaskBook, known_task
from attribot_integrations.requests.options import conversation_of

if TYPE_CHECKING:
    from attribot_integrations.llama_index.workflows import WorkflowAnswer
    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["AttributionService", "HandlerOptions", "ShowsResponses", "is_response"]

_logger = logging.getLogger(__name__)


class HandlerOptions(TypedDict, total=False):
    """Options of all handlers, see `AttributionEventHandler`."""

    on_citations: Callable[[AttributionRecord], object] | None
    max_records: int
    max_pending: int
    raise_error: bool


def is_response(value: object) -> bool:
    """Tell whether a value is one of LlamaIndex's four kinds of response."""
    kinds = (Response, StreamingResponse, AsyncStreamingResponse, PydanticResponse)
    return isinstance(value, kinds)


class AttributionService(AnswerDesk[AttributionRecord]):
    """Takes responses, has their answers attributed, and shows the outcome in them.

    Args:
        engine: Attributes the answers.
        mode: When it does; async calls never wait.
        metadata_key: Where a response's metadata shows the payload; `None` to leave it alone.
        live: Whether answers that are streamed are attributed while they are.
        **options: See `AttributionEventHandler`.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """

    def __init__(
        self,
        engine: RequestAttributor,
        *,
        mode: Mode = "sync",
        metadata_key: str | None = "attribution",
        live: bool = False,
        **options: Unpack[HandlerOptions],
    ) -> None:
        super().__init__(engine, mode=mode, **options)
        if live and mode == "lazy":
            raise ConfigurationError(
                'live attributes answers while they are streamed, which mode="lazy" does not'
            )
        self.live = live
        if metadata_key is not None and not metadata_key:
            raise ConfigurationError(
                f"metadata_key must be None or not empty, got {metadata_key!r}"
            )
        self.metadata_key = metadata_key
        self.cites_turns = bool(conversation_of(engine))
        """Whether an answer may rest on the conversation alone."""
        self.book = TaskBook()

    def begin(
        self,
        response: Any,
        scope: Scope,
        *,
        calls_seen: bool = True,
        answer: WorkflowAnswer | None = None,
    ) -> Task | None:
        """Attribute a response, or prepare to do so when its stream has been read.

        Args:
            response: LlamaIndex's response; its stream is wrapped, nothing else of it changes. Or
                what a workflow handed back.
            scope: What it was made in.
            calls_seen: Whether the scope knows all model calls.
            answer: The answer, if the response is none of LlamaIndex's.

        Returns:
            The task; that of an earlier call if the response is known, and another handler's if
            that has begun it with the same engine, or under the same metadata key: an answer is
            attributed once, and all handlers get its record. `None` if it shows an old payload.
        """
        known = self.book.of(response) if answer is None else None
        if known is not None:
            known.show(response, self.metadata_key)
            return known
        task = self._of_another(response, None if answer is None else scope.run)
        if task is not None:
            self._join(response, scope, task)
            return task
        if self._shown(response) is not None:
            return None  # a copy of a response that is done, and forgotten
        task = Task(scope, self.engine)
        self.show(response, task)
        _note(task, scope)
        scope.sources = list(getattr(response, "source_nodes", None) or ())
        finish = partial(self._finish, task, calls_seen)
        around = partial(resumed, scope)
        if answer is not None:
            finish(answer.text, answer.problem)
            scope.tasks.append(task)  # an agent's next run may be told of it
        elif isinstance(response, StreamingResponse) and response.response_txt is None:
            note = self._follow(task, calls_seen)
            response.response_gen = watch(iter(response.response_gen), around, finish, note)
        elif isinstance(response, AsyncStreamingResponse) and response.response_txt is None:
            note = self._follow(task, calls_seen)
            response.response_gen = awatch(aiter(response.response_gen), around, finish, note)
        else:
            finish(_answer_of(response), None)
        return task

    def show(self, response: Any, task: Task) -> None:
        """Show a task's outcome in one more response, such as a chat engine's."""
        self.book.add(response, task)
        task.show(response, self.metadata_key)

    def coming(self, response: object) -> Future[AttributionRecord]:
        """Return where the record of a response is, or will be.

        Raises:
            InputError: If the response is unknown, or its stream has not been read.
        """
        shown = self._shown(response)
        task = self.book.of(response) or (shown and self.book.with_id(shown))
        task = task or self._of_another(response)
        if not task:
            raise InputError(
                f"no attribution is known of this {type(response).__name__}; it must come from a "
                "query made while the handler was attached, and be kept until the result is read"
            )
        # A chat engine reads its stream by itself, a query engine's is read by the caller.
        if task.streamed and is_response(response):
            raise InputError("the response's stream must be read to its end before its result")
        return task.record

    def _shown(self, response: object) -> str | None:
        """Return the id of the answer whose payload a response shows."""
        found = payload_under(response, self.metadata_key)
        return str(found["id"]) if is_payload(found) else None

    def _of_another(self, response: object, run: str | None = None) -> Task | None:
        """Return the task that another handler has begun of a response, if it is to be shared."""
        shown = self._shown(response)
        task = known_task(response, shown, run)
        same = task is not None and (shown is not None or task.engine is self.engine)
        return task if same else None

    def _join(self, response: object, scope: Scope, task: Task) -> None:
        """Take part in what another handler has begun."""
        self.show(response, task)
        _note(task, scope)

        def keep(coming: Future[AttributionRecord]) -> None:
            if not coming.cancelled():
                self.take(coming.result(), apart=scope.is_async)

        task.record.add_done_callback(keep)

    def _follow(self, task: Task, calls_seen: bool) -> Callable[[str], object] | None:
        """Prepare for a stream, and return what takes its tokens as they go by, if it is live."""
        task.streamed = True
        if not self.live:
            return None

        def so_far(text: str) -> CapturedSynthesis | None:
            scope = task.scope
            if not (calls_seen and scope.calls):
                return None
            writer = scope.calls[-1]
            if writer.text is None:
                writer = replace(writer, text=text)
            scope = replace(scope, calls=[*scope.calls[:-1], writer])
            return capture(task.id, scope, text, self.engine, calls_seen=True, problem=None)

        task.live = LiveAnswer(self.engine, so_far, attributing)
        return task.live.add

    def _finish(self, task: Task, calls_seen: bool, answer: str, problem: str | None) -> None:
        """Take an answer that is complete, or as complete as it will be."""
        scope = task.scope
        # A stream read after the handler was detached has made its calls unseen.
        seen = calls_seen and not (task.streamed and not scope.calls)
        task.streamed = False
        try:
            with attributing():
                captured = capture(
                    task.id, scope, answer, self.engine, calls_seen=seen, problem=problem
                )
        except Exception as error:  # nodes and templates are the caller's, and may raise anything
            _logger.warning("answer %s could not be captured", task.id, exc_info=True)
            problem = f"it could not be captured: {type(error).__name__}: {error}"
            captured = CapturedSynthesis(
                id=task.id,
                question=scope.question,
                chunks=(),
                answer=answer,
                problem=problem,
                nodes=tuple(scope.nodes),
            )
        if captured.problem == UNTOLD:
            _logger.warning("answer %s: %s", task.id, UNTOLD)
        # What the answer was made from has been captured; the rest is not needed any more.
        task.scope = Scope(scope.kind)
        record = AttributionRecord(captured, self.engine, raise_error=self.raise_error)
        record.when_done(lambda outcome: task.update(payload(captured, outcome)))
        if task.live is not None:
            if problem is None:
                task.live.complete(record)
            else:
                task.live.close()
        task.record.set_result(record)
        self.take(record, apart=scope.is_async)


class ShowsResponses(ShowsRecords[AttributionRecord]):
    """What all handlers offer to read, also by response."""

    _desk: AttributionService

    def result(self, response: object, timeout: float | None = None) -> AttributionRecord:
        """Return the record of a response, when it is done.

        Args:
            response: The response of a query or chat engine, or of a tool.
            timeout: Most seconds to wait; without limit by default.

        Raises:
            InputError: If the response is unknown, or its stream has not been read to its end.
            TimeoutError: If it takes longer.
        """
        return wait_for(self._desk.coming(response), timeout)

    async def aresult(self, response: object, timeout: float | None = None) -> AttributionRecord:
        """Do what `result` does without holding up the event loop.

        Raises:
            InputError: If the response is unknown, or its stream has not been read to its end.
            TimeoutError: If it takes longer.
        """
        return await await_for(self._desk.coming(response), timeout)


def _note(task: Task, scope: Scope) -> None:
    ancestor = scope.parent
    while ancestor is not None:
        ancestor.tasks.append(task)
        ancestor = ancestor.parent


def _answer_of(response: Any) -> str:
    """Return the text of a response that is complete; LlamaIndex's own gives "None" for none."""
    if isinstance(response, PydanticResponse):
        return str(response) if response.response is not None else ""
    if isinstance(response, StreamingResponse | AsyncStreamingResponse):
        return response.response_txt or ""
    return response.response or ""  # a query's or chat's
