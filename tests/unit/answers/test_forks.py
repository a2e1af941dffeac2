"""A forked child has its own of what it could not use of its parent's."""

import os
import threading
from collections.abc import Callable

import pytest

from attribot_integrations.answers.forks import PerProcess

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def in_child(work: Callable[[], bool]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_one_value_to_a_process() -> None:
    made: list[int] = []

    def make() -> object:
        made.append(os.getpid())
        return object()

    value = PerProcess(make)
    first = value.get()
    assert value.get() is first
    assert in_child(lambda: value.get() is not first and value.get() is value.get())
    assert value.get() is first
    assert made == [os.getpid()]


def test_a_lock_that_was_held_is_free_in_the_child() -> None:
    lock = PerProcess(threading.Lock)
    with lock.get():
        assert in_child(lambda: lock.get().acquire(timeout=1))
        assert lock.get().locked()


def test_threads_of_a_child_agree() -> None:
    value = PerProcess(object)

    def agree() -> bool:
        found: list[object] = []
        threads = [threading.Thread(target=lambda: found.append(value.get())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(found) == 8 and len(set(map(id, found))) == 1

    assert in_child(agree)
