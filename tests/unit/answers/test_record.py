"""A record attributes once, whoever reads it and however long it takes."""

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from attribot_integrations.answers import AnswerRecord, Outcome
from attribot_integrations.answers.record import await_for, wait_for
from attribot_integrations.auditing import GivenCitation
from attribot_integrations.errors import InputError
from tests.integrations.engines import StubEngine
from tests.unit.answers.answering import captured
from tests.unit.auditing.hand_made import HandMadeEngine


class Gated(StubEngine):
    """Attributes only when it is let to."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def attribute_request(self, request: Any) -> Any:
        assert self.open.wait(10)
        return super().attribute_request(request)


def test_what_was_captured_is_shown() -> None:
    record = AnswerRecord(captured(generator="far/away"), StubEngine())
    assert (record.id, record.question, record.answer) == ("one", "Who is old?", "Ada is.")
    assert (record.generator, len(record.chunks), record.done) == ("far/away", 2, False)
    assert "pending" in repr(record)
    assert (record.status, record.reason, record.error, record.scored_by) == (
        "ok",
        None,
        None,
        None,
    )
    assert record.done
    assert repr(record) == (
        "AnswerRecord(question='Who is old?', chunks=2, answer='Ada is.', status='ok', citations=1)"
    )


def test_many_threads_read_one_attribution() -> None:
    engine = Gated()
    record = AnswerRecord(captured(), engine)
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(lambda: record.attribution) for _ in range(8)]
        engine.open.set()
        assert len({id(one.result(10)) for one in found}) == 1
    assert len(engine.requests) == 1


async def test_tasks_read_without_holding_up_the_loop() -> None:
    engine = Gated()
    record = AnswerRecord(captured(), engine)
    reading = asyncio.gather(*(record.acitations() for _ in range(5)))
    await asyncio.sleep(0.01)
    assert not record.done
    engine.open.set()
    assert await reading == [record.citations] * 5
    assert len(engine.requests) == 1


def test_a_limited_wait_leaves_the_work_to_one_thread() -> None:
    engine = Gated()
    record = AnswerRecord(captured(), engine)
    assert [record.wait(0.01) for _ in range(5)] == [False] * 5
    engine.open.set()
    assert record.wait(10)
    assert engine.threads[0].startswith("attribution")
    assert len(engine.threads) == 1
    assert record.wait()


def test_waiting_without_limit_does_the_work() -> None:
    engine = StubEngine()
    assert AnswerRecord(captured(), engine).wait()
    assert engine.threads == [threading.current_thread().name]


def test_a_failure_that_is_raised_does_not_grow() -> None:
    record = AnswerRecord(captured(), StubEngine(InputError("broken")), raise_error=True)
    lengths = []
    for _ in range(3):
        with pytest.raises(InputError, match="broken") as raised:
            _ = record.citations
        lengths.append(len(raised.traceback))
    assert len(set(lengths)) == 1
    assert record.error is raised.value
    assert "reason='InputError: broken'" in repr(record)


def test_an_interrupt_lets_the_next_reader_try_again() -> None:
    class Interrupted(StubEngine):
        interrupt = True

        def attribute_request(self, request: Any) -> Any:
            if self.interrupt:
                raise KeyboardInterrupt
            return super().attribute_request(request)

    engine = Interrupted()
    record = AnswerRecord(captured(), engine)
    with pytest.raises(KeyboardInterrupt):
        record.attribute()
    assert not record.done
    engine.interrupt = False
    assert record.status == "ok"
    record.give_up("too late")
    assert record.status == "ok"


def test_given_up() -> None:
    record = AnswerRecord(captured(), StubEngine())
    record.give_up("interrupted")
    assert (record.status, record.reason, record.attribution) == ("error", "interrupted", None)


def test_listeners_come_before_readers(caplog: pytest.LogCaptureFixture) -> None:
    record = AnswerRecord(captured(), StubEngine())
    seen: list[tuple[Outcome, bool]] = []
    record.when_done(lambda outcome: 1 / 0)
    record.when_done(lambda outcome: seen.append((outcome, record.done)))
    outcome = record.attribute()
    record.when_done(lambda outcome: seen.append((outcome, record.done)))
    assert seen == [(outcome, False), (outcome, True)]
    assert "the outcome of answer one could not be shown" in caplog.text


def test_waiting_for_a_record_that_is_not_there_yet() -> None:
    engine = Gated()
    record = AnswerRecord(captured(), engine)
    coming: Future[AnswerRecord] = Future()
    with pytest.raises(TimeoutError, match=r"took longer than 0\.01 seconds"):
        wait_for(coming, 0.01)
    with pytest.raises(TimeoutError, match=r"took longer than 0\.01 seconds"):
        asyncio.run(await_for(coming, 0.01))
    assert not coming.cancelled(), "others may wait for it"
    coming.set_result(record)
    with pytest.raises(TimeoutError, match=r"took longer than 0\.01 seconds"):
        wait_for(coming, 0.01)
    with pytest.raises(TimeoutError, match="took longer than 0 seconds"):
        wait_for(coming, 0)
    with pytest.raises(TimeoutError, match=r"took longer than 0\.01 seconds"):
        asyncio.run(await_for(coming, 0.01))
    engine.open.set()
    assert wait_for(coming) is asyncio.run(await_for(coming)) is wait_for(coming, 10) is record
    assert record.done


def test_marks_of_the_answer_are_audited() -> None:
    prompt = "[2] Ada is old.\n\n[1] Bea is young.\n\nWho is old?"
    record = AnswerRecord(
        captured(answer="Ada is [2].", prompt=prompt), HandMadeEngine({(0, 0): 5})
    )
    found = record.audit()
    assert found is not None
    assert [(each.given.chunk_index, each.verdict) for each in found.citations] == [(0, "depends")]
    other = record.audit(numbers={"2": 1})
    assert other is not None
    assert [each.verdict for each in other.citations] == ["neither"]
    beside = record.audit([GivenCitation(0, 6, 1, "b")])
    assert beside is not None
    assert beside.citations[0].instead == 0


def test_what_is_not_attributed_is_not_audited() -> None:
    record = AnswerRecord(captured(answer=" "), StubEngine())
    assert record.audit() is None
