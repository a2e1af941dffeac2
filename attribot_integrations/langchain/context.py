"""`get_citations_callback`: citations for all chains that run inside a `with` block."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook
from typing_extensions import Unpack

from attribot_integrations.answers.forks import PerProcess
from attribot_integrations.langchain.callbacks import CitationCallbackHandler, HandlerOptions

if TYPE_CHECKING:
    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["attached", "get_citations_callback"]

_Slot = ContextVar[BaseCallbackHandler | None]

# LangChain never forgets a variable it is told to look at, and finds one handler in each. So blocks
# share variables, and there are as many as blocks were ever nested.
_slots: list[_Slot] = []
_lock = PerProcess(threading.Lock)


@contextmanager
def get_citations_callback(
    engine: RequestAttributor, **options: Unpack[HandlerOptions]
) -> Iterator[CitationCallbackHandler]:
    """Watch every chain that is called inside the block, without passing a callback.

    Tasks that are started inside are watched too, as are threads that LangChain starts; a plain
    `threading.Thread` is not. Blocks may be nested, and each one's handler sees what runs in it.

    Args:
        engine: Attributes the answers.
        **options: Those of `CitationCallbackHandler`.

    Yields:
        The handler, whose records stay readable behind the block.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """
    handler = CitationCallbackHandler(engine, **options)
    with attached(handler):
        yield handler


@contextmanager
def attached(handler: BaseCallbackHandler) -> Iterator[None]:
    """Attach a handler to everything that LangChain runs inside the block."""
    slot = _free_slot()
    token = slot.set(handler)
    try:
        yield
    finally:
        slot.reset(token)


def _free_slot() -> _Slot:
    """Return a variable that holds no handler in the current context."""
    with _lock.get():
        for slot in _slots:
            if slot.get() is None:
                return slot
        slot = ContextVar(f"attribot_citations_{len(_slots)}", default=None)
        register_configure_hook(slot, inheritable=True)
        _slots.append(slot)
        return slot
