"""Attaching handlers to LlamaIndex's dispatchers, and taking them off again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Generic, TypeVar

from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.dispatcher import Dispatcher

__all__ = ["Attachment"]

_mutex = threading.RLock()  # a garbage collection may detach inside
_H = TypeVar("_H")
_E = TypeVar("_E", bound=BaseEventHandler)


class Attachment(Generic[_E]):
    """Handlers that are attached to a dispatcher until `detach` is called, or a `with` ends.

    Args:
        event_handler: Gets the events.
        span_handler: Gets the spans.
        dispatcher: Where to attach them; by default to the root, which sees everything.
    """

    def __init__(
        self,
        event_handler: _E,
        span_handler: BaseSpanHandler[Any],
        dispatcher: Dispatcher | None = None,
    ) -> None:
        self._event_handler = event_handler
        self._span_handler = span_handler
        self._dispatcher = dispatcher or get_dispatcher()
        self._attached = True
        with _mutex:
            self._dispatcher.add_event_handler(event_handler)
            self._dispatcher.add_span_handler(span_handler)

    def detach(self) -> None:
        """Take the handlers off; a second call does nothing."""
        with _mutex:
            if not self._attached:
                return
            self._attached = False
            # New lists, as another thread may be walking through the old ones.
            dispatcher = self._dispatcher
            dispatcher.event_handlers = _without(dispatcher.event_handlers, self._event_handler)
            dispatcher.span_handlers = _without(dispatcher.span_handlers, self._span_handler)

    def __enter__(self) -> _E:
        return self._event_handler

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.detach()


def _without(handlers: Sequence[_H], removed: _H) -> list[_H]:
    """Return handlers without one occurrence of one; they compare equal by value."""
    kept = list(handlers)
    for index in reversed(range(len(kept))):
        if kept[index] is removed:
            del kept[index]
            break
    return kept
