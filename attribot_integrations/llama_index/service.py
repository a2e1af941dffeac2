"""`AttributionService`: begins, runs and finds attributions, whatever reports the answers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Literal

from llama_index.core.base.response.schema import (
    AsyncStreamingResponse,
    PydanticResponse,
    Response,
    StreamingResponse,
)

from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.llama_index.attributing import attribute
from attribot_integrations.llama_index.records import AttributionRecord
from attribot_integrations.llama_index.scopes import CapturedSynthesis, Scope
from attribot_integrations.llama_index.spans import attributing
from attribot_integrations.llama_index.streams import awatch, watch
from attribot_integrations.llama_index.tasks import Task, TaskBook, is_payload
from attribot_integrations.requests.engine_check import check_engine
from attribot_integrations.requests.protocols import RequestAttributor

__all__ = ["AttributionService", "Mode", "is_response"]

_logger = logging.getLogger(__name__)

Mode = Literal["sync", "deferred"]


def is_response(value: object) -> bool:
    """Tell whether a value is one of LlamaIndex's four kinds of response."""
    kinds = (Response, StreamingResponse, AsyncStreamingResponse, PydanticResponse)
    return isinstance(value, kinds)


class AttributionService:
    """Attributes responses, at once or in a worker thread, and shows the outcome in them.

    Args:
        engine: Attributes the answers.
        mode: "sync" attributes before the answer is handed on, but for async calls, which never
            wait; "deferred" always does it in the worker thread.
        metadata_key: Where a response's metadata shows the payload; `None` to leave it alone.
        on_result: Called with each record, in the thread that made it.
        max_pending: Most attributions that wait for the worker; others are skipped.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """

    def __init__(
        self,
        engine: RequestAttributor,
        *,
        mode: Mode = "sync",
        metadata_key: str | None = "attribution",
        on_result: Callable[[AttributionRecord], object] | None = None,
        max_pending: int = 256,
    ) -> None:
        check_engine(engine, "attribute_request")
        if mode not in ("sync", "deferred"):
            raise ConfigurationError(f'mode must be "sync" or "deferred", got {mode!r}')
        if max_pending < 1:
            raise ConfigurationError(f"max_pending must be at least 1, got {max_pending}")
        if metadata_key is not None and not metadata_key:
            raise ConfigurationError(
                f"metadata_key must be None or not empty, got {metadata_key!r}"
            )
        self.engine = engine
        self.mode = mode
        self.metadata_key = metadata_key
        self.on_result = on_result
        self.max_pending = max_pending
        self.book = TaskBook()
        self._mutex = threading.RLock()
        self._worker: ThreadPoolExecutor | None = None
        self._pending: set[Future[None]] = set()

    def begin(self, response: Any, scope: Scope, *, calls_seen: bool = True) -> Task | None:
        """Attribute a response, or prepare to do so when its stream has been read.

        Args:
            response: LlamaIndex's response; its stream is wrapped, nothing else of it changes.
            scope: What it was made in.
            calls_seen: Whether the scope knows all model calls.

        Returns:
            The task; that of an earlier call if the response is known. `None` if another handler
            has attributed it under the same metadata key.
        """
        known = self.book.of(response)
        if known is not None:
            known.show(response)
            return known
        shown = (
            None if self.metadata_key is None else (response.metadata or {}).get(self.metadata_key)
        )
        if is_payload(shown):
            return self.book.with_id(shown["id"])
        task = Task(scope, self.metadata_key)
        self.show(response, task)
        ancestor = scope.parent
        while ancestor is not None:
            ancestor.tasks.append(task)
            ancestor = ancestor.parent

        def finish(answer: str, problem: str | None) -> None:
            # A stream read after the handler was detached has made its calls unseen.
            seen = calls_seen and not (task.streamed and not scope.calls)
            task.streamed = False
            self._submit(task, _captured(task, answer, calls_seen=seen), problem)

        if isinstance(response, StreamingResponse) and response.response_txt is None:
            task.streamed = True
            response.response_gen = watch(iter(response.response_gen), scope, finish)
        elif isinstance(response, AsyncStreamingResponse) and response.response_txt is None:
            task.streamed = True
            response.response_gen = awatch(aiter(response.response_gen), scope, finish)
        else:
            finish(_answer_of(response), None)
        return task

    def show(self, response: Any, task: Task) -> None:
        """Show a task's outcome in one more response, such as a chat engine's."""
        self.book.add(response, task)
        task.show(response)

    def find(self, response: object) -> Task:
        """Return the task of a response, or of a copy of it.

        Raises:
            InputError: If there is none.
        """
        task = self.book.of(response)
        if task is None and self.metadata_key is not None:
            metadata = getattr(response, "metadata", None) or {}
            payload = metadata.get(self.metadata_key) if isinstance(metadata, dict) else None
            if is_payload(payload):
                task = self.book.with_id(payload["id"])
        if task is None:
            raise InputError(
                f"no attribution is known of this {type(response).__name__}; it must come from a "
                "query made while the handler was attached, and be kept until the result is read"
            )
        return task

    def result(self, response: object, timeout: float | None = None) -> AttributionRecord:
        """Wait for a response's record.

        Raises:
            InputError: If the response is unknown, or its stream has not been read.
            TimeoutError: If it takes longer than `timeout` seconds.
        """
        future = self._future(response)
        try:
            return future.result(timeout)
        except concurrent.futures.TimeoutError as error:  # the built-in one from Python 3.11 on
            raise TimeoutError(f"the attribution took longer than {timeout} seconds") from error

    async def aresult(self, response: object, timeout: float | None = None) -> AttributionRecord:
        """Wait for a response's record without holding up the event loop.

        Raises:
            InputError: If the response is unknown, or its stream has not been read.
            TimeoutError: If it takes longer than `timeout` seconds.
        """
        future = asyncio.wrap_future(self._future(response))
        try:
            return await asyncio.wait_for(asyncio.shield(future), timeout)
        except asyncio.TimeoutError as error:
            raise TimeoutError(f"the attribution took longer than {timeout} seconds") from error

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the worker; return whether all attributions that it was given are done."""
        with self._mutex:
            pending = set(self._pending)
        return not wait(pending, timeout).not_done

    def _future(self, response: object) -> Future[AttributionRecord]:
        task = self.find(response)
        # A chat engine reads its stream by itself, a query engine's is read by the caller.
        if task.streamed and is_response(response):
            raise InputError("the response's stream must be read to its end before its result")
        return task.future

    def _submit(self, task: Task, captured: CapturedSynthesis, problem: str | None) -> None:
        if problem is not None:
            self._finish(task, AttributionRecord.without_scores(captured, "skipped", problem))
        elif self.mode == "deferred" or task.scope.is_async:
            self._defer(task, captured)
        else:
            self._run(task, captured)

    def _defer(self, task: Task, captured: CapturedSynthesis) -> None:
        with self._mutex:
            full = len(self._pending) >= self.max_pending
            if not full:
                if self._worker is None:
                    self._worker = ThreadPoolExecutor(1, thread_name_prefix="attribution")
                future = self._worker.submit(self._run, task, captured)
                self._pending.add(future)
        if full:
            reason = f"max_pending={self.max_pending} attributions were waiting already"
            _logger.warning("answer %s is not attributed: %s", task.id, reason)
            self._finish(task, AttributionRecord.without_scores(captured, "skipped", reason))
        else:
            future.add_done_callback(self._settle)

    def _settle(self, future: Future[None]) -> None:
        with self._mutex:
            self._pending.discard(future)

    def _run(self, task: Task, captured: CapturedSynthesis) -> None:
        try:
            with attributing():
                record = attribute(self.engine, captured)
        except BaseException as error:  # an interrupt; nobody may wait for ever
            reason = f"interrupted by {type(error).__name__}"
            self._finish(task, AttributionRecord.without_scores(captured, "error", reason))
            raise
        self._finish(task, record)

    def _finish(self, task: Task, record: AttributionRecord) -> None:
        # What the answer was made from is on the record; the rest is not needed any more.
        task.scope = Scope(task.scope.kind)
        task.finish(record)
        if self.on_result is not None:
            try:
                self.on_result(record)
            except Exception as error:
                _logger.warning("on_result failed for answer %s: %s", record.id, error)


def _captured(task: Task, answer: str, *, calls_seen: bool) -> CapturedSynthesis:
    scope = task.scope
    calls = tuple(scope.calls) if calls_seen else None
    return CapturedSynthesis(task.id, scope.question, tuple(scope.nodes), answer, calls)


def _answer_of(response: Any) -> str:
    """Return the text of a response that is complete; LlamaIndex's own gives "None" for none."""
    if isinstance(response, Response):
        return response.response or ""
    if isinstance(response, PydanticResponse):
        return str(response) if response.response is not None else ""
    return response.response_txt or ""
