"""`AttributionCallbackHandler`: citations for code that uses the old `CallbackManager`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload

from attribot_integrations.llama_index.records import AttributionRecord
from attribot_integrations.llama_index.scopes import ModelCall, Scope
from attribot_integrations.llama_index.service import AttributionService, Mode, is_response
from attribot_integrations.requests.protocols import RequestAttributor

__all__ = ["AttributionCallbackHandler"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Event:
    scope: Scope
    call: ModelCall | None = None
    starts_scope: bool = False


class AttributionCallbackHandler(BaseCallbackHandler):
    """A callback handler for `CallbackManager([handler])`; prefer `AttributionEventHandler`.

    It sees only components that hold its manager, and of streams not the prompt, so that a
    template takes its place. Options and results are those of `AttributionEventHandler`; the
    default is to attribute in a worker thread, as callbacks do not tell async calls apart.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """

    def __init__(
        self,
        engine: RequestAttributor,
        *,
        mode: Mode = "deferred",
        metadata_key: str | None = "attribution",
        on_result: Callable[[AttributionRecord], object] | None = None,
        max_pending: int = 256,
    ) -> None:
        super().__init__([], [])
        self._service = AttributionService(
            engine,
            mode=mode,
            metadata_key=metadata_key,
            on_result=on_result,
            max_pending=max_pending,
        )
        self._mutex = threading.RLock()
        self._events: dict[str, _Event] = {}

    @property
    def open_count(self) -> int:
        """Number of events that are held."""
        return len(self._events)

    def result(self, response: object, timeout: float | None = None) -> AttributionRecord:
        """Return the record of a response, see `AttributionEventHandler.result`."""
        return self._service.result(response, timeout)

    async def aresult(self, response: object, timeout: float | None = None) -> AttributionRecord:
        """Return the record of a response, see `AttributionEventHandler.aresult`."""
        return await self._service.aresult(response, timeout)

    def on_event_start(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        parent_id: str = "",
        **kwargs: Any,
    ) -> str:
        """Note that an event has started; never raises, which would break the query."""
        try:
            self._start(event_type, payload or {}, event_id, parent_id)
        except Exception:
            _logger.warning("the start of %s could not be followed", event_type, exc_info=True)
        return event_id

    def on_event_end(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        **kwargs: Any,
    ) -> None:
        """Note that an event has ended; never raises, which would break the query."""
        try:
            self._end(payload or {}, event_id)
        except Exception:
            _logger.warning("the end of %s could not be followed", event_type, exc_info=True)

    def start_trace(self, trace_id: str | None = None) -> None:
        """Do nothing; events tell their parents themselves."""

    def end_trace(
        self,
        trace_id: str | None = None,
        trace_map: dict[str, list[str]] | None = None,
    ) -> None:
        """Do nothing; events tell their parents themselves."""

    def _start(
        self, kind: CBEventType, payload: dict[str, Any], event_id: str, parent_id: str
    ) -> None:
        parent = self._events.get(parent_id)
        event: _Event | None = parent and _Event(parent.scope, parent.call)
        if kind == CBEventType.SYNTHESIZE:
            question = payload.get(EventPayload.QUERY_STR, "")
            event = _Event(Scope("synthesis", question=question), starts_scope=True)
        elif kind == CBEventType.LLM and parent is not None:
            call = parent.call
            if call is None:
                call = ModelCall()
                parent.scope.calls.append(call)
            if EventPayload.MESSAGES in payload:
                call.ask("chat", {"messages": payload[EventPayload.MESSAGES]})
            else:
                call.ask("complete", {"prompt": payload.get(EventPayload.PROMPT)})
            event = _Event(parent.scope, call)
        if event is not None:
            with self._mutex:
                self._events[event_id] = event

    def _end(self, payload: dict[str, Any], event_id: str) -> None:
        with self._mutex:
            event = self._events.pop(event_id, None)
        if event is None:
            return
        response = payload.get(EventPayload.RESPONSE)
        if event.starts_scope:
            if is_response(response):
                event.scope.nodes = list(response.source_nodes)  # type: ignore[union-attr]
                self._service.begin(response, event.scope, calls_seen=bool(event.scope.calls))
        elif event.call is not None:
            event.call.answer(response or payload.get(EventPayload.COMPLETION))
