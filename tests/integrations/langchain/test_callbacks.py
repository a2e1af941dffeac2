"""When records are attributed, and what becomes of errors."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import (
    ChunkNotFoundError,
    ConfigurationError,
    EmptyContextError,
    PromptError,
)
from attribot_integrations.langchain import CitationCallbackHandler, CitationRecord
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.calls import CALLS, Call, call_abatch, call_ainvoke, call_astream
from tests.integrations.langchain.fakes import last, open_runs, rag, using


def test_lazy_attribution_runs_once_when_it_is_read() -> None:
    engine = StubEngine()
    handler = CitationCallbackHandler(engine)
    rag().invoke("Ada", using(handler))
    record = last(handler)
    assert not record.done
    assert "pending" in repr(record)
    assert engine.requests == []
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: id(record.attribution), range(8)))
    assert len(found) == len(engine.requests) == 1
    assert record.done
    assert "citations=1" in repr(record)
    assert handler.wait(0)


async def test_async_reading_leaves_the_event_loop_free() -> None:
    engine = StubEngine()
    handler = CitationCallbackHandler(engine)
    await rag().ainvoke("Ada", using(handler))
    assert await last(handler).aattribution() is not None
    assert engine.threads != [threading.current_thread().name]


@pytest.mark.parametrize("error", [ChunkNotFoundError("no place"), PromptError("refused")])
def test_template_takes_over_from_an_unusable_prompt(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    engine = StubEngine(error)
    handler = CitationCallbackHandler(engine)
    rag().invoke("Ada", using(handler))
    assert last(handler).prompt_used == "template"
    assert last(handler).attribution is not None
    assert last(handler).error is None
    assert [request.prompt is None for request in engine.requests] == [False, True]
    assert f"the captured prompt cannot be scored ({error}), a template took" in caplog.text


@pytest.mark.parametrize("mode", ["lazy", "background"])
def test_failed_attribution_does_not_break_the_chain(
    mode: Any, caplog: pytest.LogCaptureFixture
) -> None:
    error = EmptyContextError("broken")
    handler = CitationCallbackHandler(StubEngine(error), mode=mode)
    assert rag().invoke("Ada", using(handler)) == "About Question: Ada"
    assert handler.wait(10)
    assert last(handler).error is error
    assert last(handler).attribution is None
    assert handler.citations == ()
    assert f"attribution of answer {last(handler).run_id} failed: broken" in caplog.text
    assert "reason='EmptyContextError: broken'" in repr(handler)


def test_failing_template_is_an_error_too() -> None:
    error = ChunkNotFoundError("no place")
    handler = CitationCallbackHandler(StubEngine(error, always=True))
    rag().invoke("Ada", using(handler))
    assert last(handler).error is error
    assert last(handler).prompt_used == "template"


def test_lazy_raise_error_raises_where_it_is_read() -> None:
    error = EmptyContextError("broken")
    handler = CitationCallbackHandler(StubEngine(error), raise_error=True)
    assert rag().invoke("Ada", using(handler)) == "About Question: Ada"
    assert last(handler).error is error
    for read in (lambda: handler.citations, lambda: last(handler).attribution):
        with pytest.raises(EmptyContextError, match="broken"):
            read()


@pytest.mark.parametrize("call", CALLS)
def test_sync_raise_error_raises_from_the_chain(call: Call) -> None:
    engine = StubEngine(EmptyContextError("broken"))
    handler = CitationCallbackHandler(engine, mode="sync", raise_error=True)
    with pytest.raises(EmptyContextError, match="broken"):
        call(rag(), "Ada", using(handler))
    if call in (call_ainvoke, call_abatch, call_astream):
        assert engine.threads != [threading.main_thread().name], "not on the event loop"
    assert len(handler.records) == 1
    assert open_runs(handler) == (0, 0)


def test_background_mode_hands_records_on_from_its_worker() -> None:
    seen: list[tuple[str, bool, str]] = []

    def note(record: CitationRecord) -> None:
        name = threading.current_thread().name
        seen.append((record.question, record.attribution is not None, name))

    engine = StubEngine()
    handler = CitationCallbackHandler(engine, mode="background", on_citations=note)
    for query in ("Ada", "Bea", "Cleo"):
        rag().invoke(query, using(handler))
    assert handler.wait(10)
    assert [(query, done) for query, done, _ in seen] == [
        ("Ada", True),
        ("Bea", True),
        ("Cleo", True),
    ]
    assert {name for *_, name in seen} == set(engine.threads)
    assert all(name.startswith("attribution") for name in engine.threads)


def test_wait_gives_up_after_its_time() -> None:
    going_on = threading.Event()
    handler = CitationCallbackHandler(
        StubEngine(), mode="background", on_citations=lambda record: going_on.wait(10)
    )
    rag().invoke("Ada", using(handler))
    assert not handler.wait(0.01)
    going_on.set()
    assert handler.wait(10)


def test_failing_on_citations_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(record: CitationRecord) -> None:
        raise RuntimeError("no printer")

    handler = CitationCallbackHandler(StubEngine(), mode="background", on_citations=fail)
    rag().invoke("Ada", using(handler))
    assert handler.wait(10)
    assert "on_citations failed" in caplog.text
    strict = CitationCallbackHandler(StubEngine(), mode="sync", on_citations=fail, raise_error=True)
    with pytest.raises(RuntimeError, match="no printer"):
        rag().invoke("Ada", using(strict))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "later"}, 'mode must be one of "lazy", "background", "sync", got \'later\''),
        (
            {"on_citations": print},
            'on_citations is called in the modes "background" and "sync" only',
        ),
        ({"max_records": 0}, "max_records must be at least 1, got 0"),
        ({"max_open_runs": 0}, "max_open_runs must be at least 1, got 0"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CitationCallbackHandler(StubEngine(), **options)


def test_repr_says_what_is_there() -> None:
    handler = CitationCallbackHandler(StubEngine())
    assert repr(handler) == (
        "CitationCallbackHandler(mode='lazy', records=0, open_runs=0, last=None)"
    )
    rag().invoke("Ada", using(handler))
    assert "records=1" in repr(handler)
    assert "question='Ada', chunks=2, answer='About Question: Ada', pending" in repr(handler)


@pytest.fixture(scope="module")
def demo_engine() -> AttributionEngine:
    return AttributionEngine.demo()


def test_record_of_a_real_engine(demo_engine: AttributionEngine) -> None:
    handler = CitationCallbackHandler(demo_engine)
    rag().invoke("Ada", using(handler))
    attribution = last(handler).attribution
    assert attribution is not None
    assert attribution.answer == "About Question: Ada"
    assert all(location.located for location in attribution.locations)
    assert attribution.scores.shape[0] == 2
    assert UUID(attribution.id) == last(handler).run_id
