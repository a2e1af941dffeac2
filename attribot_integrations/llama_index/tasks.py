"""`Task`: one answer that is on the way, and the responses that show what becomes of it."""

from __future__ import annotations

import copy
import logging
import threading
import weakref
from concurrent.futures import Future
from typing import Any, Final
from uuid import uuid4

from attribot_integrations.answers.forks import PerProcess
from attribot_integrations.answers.live import LiveAnswer
from attribot_integrations.answers.recent import Recent
from attribot_integrations.llama_index.records import (
    AttributionRecord,
    is_payload,
    pending_payload,
)
from attribot_integrations.llama_index.scopes import Scope
from attribot_integrations.llama_index.shown import payload_under, payloads_of

__all__ = ["Task", "TaskBook", "known_task"]

_logger = logging.getLogger(__name__)

_RECENT: Final = 256
"""Tasks that are found after their response is gone, as when a stream became a plain response."""


class Task:
    """An attribution, from the moment its answer is known to be on the way.

    Args:
        scope: What the answer is made in.
        engine: What will attribute it.
    """

    def __init__(self, scope: Scope, engine: object = None) -> None:
        self.id = uuid4().hex
        self.scope = scope
        self.engine = engine
        self.run = scope.run
        self.record: Future[AttributionRecord] = Future()
        """The answer's record, once the answer is complete."""
        self.streamed = False
        """Whether the answer still has to be read from a stream."""
        self.live: LiveAnswer | None = None
        """What attributes it while it is."""
        self._mutex = PerProcess(threading.RLock)
        self._shown_in: list[tuple[dict[str, Any], str]] = []
        self._payload = pending_payload(self.id)

    @property
    def answer(self) -> str | None:
        """The answer, `None` while it is not complete."""
        return self.record.result().answer if self.record.done() else None

    @property
    def payload(self) -> dict[str, Any]:
        """A copy of the payload as it is now."""
        with self._mutex.get():
            return copy.deepcopy(self._payload)

    def show(self, response: Any, key: str | None) -> None:
        """Put the payload, now and when it changes, into a response's metadata.

        Args:
            response: The response; one that has no metadata shows nothing.
            key: Where it stands there; `None` to show nothing.
        """
        if key is None:
            return
        with self._mutex.get():
            payloads = payloads_of(response)
            if payloads is None:
                return
            current = payload_under(response, key)
            if current is not None and (not is_payload(current) or current["id"] != self.id):
                if not is_payload(current):
                    _logger.warning("metadata[%r] is taken and left as it is", key)
                return
            payloads[key] = copy.deepcopy(self._payload)
            if not any(one is payloads and name == key for one, name in self._shown_in):
                self._shown_in.append((payloads, key))

    def update(self, payload: dict[str, Any]) -> None:
        """Put the outcome where the payload is shown."""
        with self._mutex.get():
            self._payload = payload
            for payloads, key in self._shown_in:
                # Replaced and not changed: another thread may be writing it out.
                payloads[key] = copy.deepcopy(payload)
            self._shown_in = []


class TaskBook:
    """Finds the task of a response while that lives, and of its copies while it is recent."""

    def __init__(self) -> None:
        self._recent: Recent[str, Task] = Recent(_RECENT)
        self._kept: Recent[int, tuple[object, Task]] = Recent(_RECENT)
        """Tasks of texts and the like, to which there are no weak references."""
        self._runs: Recent[str, Task] = Recent(_RECENT)
        self._by_identity: dict[int, tuple[weakref.ref[Any], Task]] = {}

    def __len__(self) -> int:
        return len(self._by_identity)

    def add(self, response: object, task: Task) -> None:
        """Remember that a response shows a task; the response may be of any unhashable type."""
        key = id(response)
        table = self._by_identity

        def forget(reference: weakref.ref[Any]) -> None:
            entry = table.get(key)
            if entry is not None and entry[0] is reference:
                table.pop(key, None)

        try:
            table[key] = (weakref.ref(response, forget), task)
        except TypeError:
            self._kept.add(key, (response, task))
        if self is not _everywhere:
            _everywhere.add(response, task)
        if task.run is not None:
            self._runs.add(task.run, task)
        if self._recent.get(task.id) is None:
            self._recent.add(task.id, task)

    def of(self, response: object) -> Task | None:
        """Return the task of this very response."""
        entry = self._by_identity.get(id(response))
        if entry is not None and entry[0]() is response:
            return entry[1]
        kept = self._kept.get(id(response))
        return kept[1] if kept is not None and kept[0] is response else None

    def of_run(self, run: str) -> Task | None:
        """Return the task of a workflow's run: several may hand back the very same text."""
        return self._runs.get(run)

    def with_id(self, id_: str) -> Task | None:
        """Return the task whose id stands in a payload."""
        return self._recent.get(id_)


_everywhere: Final = TaskBook()
"""What all handlers have begun, so that each answer is attributed once."""


def known_task(response: object, id_: str | None = None, run: str | None = None) -> Task | None:
    """Return the task of a response, whichever handler began it.

    Args:
        response: The response.
        id_: The id in the payload that it shows, by which a copy is known.
        run: The run that handed it back, if it is a workflow's.
    """
    task = _everywhere.of(response) if run is None else _everywhere.of_run(run)
    return task or (None if id_ is None else _everywhere.with_id(id_))
