"""Every way to call a chain gives one record of what belongs together, also many at once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from langchain_core.runnables.config import RunnableConfig

from attribot_integrations.langchain import CitationCallbackHandler
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.calls import CALLS, Call
from tests.integrations.langchain.fakes import check_record, last, open_runs, rag, using


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("twice", [False, True])
def test_record_holds_what_belongs_together(call: Call, twice: bool) -> None:
    engine = StubEngine()
    handler = CitationCallbackHandler(engine)
    options = RunnableConfig(callbacks=[handler, handler] if twice else [handler])
    answer = call(rag().with_config(callbacks=[handler] if twice else []), "Ada", options)
    assert len(handler.records) == 1
    assert last(handler).answer == answer
    check_record(last(handler), "Ada")
    assert handler.citations[0].chunk_id == "facts-Ada-0"
    assert handler.attribution is last(handler).attribution
    assert len(engine.requests) == 1
    assert open_runs(handler) == (0, 0)


def check_many(handler: CitationCallbackHandler, queries: list[str]) -> None:
    assert sorted(record.question for record in handler.records) == sorted(queries)
    for record in handler.records:
        check_record(record, record.question)
    assert open_runs(handler) == (0, 0)


def test_batch_has_no_crosstalk() -> None:
    handler = CitationCallbackHandler(StubEngine())
    queries = [f"Name{number}" for number in range(50)]
    rag().batch(queries, using(handler) | {"max_concurrency": 8})
    check_many(handler, queries)


async def test_abatch_has_no_crosstalk() -> None:
    handler = CitationCallbackHandler(StubEngine(), mode="background")
    queries = [f"Name{number}" for number in range(50)]
    await rag().abatch(queries, using(handler))
    assert handler.wait(30)
    check_many(handler, queries)


async def test_concurrent_streams_have_no_crosstalk() -> None:
    handler = CitationCallbackHandler(StubEngine())
    queries = [f"Name{number}" for number in range(20)]

    async def consume(query: str) -> None:
        async for _ in rag().astream(query, using(handler)):
            await asyncio.sleep(0)

    await asyncio.gather(*map(consume, queries))
    check_many(handler, queries)


def test_threads_have_no_crosstalk() -> None:
    handler = CitationCallbackHandler(StubEngine())
    queries = [f"Name{number}" for number in range(50)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda query: rag().invoke(query, using(handler)), queries))
    check_many(handler, queries)


def test_run_id_finds_the_record() -> None:
    handler = CitationCallbackHandler(StubEngine())
    wanted = uuid4()
    rag().invoke("Ada", using(handler) | {"run_id": wanted})
    rag().invoke("Bea", using(handler))
    found = handler.get(wanted)
    assert found is not None
    assert found.question == "Ada"
    assert handler.get(uuid4()) is None


def test_oldest_records_go_first() -> None:
    handler = CitationCallbackHandler(StubEngine(), max_records=2)
    for query in ("Ada", "Bea", "Cleo"):
        rag().invoke(query, using(handler))
    assert [record.question for record in handler.records] == ["Bea", "Cleo"]
    handler.clear()
    assert handler.records == ()
