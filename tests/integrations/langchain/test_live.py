"""`cite(…, live=True)`: each statement's citations while the next is written."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.documents import Document
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.runnables.utils import AddableDict

from attribot_integrations import AttributionEngine, EngineOptions
from attribot_integrations.langchain import CitationRecord, cite
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.fakes import EchoChatModel, FixedRetriever, rag
from tests.unit.answers.following import ANSWER, Watched, word_engine
from tests.unit.evaluation.tiny import tiny_engine

DOCUMENTS = [Document("Ada is old."), Document("Bea is young.", id="b", metadata={"title": "B"})]
QUESTION = "Who is old?"


class Writer(EchoChatModel):
    """Writes an answer word by word, and waits for an engine where the next statement begins."""

    answer: str = ANSWER
    engine: Any = None
    written: int = 0

    def _answer(self, messages: list[BaseMessage]) -> str:
        super()._answer(messages)
        return self.answer

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self._answer(messages)
        statements, ended = 0, False
        for word in self.answer.split(" "):
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
            self.written += 1
            if ended and self.engine is not None:
                statements += 1
                self.engine.wait_for(statements)
            ended = word.endswith(".")


def chain(model: EchoChatModel | None = None) -> Runnable[Any, Any]:
    return rag(model or Writer(), FixedRetriever(found=DOCUMENTS))


def summed(pieces: list[Any]) -> Any:
    return sum(pieces[1:], pieces[0])


def test_statements_are_cited_while_the_next_is_written() -> None:
    engine = Watched()
    citing = cite(chain(Writer(engine=engine)), engine, live=True)
    told: list[tuple[str, Any]] = []
    text = ""
    for piece in citing.stream(QUESTION):
        text += piece.get("answer", "")
        told += [(text, each["statement_index"]) for each in piece.get("support", [])]
        if "citations" in piece and "status" not in piece:
            assert set(piece) <= {"citations", "support", "documents"}
            assert {each.statement_index for each in piece["citations"]} <= {
                each.statement_index for each in piece["support"]
            }
    assert told == [
        ("Ada is old. Bea is ", 0),
        ("Ada is old. Bea is young. Bea is ", 1),
        (f"{ANSWER} ", 2),
    ]


def without_times(result: Any) -> Any:
    return json.loads(json.dumps(result))


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_pieces_add_up_to_what_is_returned_otherwise(asynchronous: bool) -> None:
    engine = word_engine()
    live, plain = cite(chain(), engine, live=True), cite(chain(), engine)
    if asynchronous:

        async def collect() -> list[Any]:
            return [piece async for piece in live.astream(QUESTION)]

        pieces = asyncio.run(collect())
    else:
        pieces = list(live.stream(QUESTION))
    total = summed(pieces)
    assert isinstance(total, AddableDict)
    expected = summed(list(plain.stream(QUESTION)))
    assert without_times(total) == without_times(expected)
    assert [each.number for each in total["citations"]] == [1, 2, 2, 1]
    assert total["documents"] == DOCUMENTS
    assert live.invoke(QUESTION)["citations"] == expected["citations"]


def test_documents_come_with_the_first_citations() -> None:
    engine = Watched()
    citing = cite(chain(Writer(engine=engine)), engine, live=True)
    pieces = [piece for piece in citing.stream(QUESTION) if "citations" in piece]
    assert [("documents" in piece) for piece in pieces] == [True, False, False]
    assert pieces[0]["documents"][pieces[0]["citations"][0].chunk_index] == DOCUMENTS[0]


def test_a_language_model_scores_live_as_afterwards() -> None:
    options = EngineOptions(method="exact", alternatives=None)
    engine = AttributionEngine(tiny_engine().target, options=options)
    records: list[CitationRecord] = []
    for live in (False, True):
        citing = cite(chain(), engine, live=live, on_citations=records.append)
        list(citing.stream(QUESTION))
    plain, lively = (record.attribution for record in records)
    assert plain is not None
    assert lively is not None
    assert lively.scores == pytest.approx(plain.scores, abs=1e-4)
    assert np.abs(plain.scores).max() > 0.1


def test_an_engine_that_fails_breaks_no_stream(caplog: pytest.LogCaptureFixture) -> None:
    engine = StubEngine(error=ValueError("the engine is broken"), always=True)
    records: list[CitationRecord] = []
    citing = cite(chain(), engine, live=True, on_citations=records.append)
    total = summed(list(citing.stream(QUESTION)))
    assert total["answer"].strip() == ANSWER
    assert (total["status"], total["citations"]) == ("error", [])
    assert "the engine is broken" in total["reason"]
    assert "the engine is broken" in caplog.text
    with pytest.raises(ValueError, match="the engine is broken"):
        list(cite(chain(), engine, live=True, raise_error=True).stream(QUESTION))


class Blocked(Watched):
    """An engine that is at work until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def attribute_request(self, request: Any) -> Any:
        self.begun.set()
        assert self.go_on.wait(30)
        return super().attribute_request(request)


def test_a_stream_that_is_left_stops_the_worker() -> None:
    engine = Blocked()
    stream = cite(chain(), engine, live=True).stream(QUESTION)
    for piece in stream:
        if piece.get("answer", "").startswith("young"):
            break
    assert engine.begun.wait(30)
    stream.close()  # type: ignore[attr-defined]
    engine.go_on.set()
    engine.wait_for(1)
    time.sleep(0.05)
    assert [each.rstrip() for each in engine.answers] == ["Ada is old. Bea"]


async def test_an_async_stream_that_is_cancelled_stops_the_worker() -> None:
    engine = Blocked()
    seen: list[str] = []

    async def read() -> None:
        async for piece in cite(chain(), engine, live=True).astream(QUESTION):
            seen.append(piece.get("answer", ""))
            if len(seen) == 5:
                await asyncio.sleep(30)

    task = asyncio.create_task(read())
    while len(seen) < 5:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    engine.go_on.set()
    await asyncio.sleep(0.05)
    assert len(engine.answers) <= 1


async def test_the_event_loop_is_never_held_up() -> None:
    engine = Blocked()
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before)

    ticking = asyncio.create_task(tick())
    asyncio.get_running_loop().call_later(2, engine.go_on.set)
    started = time.perf_counter()
    tokens = [piece async for piece in cite(chain(), engine, live=True).astream(QUESTION)]
    ticking.cancel()
    assert time.perf_counter() - started >= 1.9, "the engine took its time"
    assert longest < 1.5
    assert summed(tokens)["status"] == "ok"


async def test_many_streams_at_once_on_one_engine() -> None:
    engine = word_engine()
    expected = summed(list(cite(chain(), engine).stream(QUESTION)))

    async def one() -> Any:
        return summed([piece async for piece in cite(chain(), engine, live=True).astream(QUESTION)])

    for total in await asyncio.gather(*(one() for _ in range(8))):
        assert without_times(total) == without_times(expected)


def test_chains_that_tell_nothing_before_their_end() -> None:
    engine = word_engine()

    def whole(question: str) -> Any:
        return chain().invoke(question)

    total = summed(list(cite(RunnableLambda(whole), engine, live=True).stream(QUESTION)))
    assert {each.statement_index for each in total["citations"]} == {0, 1, 2}


def test_dicts_that_add_up_are_followed_too() -> None:
    engine = Watched()
    inner = RunnableLambda(lambda value: value["question"]) | chain(Writer(engine=engine))
    both = RunnableParallel(question=RunnablePassthrough()) | RunnablePassthrough.assign(
        answer=inner
    )
    pieces = list(cite(both, engine, live=True).stream(QUESTION))
    told = [[each["statement_index"] for each in piece.get("support", [])] for piece in pieces]
    assert [each for each in told if each] == [[0], [1], [2]]


def test_options_of_the_wrapper() -> None:
    assert cite(chain(), word_engine()).live is False
    assert cite(chain(), word_engine(), live=True).model_copy().live is True
