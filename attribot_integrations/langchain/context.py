"""`get_citations_callback`: citations for all chains that run inside a `with` block."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook

from attribot_integrations.langchain.callbacks import CitationCallbackHandler, Mode
from attribot_integrations.langchain.records import CitationRecord, RequestAttributor

__all__ = ["attached", "get_citations_callback"]

_Slot = ContextVar[BaseCallbackHandler | None]

# LangChain never forgets a variable it is told to look at, and finds one handler in each. So blocks
# share variables, and there are as many as blocks were ever nested.
_slots: list[_Slot] = []
_lock = threading.Lock()


@contextmanager
def get_citations_callback(
    engine: RequestAttributor,
    *,
    on_citations: Callable[[CitationRecord], object] | None = None,
    mode: Mode = "lazy",
    question_key: str | None = None,
    answer_key: str | None = None,
    max_records: int = 256,
    raise_error: bool = False,
) -> Iterator[CitationCallbackHandler]:
    """Watch every chain that is called inside the block, without passing a callback.

    Tasks that are started inside are watched too, as are threads that LangChain starts; a plain
    `threading.Thread` is not. Blocks may be nested, and each one's handler sees what runs in it.

    Args:
        engine: Attributes the answers.
        on_citations: Called with each finished record; needs `mode="eager"`.
        mode: "lazy" or "eager", see `CitationCallbackHandler`.
        question_key: Key or attribute of a chain's input that holds the question.
        answer_key: Key or attribute of a chain's output that holds the answer.
        max_records: Most finished records that are kept.
        raise_error: Whether a failed attribution is raised, see `CitationCallbackHandler`.

    Yields:
        The handler, whose records stay readable behind the block.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """
    handler = CitationCallbackHandler(
        engine,
        on_citations=on_citations,
        mode=mode,
        question_key=question_key,
        answer_key=answer_key,
        max_records=max_records,
        raise_error=raise_error,
    )
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
    with _lock:
        for slot in _slots:
            if slot.get() is None:
                return slot
        slot = ContextVar(f"attribot_citations_{len(_slots)}", default=None)
        register_configure_hook(slot, inheritable=True)
        _slots.append(slot)
        return slot
