"""A bounded queue; requests that share their chunks are run one behind the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from attribot_integrations.errors import EmptyAnswerError
from attribot_integrations.service.micro_batches import (
    BusyError,
    Job,
    MicroBatches,
    StoppingError,
)


class Engine:
    """Counts how often a context is shared."""

    shared = 0

    def sharing_context(self) -> Any:
        self.shared += 1
        return "shared"


class Gate:
    """Work that goes on when it is let."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.done: list[tuple[str, Any]] = []

    def work(self, name: str, wait: bool = False) -> Any:
        def run(attributor: Any, unwanted: threading.Event) -> str:
            if wait:
                assert self.open.wait(10)
            self.done.append((name, attributor))
            return name

        return run


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def sizes() -> list[int]:
    return []


@pytest.fixture
def batches(engine: Engine, sizes: list[int]) -> Iterator[MicroBatches]:
    made = MicroBatches(
        engine,  # type: ignore[arg-type]
        max_waiting=3,
        max_batch=2,
        max_wait=60,
        observe=sizes.append,
    )
    yield made
    made.close()


def held(batches: MicroBatches, gate: Gate) -> Job:
    """Keep the thread busy."""
    job = batches.submit("first", gate.work("first", wait=True))
    job.started.result(10)
    return job


def test_requests_with_the_same_context_are_run_together(
    batches: MicroBatches, engine: Engine, sizes: list[int]
) -> None:
    gate = Gate()
    held(batches, gate)
    jobs = [batches.submit(key, gate.work(key + str(n))) for n, key in enumerate("aba")]
    gate.open.set()
    assert [job.result.result(10) for job in jobs] == ["a0", "b1", "a2"]
    assert gate.done == [("first", engine), ("a0", "shared"), ("a2", "shared"), ("b1", engine)]
    assert sizes == [1, 2, 1]
    assert engine.shared == 1


def test_a_batch_is_bounded(batches: MicroBatches, sizes: list[int]) -> None:
    gate = Gate()
    held(batches, gate)
    jobs = [batches.submit("a", gate.work(str(n))) for n in range(3)]
    gate.open.set()
    assert [job.result.result(10) for job in jobs] == ["0", "1", "2"]
    assert sizes == [1, 2, 1]


def test_a_full_queue_says_how_long_to_wait(batches: MicroBatches) -> None:
    gate = Gate()
    held(batches, gate)
    for _ in range(3):
        batches.submit("a", gate.work("a"))
    assert batches.waiting == 3
    with pytest.raises(BusyError, match="3 requests wait already") as caught:
        batches.submit("a", gate.work("a"))
    assert 1 <= caught.value.seconds <= 30
    gate.open.set()


def test_what_waited_too_long_is_given_up(engine: Engine) -> None:
    batches = MicroBatches(engine, max_waiting=3, max_batch=2, max_wait=0.05)  # type: ignore[arg-type]
    gate = Gate()
    held(batches, gate)
    late = batches.submit("a", gate.work("late"))
    time.sleep(0.1)
    gate.open.set()
    with pytest.raises(BusyError, match=r"was not begun within 0\.05 s"):
        late.result.result(10)
    batches.close()
    assert gate.done == [("first", engine)]


def test_what_is_not_wanted_any_more_is_not_run(batches: MicroBatches) -> None:
    gate = Gate()
    first = held(batches, gate)
    job = batches.submit("a", gate.work("a"))
    job.unwanted.set()
    gate.open.set()
    first.result.result(10)
    assert batches.submit("b", gate.work("b")).result.result(10) == "b"
    assert [name for name, _ in gate.done] == ["first", "b"]
    assert not job.result.done()


def test_a_failure_is_its_own_requests_alone(
    batches: MicroBatches, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(attributor: Any, unwanted: Any) -> None:
        raise EmptyAnswerError("blank")

    def breaks(attributor: Any, unwanted: Any) -> None:
        raise RuntimeError("unforeseen")

    with pytest.raises(EmptyAnswerError, match="blank"):
        batches.submit("a", fails).result.result(10)
    assert caplog.records == []
    with pytest.raises(RuntimeError, match="unforeseen"):
        batches.submit("a", breaks).result.result(10)
    assert [record.message for record in caplog.records] == ["a request failed"]
    assert batches.submit("a", Gate().work("fine")).result.result(10) == "fine"


def test_what_was_accepted_is_finished(engine: Engine) -> None:
    batches = MicroBatches(engine, max_waiting=3, max_batch=2, max_wait=60)  # type: ignore[arg-type]
    gate = Gate()
    held(batches, gate)
    jobs = [batches.submit(key, gate.work(key)) for key in "ab"]
    batches.stop()
    with pytest.raises(StoppingError, match="being stopped"):
        batches.submit("c", gate.work("c"))
    assert not batches.ready
    gate.open.set()
    batches.close()
    assert [job.result.result(0) for job in jobs] == ["a", "b"]
