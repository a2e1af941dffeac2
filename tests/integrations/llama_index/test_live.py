"""`AttributedQueryEngine(…, live=True).stream`: each statement's citations while the next comes."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms.callbacks import llm_chat_callback

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.llama_index import (
    AnswerPiece,
    AttributedQueryEngine,
    AttributionEventHandler,
    CitedStatement,
    get_citations,
)
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import EchoChatLLM, FactRetriever, node, rag
from tests.unit.answers.following import ANSWER, Watched, word_engine

NODES = [node("Ada is old.", id_="a"), node("Bea is young.", id_="b")]
QUESTION = "Who is old?"


class Writer(EchoChatLLM):
    """Writes an answer word by word, and waits for an engine where the next statement begins."""

    answer: str | None = ANSWER
    engine: Any = None

    def _words(self) -> Iterator[tuple[str, int]]:
        """Yield the words, and how many statements have ended before each."""
        statements, ended = 0, False
        for word in (self.answer or "").split(" "):
            statements += ended
            yield word, statements
            ended = word.endswith(".")

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        reply = self._reply(messages)

        def stream() -> Iterator[ChatResponse]:
            for word, statements in self._words():
                yield ChatResponse(message=reply, delta=f"{word} ")
                if self.engine is not None and statements:
                    self.engine.wait_for(statements)

        return stream()

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        reply = self._reply(messages)

        async def stream() -> AsyncIterator[ChatResponse]:
            for word, statements in self._words():
                yield ChatResponse(message=reply, delta=f"{word} ")
                if self.engine is not None and statements:
                    await asyncio.to_thread(self.engine.wait_for, statements)

        return stream()


def attributed(
    engine: Any, *, live: bool = True, wait: bool = False, streaming: bool = True, **options: Any
) -> AttributedQueryEngine:
    llm = Writer(engine=engine if wait else None)
    inner = rag(llm, FactRetriever(nodes=NODES), streaming=streaming)
    return AttributedQueryEngine(inner, engine, live=live, **options)


def pieces_of(query_engine: AttributedQueryEngine, *, asynchronous: bool) -> list[AnswerPiece]:
    if not asynchronous:
        return list(query_engine.stream(QUESTION))

    async def collect() -> list[AnswerPiece]:
        return [piece async for piece in query_engine.astream(QUESTION)]

    return asyncio.run(collect())


def told(pieces: list[AnswerPiece]) -> dict[int, CitedStatement]:
    found: dict[int, CitedStatement] = {}
    for piece in pieces:
        for index in piece.withdrawn:
            del found[index]
        found |= {each.index: each for each in piece.statements}
    return found


@pytest.mark.parametrize("asynchronous", [False, True])
def test_statements_are_cited_while_the_next_is_written(asynchronous: bool) -> None:
    pieces = pieces_of(attributed(Watched(), wait=True), asynchronous=asynchronous)
    text, early = "", []
    for piece in pieces:
        text += piece.text
        early += [(text, each.index) for each in piece.statements]
    assert [index for _, index in early] == [0, 1, 2]
    assert early[0][0].startswith("Ada is old. Bea is ")
    assert early[0][0] != f"{ANSWER} "
    assert len(early[1][0]) < len(f"{ANSWER} ")
    assert [piece.record is not None for piece in pieces] == [False] * (len(pieces) - 1) + [True]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("streaming", [False, True])
def test_live_or_not_the_same_is_told(asynchronous: bool, streaming: bool) -> None:
    engine = word_engine()
    found = [
        pieces_of(attributed(engine, live=live, streaming=streaming), asynchronous=asynchronous)
        for live in (False, True)
    ]
    for pieces in found:
        assert "".join(piece.text for piece in pieces).strip() == ANSWER
        record = pieces[-1].record
        assert record is not None
        assert (record.status, record.live_problem) == ("ok", None)
    plain, live = map(told, found)
    assert live == plain
    assert [each.text for each in plain.values()] == [
        "Ada is old.",
        "Bea is young.",
        "Bea is not old.",
    ]
    assert plain[0].citations[0].node_id == "a"
    assert plain[0].label == "supported"


def test_the_response_itself_is_that_of_a_stream_that_is_not_live() -> None:
    engine = word_engine()
    payloads = []
    for live in (False, True):
        response: Any = attributed(engine, live=live).query(QUESTION)
        assert "".join(response.response_gen).strip() == ANSWER
        payloads.append(get_citations(response))
    assert payloads[0] == payloads[1]
    assert payloads[0]


def test_a_handler_may_be_live_too() -> None:
    engine = Watched()
    with AttributionEventHandler(engine, live=True).attach() as handler:
        response: Any = rag(
            Writer(engine=engine), FactRetriever(nodes=NODES), streaming=True
        ).query(QUESTION)
        assert "".join(response.response_gen).strip() == ANSWER
        assert handler.result(response).status == "ok"
    assert engine.answers == ["Ada is old. Bea", "Ada is old. Bea is young. Bea", f"{ANSWER} "]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_engine_that_fails_breaks_no_stream(asynchronous: bool) -> None:
    engine = StubEngine(error=ValueError("the engine is broken"), always=True)
    pieces = pieces_of(attributed(engine), asynchronous=asynchronous)
    assert "".join(piece.text for piece in pieces).strip() == ANSWER
    assert told(pieces) == {}
    record = pieces[-1].record
    assert record is not None
    assert record.status == "error"
    assert "the engine is broken" in str(record.live_problem or record.reason)
    with pytest.raises(ValueError, match="the engine is broken"):
        pieces_of(attributed(engine, raise_error=True), asynchronous=asynchronous)


def test_a_stream_that_is_left_stops_the_worker() -> None:
    engine = Watched()
    stream = attributed(engine, wait=True).stream(QUESTION)
    for piece in stream:
        if piece.statements:
            break
    stream.close()  # type: ignore[attr-defined]
    gc.collect()
    time.sleep(0.05)
    assert [each.rstrip() for each in engine.answers] == ["Ada is old. Bea"]


async def test_many_streams_at_once_on_one_engine() -> None:
    engine = word_engine()
    expected = told(list(attributed(engine, live=False).stream(QUESTION)))

    async def one() -> dict[int, CitedStatement]:
        return told([piece async for piece in attributed(engine).astream(QUESTION)])

    for found in await asyncio.gather(*(one() for _ in range(6))):
        assert found == expected


def test_lazy_handlers_are_not_live() -> None:
    with pytest.raises(ConfigurationError, match=r'live attributes answers while .* mode="lazy"'):
        AttributionEventHandler(word_engine(), mode="lazy", live=True)
