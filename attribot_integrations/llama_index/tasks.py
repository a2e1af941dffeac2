"""`Task`: one attribution that is begun, and the responses that show it."""

from __future__ import annotations

import copy
import logging
import threading
import weakref
from collections import deque
from concurrent.futures import Future
from typing import Any, Final, TypeGuard
from uuid import uuid4

from attribot_integrations.llama_index.records import PAYLOAD_VERSION, AttributionRecord
from attribot_integrations.llama_index.scopes import Scope

__all__ = ["Task", "TaskBook", "is_payload"]

_logger = logging.getLogger(__name__)

_RECENT: Final = 256
"""Tasks that are found after their response is gone, as when a stream became a plain response."""

_PENDING: Final = {"reason": None, "prompt": None, "method": None, "seconds": None}


def is_payload(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a value in a response's metadata is an attribution's payload."""
    return isinstance(value, dict) and {"version", "id", "status", "citations"} <= value.keys()


class Task:
    """An attribution, from the moment its answer is known to be on the way.

    Args:
        scope: What the answer is made in.
        metadata_key: Where responses show the payload; `None` to show nothing.
    """

    def __init__(self, scope: Scope, metadata_key: str | None) -> None:
        self.id = uuid4().hex
        self.scope = scope
        self.future: Future[AttributionRecord] = Future()
        self.streamed = False
        """Whether the answer still has to be read from a stream."""
        self._metadata_key = metadata_key
        self._mutex = threading.RLock()
        self._shown_in: list[dict[str, Any]] = []
        self._payload: dict[str, Any] = {
            "version": PAYLOAD_VERSION,
            "id": self.id,
            "status": "pending",
            **_PENDING,
            "answer": None,
            "citations": [],
        }

    def show(self, response: Any) -> None:
        """Put the payload, now and when it changes, into a response's metadata."""
        key = self._metadata_key
        if key is None:
            return
        with self._mutex:
            metadata = getattr(response, "metadata", None)
            if metadata is None:
                metadata = response.metadata = {}
            current = metadata.get(key)
            if current is not None and (not is_payload(current) or current["id"] != self.id):
                if not is_payload(current):
                    _logger.warning("metadata[%r] is taken and left as it is", key)
                return
            metadata[key] = copy.deepcopy(self._payload)
            if not any(one is metadata for one in self._shown_in):
                self._shown_in.append(metadata)

    def finish(self, record: AttributionRecord) -> None:
        """Put the outcome where the payload is shown, then hand it to those who wait."""
        with self._mutex:
            self._payload = record.to_payload()
            for metadata in self._shown_in:
                # Replaced and not changed: another thread may be writing it out.
                if self._metadata_key is not None:
                    metadata[self._metadata_key] = copy.deepcopy(self._payload)
            self._shown_in = [] if self._metadata_key is None else self._shown_in
        self.future.set_result(record)


class TaskBook:
    """Finds the task of a response while that lives, and of its copies while it is recent."""

    def __init__(self) -> None:
        self._recent: deque[Task] = deque(maxlen=_RECENT)
        self._by_identity: dict[int, tuple[weakref.ref[Any], Task]] = {}
        self._by_id: weakref.WeakValueDictionary[str, Task] = weakref.WeakValueDictionary()

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

        table[key] = (weakref.ref(response, forget), task)
        if task.id not in self._by_id:
            self._by_id[task.id] = task
            self._recent.append(task)

    def of(self, response: object) -> Task | None:
        """Return the task of this very response."""
        entry = self._by_identity.get(id(response))
        return entry[1] if entry is not None and entry[0]() is response else None

    def with_id(self, id_: object) -> Task | None:
        """Return the task whose id stands in a payload."""
        return self._by_id.get(id_) if isinstance(id_, str) else None
