"""A desk keeps records, and has each attributed in its mode."""

from typing import Any

import pytest

from attribot_integrations.answers import AnswerDesk, AnswerRecord
from attribot_integrations.answers.desk import ShowsRecords, complete
from attribot_integrations.errors import ConfigurationError, InputError
from tests.integrations.engines import StubEngine
from tests.unit.answers.answering import captured


class Handler(ShowsRecords[AnswerRecord]):
    def __init__(self, **options: Any) -> None:
        self.engine = StubEngine()
        self._desk = AnswerDesk(self.engine, **options)

    def answer(self, id: str, *, apart: bool = False) -> AnswerRecord:
        record = AnswerRecord(captured(id=id), self.engine)
        self._desk.take(record, apart=apart)
        return record


def test_records_are_kept_and_found() -> None:
    handler = Handler(mode="lazy", max_records=2)
    records = [handler.answer(id) for id in "abc"]
    assert handler.records == tuple(records[1:])
    assert handler.last is records[2]
    assert [handler.get(id) for id in "abc"] == [None, *records[1:]]
    assert handler.engine.requests == []
    assert handler.attribution is records[2].attribution
    assert (handler.status, handler.reason) == ("ok", None)
    assert [request.id for request in handler.engine.requests] == ["c"]
    handler.clear()
    assert len(handler.records) == len(handler.citations) == 0
    assert handler.last is None
    assert handler.attribution is None
    assert handler.status == "skipped"
    assert str(handler.reason).startswith("no answer has been seen: no run has ended yet")


async def test_awaitable_forms() -> None:
    handler = Handler(mode="background")
    assert await handler.aattribution() is None
    assert await handler.acitations() == ()
    record = handler.answer("a")
    await handler.await_done()
    assert record.done
    assert await handler.aattribution() is record.attribution
    assert await handler.acitations() == record.citations


@pytest.mark.parametrize(
    ("mode", "apart", "done", "own_thread"),
    [
        ("lazy", False, False, True),
        ("background", False, True, False),
        ("sync", False, True, True),
        ("sync", True, True, False),
    ],
)
def test_modes(mode: str, apart: bool, done: bool, own_thread: bool) -> None:
    handler = Handler(mode=mode)
    record = handler.answer("a", apart=apart)
    assert handler.wait(10)
    assert record.done == done
    assert record.status == "ok"
    assert handler.engine.threads[0].startswith("attribution") != own_thread


def test_sync_is_done_at_once_and_tells() -> None:
    seen: list[AnswerRecord] = []
    handler = Handler(mode="sync", on_citations=seen.append)
    record = handler.answer("a")
    assert seen == [record]
    assert record.done


def test_what_goes_wrong_is_raised_only_if_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    def fail(record: AnswerRecord) -> None:
        raise RuntimeError("no printer")

    failing = AnswerRecord(captured(), StubEngine(InputError("broken")))
    seen: list[AnswerRecord] = []
    complete(failing, seen.append)
    assert seen == [failing]
    with pytest.raises(InputError, match="broken"):
        complete(failing, seen.append, raise_error=True)
    assert len(seen) == 2, "it is handed on first"
    record = AnswerRecord(captured(), StubEngine())
    complete(record, fail)
    assert "on_citations failed for answer one: no printer" in caplog.text
    with pytest.raises(RuntimeError, match="no printer"):
        complete(record, fail, raise_error=True)


def test_an_interrupt_is_noted_and_raised() -> None:
    class Interrupted(StubEngine):
        def attribute_request(self, request: Any) -> Any:
            raise KeyboardInterrupt

    record = AnswerRecord(captured(), Interrupted())
    with pytest.raises(KeyboardInterrupt):
        complete(record, None)
    assert (record.status, record.reason) == ("error", "interrupted by KeyboardInterrupt")


def test_options_are_checked() -> None:
    with pytest.raises(
        ConfigurationError, match='mode must be one of "lazy", "background", "sync"'
    ):
        Handler(mode="eager")
    with pytest.raises(ConfigurationError, match='"sync" only, got mode="lazy"'):
        Handler(mode="lazy", on_citations=print)
