"""Work apart from those who hand it in: in order, bounded, going on after errors and forks."""

import contextvars
import os
import threading
from functools import partial

import pytest

from attribot_integrations.answers.background import SerialQueue, run_apart, start_apart
from tests.unit.answers.test_forks import in_child


def test_functions_run_one_after_another() -> None:
    queue = SerialQueue(100)
    running: list[int] = []
    done: list[int] = []

    def work(number: int) -> None:
        running.append(number)
        assert running == [number]
        done.append(number)
        running.remove(number)

    for number in range(50):
        assert queue.submit(partial(work, number))
    assert queue.wait(10)
    assert done == list(range(50))


def test_it_is_bounded() -> None:
    queue = SerialQueue(2)
    going_on = threading.Event()
    taken = [queue.submit(lambda: going_on.wait(10)) for _ in range(4)]
    assert taken == [True, True, False, False]
    assert not queue.wait(0.01)
    going_on.set()
    assert queue.wait(10)
    assert queue.submit(lambda: None)
    assert queue.wait(10)


@pytest.mark.parametrize("error", [ZeroDivisionError("zero"), SystemExit(1)])
def test_it_goes_on_after_an_error(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise error

    queue = SerialQueue(8)
    done: list[int] = []
    queue.submit(fail)
    queue.submit(lambda: done.append(1))
    assert queue.wait(10)
    assert done == [1]
    assert type(error).__name__ in caplog.text


def test_few_threads_serve_all() -> None:
    names: list[str] = []
    queues = [SerialQueue(8) for _ in range(20)]
    for queue in queues:
        queue.submit(lambda: names.append(threading.current_thread().name))
    assert all(queue.wait(10) for queue in queues)
    assert len(names) == 20
    assert len(set(names)) <= 2
    assert all(name.startswith("attribution") for name in names)


async def test_run_apart_keeps_the_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("here")
    found = await run_apart(lambda: (variable.get(), threading.current_thread().name))
    assert found[0] == "here"
    assert found[1] != threading.current_thread().name
    with pytest.raises(ZeroDivisionError):
        await run_apart(lambda: 1 // 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_has_threads_and_a_queue_of_its_own() -> None:
    queue = SerialQueue(2)
    going_on = threading.Event()
    done: list[int] = []
    queue.submit(lambda: going_on.wait(10))
    queue.submit(lambda: done.append(1))

    def work() -> bool:
        started = threading.Event()
        start_apart(started.set)
        taken = queue.wait(1) and queue.submit(lambda: done.append(2))
        return taken and queue.wait(5) and done == [2] and started.wait(5)

    assert in_child(work)
    going_on.set()
    assert queue.wait(10)
    assert done == [1]
