"""Attaching handlers to LlamaIndex's dispatchers, and taking them off again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Generic, TypeVar

from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.dispatcher import Dispatcher

__all__ = ["Attachment", "Reach"]

_mutex = threading.RLock()  # a garbage collection may detach inside
_H = TypeVar("_H")
_E = TypeVar("_E", bound=BaseEventHandler)


class Reach:
    """Where a handler watches: everywhere while it is attached for good, and in bound contexts."""

    def __init__(self) -> None:
        self.everywhere = 0
        """How many attachments are for good."""
        self.limited = 0
        """How many attachments are bound to a context."""
        self.bound: ContextVar[bool] = ContextVar("attribot_bound", default=False)
        """Whether the present context is inside a `with`."""

    def covers_context(self) -> bool:
        """Tell whether the present context is watched."""
        # A handler that was added to a dispatcher by hand has no attachment.
        return self.everywhere > 0 or not self.limited or self.bound.get()


class Attachment(Generic[_E]):
    """Handlers that are attached to a dispatcher until `detach` is called, or a `with` ends.

    In a `with`, they watch only what is done in its context, as are the tasks and threads that
    LlamaIndex starts there: requests that a server handles at the same time are not mixed up.

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
        self._bound: Token[bool] | None = None
        self._reach = getattr(span_handler, "reach", None)
        with _mutex:
            if self._reach is not None:
                self._reach.everywhere += 1
            self._dispatcher.add_event_handler(event_handler)
            self._dispatcher.add_span_handler(span_handler)

    def detach(self) -> None:
        """Take the handlers off; a second call does nothing."""
        with _mutex:
            if not self._attached:
                return
            self._attached = False
            self._unbind()
            # New lists, as another thread may be walking through the old ones.
            dispatcher = self._dispatcher
            dispatcher.event_handlers = _without(dispatcher.event_handlers, self._event_handler)
            dispatcher.span_handlers = _without(dispatcher.span_handlers, self._span_handler)

    def __enter__(self) -> _E:
        # From here on for this context alone: other requests of a server have their own.
        if self._attached and self._bound is None and self._reach is not None:
            with _mutex:
                self._reach.everywhere -= 1
                self._reach.limited += 1
            self._bound = self._reach.bound.set(True)
        return self._event_handler

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.detach()

    def _unbind(self) -> None:
        if self._reach is None:
            return
        if self._bound is None:
            self._reach.everywhere -= 1
            return
        self._reach.limited -= 1
        try:
            self._reach.bound.reset(self._bound)
        except ValueError:  # it was bound in another context, which has gone its own way
            self._reach.bound.set(False)


def _without(handlers: Sequence[_H], removed: _H) -> list[_H]:
    """Return handlers without one occurrence of one; they compare equal by value."""
    kept = list(handlers)
    for index in reversed(range(len(kept))):
        if kept[index] is removed:
            del kept[index]
            break
    return kept
