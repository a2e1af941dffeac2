"""`AttributionCallbackHandler`: citations for code that uses the old `CallbackManager`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from typing_extensions import Unpack

from attribot_integrations.answers.desk import Mode
from attribot_integrations.llama_index.scopes import PromptedCall, Scope
from attribot_integrations.llama_index.service import (
    AttributionService,
    HandlerOptions,
    ShowsResponses,
    is_response,
)

if TYPE_CHECKING:
    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["AttributionCallbackHandler"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Event:
    scope: Scope
    call: PromptedCall | None = None
    starts_scope: bool = False


class AttributionCallbackHandler(ShowsResponses, BaseCallbackHandler):
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
        mode: Mode = "background",
        metadata_key: str | None = "attribution",
        **options: Unpack[HandlerOptions],
    ) -> None:
        super().__init__([], [])
        self._desk: AttributionService = AttributionService(
            engine, mode=mode, metadata_key=metadata_key, **options
        )
        self._events: dict[str, _Event] = {}

    @property
    def open_count(self) -> int:
        """Number of events that are held."""
        return len(self._events)

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
                call = PromptedCall()
                parent.scope.calls.append(call)
            if EventPayload.MESSAGES in payload:
                call.ask("chat", {"messages": payload[EventPayload.MESSAGES]})
            else:
                call.ask("complete", {"prompt": payload.get(EventPayload.PROMPT)})
            event = _Event(parent.scope, call)
        if event is not None:
            self._events[event_id] = event

    def _end(self, payload: dict[str, Any], event_id: str) -> None:
        event = self._events.pop(event_id, None)
        if event is None:
            return
        response = payload.get(EventPayload.RESPONSE)
        if event.starts_scope:
            if is_response(response):
                event.scope.nodes = list(response.source_nodes)  # type: ignore[union-attr]
                self._desk.begin(response, event.scope, calls_seen=bool(event.scope.calls))
        elif event.call is not None:
            event.call.answer(response or payload.get(EventPayload.COMPLETION))
