"""One life of an answer: the same cases through both frameworks, with the same outcome."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("langchain_core")
pytest.importorskip("llama_index.core")

from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableLambda,
    RunnablePassthrough,
)
from llama_index.core.prompts import PromptTemplate
from llama_index.core.response_synthesizers import ResponseMode

from attribot_integrations.answers import AnswerRecord
from attribot_integrations.context.sources import as_chunks
from attribot_integrations.errors import ConfigurationError, EmptyContextError, PromptError
from attribot_integrations.langchain import CitationCallbackHandler, cite
from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionCallbackHandler,
    AttributionEventHandler,
)
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution
from tests.integrations.engines import StubEngine, prompt_of, text_of
from tests.integrations.langchain import fakes as langchain
from tests.integrations.llama_index import fakes as llama_index

FOUND = ("Ada is old.", "Bea is young.")
Shown = Callable[[str], str]
"""Makes of the joined texts what the prompt shows."""


@dataclass(frozen=True)
class Case:
    """What is asked, found, shown and answered."""

    question: str = "Ada"
    found: Sequence[str] = FOUND
    shown: Shown = str
    answer: str | None = None
    """What the model writes; by default an echo of the prompt's end."""
    summarize_each: bool = False
    """Whether the model is asked about each text by itself."""


class LangChain:
    kind = "documents"

    def handler(self, engine: Any, **options: Any) -> Any:
        return CitationCallbackHandler(engine, **options)

    def chain(self, case: Case) -> Runnable[str, Any]:
        retriever = langchain.FixedRetriever(found=[Document(text) for text in case.found])
        model: Any = langchain.EchoChatModel()
        if case.answer is not None:
            model = FakeListChatModel(responses=[case.answer])
        if not case.summarize_each:
            chain: Runnable[str, Any] = (
                {
                    "context": retriever | langchain.join | RunnableLambda(case.shown),
                    "question": RunnablePassthrough(),
                }
                | ChatPromptTemplate.from_template(langchain.TEMPLATE)
                | model
                | StrOutputParser()
            )
            return chain

        def each(query: str, config: RunnableConfig) -> str:
            found = retriever.invoke(query, config)
            return "\n".join(str(model.invoke(one.page_content, config).text) for one in found)

        return RunnableLambda(each)

    def ask(self, handler: Any, case: Case) -> None:
        self.chain(case).invoke(case.question, {"callbacks": [handler]})

    async def aask(self, handler: Any, case: Case) -> None:
        await self.chain(case).ainvoke(case.question, {"callbacks": [handler]})

    def ask_raising(self, engine: Any, case: Case) -> None:
        """Ask in a way in which an error of the attribution reaches the caller."""
        handler = self.handler(engine, mode="sync", raise_error=True)
        self.ask(handler, case)

    def ask_wrapped(self, engine: Any, case: Case, **options: Any) -> None:
        cite(self.chain(case), engine, **options).invoke(case.question)


class LlamaIndex:
    kind = "nodes"

    def handler(self, engine: Any, **options: Any) -> Any:
        return AttributionEventHandler(engine, **options)

    def query_engine(self, case: Case) -> Any:
        nodes = [llama_index.node(text) for text in case.found]
        mode = ResponseMode.ACCUMULATE if case.summarize_each else ResponseMode.COMPACT
        llm = llama_index.EchoLLM(answer=case.answer)
        engine = llama_index.rag(llm, llama_index.FactRetriever(nodes=nodes), mode)
        if case.shown is not str:
            template = PromptTemplate(
                "{context_str}\n{query_str}",
                function_mappings={
                    "context_str": lambda **values: case.shown(values["context_str"])
                },
            )
            engine.update_prompts({"response_synthesizer:text_qa_template": template})
        return engine

    def ask(self, handler: Any, case: Case) -> None:
        with handler.attach():
            self.query_engine(case).query(case.question)

    async def aask(self, handler: Any, case: Case) -> None:
        with handler.attach():
            await self.query_engine(case).aquery(case.question)

    def ask_raising(self, engine: Any, case: Case) -> None:
        """Ask in a way in which an error of the attribution reaches the caller."""
        self.ask_wrapped(engine, case, raise_error=True)

    def ask_wrapped(self, engine: Any, case: Case, **options: Any) -> None:
        AttributedQueryEngine(self.query_engine(case), engine, **options).query(case.question)


World = LangChain | LlamaIndex
MODES = ["lazy", "background", "sync"]


@pytest.fixture(params=[LangChain, LlamaIndex])
def world(request: pytest.FixtureRequest) -> World:
    made: World = request.param()
    return made


def asked(world: World, engine: Any, case: Case, **options: Any) -> Any:
    """The record of one answer."""
    handler = world.handler(engine, **options)
    world.ask(handler, case)
    assert handler.wait(10)
    (record,) = handler.records
    assert record is handler.last
    return record


# What becomes of an answer


@dataclass(frozen=True)
class Row:
    """A case, and what its record says in either framework."""

    name: str
    case: Case
    status: str
    reason: str | None
    prompt_used: str | None
    error: Exception | None = None
    always: bool = False
    cited: tuple[str, ...] = ("Ada is old.",)


REFUSED = PromptError("no system role")
BROKEN = EmptyContextError("broken")
TOOK = ", a template took its place"
PIECES = "Cleo lives in a tall house by the river and it is painted blue and it is very old indeed."
TABLE = [
    Row("all is well", Case(), "ok", None, "captured"),
    Row("chunks shown elsewhere", Case(shown=lambda text: f"> {text}"), "ok", None, "captured"),
    Row("nothing was retrieved", Case(found=()), "skipped", None, None),
    Row("the answer is blank", Case(answer=""), "skipped", None, None),
    Row(
        "the chunks are blank",
        Case(found=(" ", "")),
        "skipped",
        "none of the 2 retrieved {kind} holds text",
        None,
    ),
    Row(
        "one chunk is not in the prompt",
        Case(shown=lambda text: text.partition("\n")[0]),
        "approximate",
        "{kind} 1 were not shown to the model and are not scored",
        "captured",
    ),
    Row(
        "one chunk is cut",
        Case(
            found=(*FOUND, PIECES),
            shown=lambda text: text.replace(" and it is very old indeed.", "…"),
        ),
        "ok",
        None,
        "captured",
    ),
    Row(
        "one chunk is there in pieces that are all known",
        Case(
            found=(*FOUND, PIECES), shown=lambda text: text.replace(" and it is painted", " [...]")
        ),
        "ok",
        None,
        "captured",
    ),
    Row(
        "one chunk is there in pieces, of which some are not known",
        Case(found=(*FOUND, PIECES), shown=lambda text: text.replace("and it is ", "\nmoreover ")),
        "approximate",
        "{kind} 2 have no place of their own in the prompt" + TOOK,
        "template",
    ),
    Row(
        "no chunk is in the prompt",
        Case(shown=lambda text: "Nothing."),
        "approximate",
        "none of the 2 {kind} stands in the prompt" + TOOK,
        "template",
    ),
    Row(
        "a chunk stands there twice",
        Case(found=FOUND[:1], shown=lambda text: f"{text} {text}"),
        "approximate",
        "{kind} 0 stand in the prompt several times",
        "captured",
    ),
    Row(
        "the answer was put together",
        Case(summarize_each=True, answer="Fine."),
        "ok",
        None,
        "captured",
        cited=FOUND,
    ),
    Row(
        "the chat template refuses",
        Case(),
        "approximate",
        "the captured prompt cannot be scored (no system role)" + TOOK,
        "template",
        REFUSED,
    ),
    Row(
        "the template is refused too",
        Case(),
        "error",
        "PromptError: no system role",
        "template",
        REFUSED,
        always=True,
    ),
    Row("the engine fails", Case(), "error", "EmptyContextError: broken", "captured", BROKEN),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_what_becomes_of_an_answer(
    world: World, row: Row, caplog: pytest.LogCaptureFixture
) -> None:
    engine = StubEngine(row.error, row.always)
    record = asked(world, engine, row.case)
    assert isinstance(record, AnswerRecord)
    assert (record.status, record.prompt_used) == (row.status, row.prompt_used)
    if row.reason is not None or row.status == "ok":
        assert record.reason == (row.reason and row.reason.format(kind=world.kind))
    assert record.question == "Ada"
    assert (record.error is row.error) == (row.status == "error" or row.error is None)
    if row.status in ("skipped", "error"):
        assert record.reason
        assert (record.attribution, record.citations, record.scored_by) == (None, (), None)
    else:
        assert record.attribution is not None
        assert record.attribution.id == record.id
        assert record.citations[0].text == "Ada is old."
        assert [chunk.text for chunk in record.attribution.chunks] == list(row.case.found)
    if row.status == "skipped":
        assert engine.requests == []
    if row.prompt_used == "template":
        assert engine.requests[-1].prompt is None
        assert caplog.text.count(f"answer {record.id}") >= (not row.case.summarize_each)


def test_no_record_of_an_incomplete_removal(world: World) -> None:
    """What the engine removes is gone from the prompt, wherever the chunks were shown."""
    engine = StubEngine()
    for row in TABLE:
        if row.error is None:
            asked(world, engine, row.case)
    everything = frozenset(range(100))
    for request in engine.requests:
        chunks = as_chunks(request.chunks)
        prompt, _ = prompt_of(request, chunks)
        assert any(chunk.text in text_of(prompt) for chunk in chunks)
        left = text_of(prompt, everything)
        words = {word for chunk in chunks for word in chunk.text.split() if len(word) > 3}
        assert not any(word in left for word in words)


# When it is attributed


def test_the_same_vocabulary(world: World) -> None:
    handler = world.handler(StubEngine())
    assert (handler.records, handler.last, handler.attribution, handler.citations) == (
        (),
        None,
        None,
        (),
    )
    world.ask(handler, Case())
    record = handler.last
    assert handler.get(record.id) is record
    assert handler.get("other") is None
    assert handler.attribution is record.attribution
    assert handler.citations == record.citations
    names = "id question chunks answer prompt generator status reason attribution citations error"
    for name in f"{names} prompt_used scored_by done".split():
        assert hasattr(record, name), name
    handler.clear()
    assert handler.records == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "eager"}, 'mode must be one of "lazy", "background", "sync", got \'eager\''),
        ({"mode": "lazy", "on_citations": print}, 'modes "background" and "sync" only'),
        ({"max_records": 0}, "max_records must be at least 1, got 0"),
        ({"max_pending": 0}, "max_pending must be at least 1, got 0"),
    ],
)
def test_options_are_checked(world: World, options: dict[str, Any], message: str) -> None:
    for make in (world.handler, AttributionCallbackHandler):
        with pytest.raises(ConfigurationError, match=message):
            make(StubEngine(), **options)

    async def show(record: AnswerRecord) -> None:
        raise AssertionError

    with pytest.raises(ConfigurationError, match="on_citations must be a plain function"):
        world.handler(StubEngine(), mode="background", on_citations=show)
    with pytest.raises(ConfigurationError, match="engine must be an AttributionEngine, got None"):
        world.handler(None)


def test_lazy_attributes_once_when_it_is_read(world: World) -> None:
    engine = StubEngine()
    handler = world.handler(engine, mode="lazy")
    world.ask(handler, Case())
    record = handler.last
    assert not record.done
    assert "pending" in repr(record)
    assert handler.wait(0)
    assert engine.requests == []
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: id(record.attribution), range(8)))
    assert len(found) == len(engine.requests) == 1
    assert record.done
    assert "status='ok', citations=1" in repr(record)


@pytest.mark.parametrize("mode", ["background", "sync"])
def test_on_citations_sees_every_record(world: World, mode: str) -> None:
    seen: list[Any] = []
    engine = StubEngine()
    handler = world.handler(engine, mode=mode, on_citations=seen.append)
    for case in (Case(), Case("Bea", found=()), Case("Cleo")):
        world.ask(handler, case)
    assert handler.wait(10)
    assert seen == list(handler.records)
    assert [(one.question, one.status) for one in seen] == [
        ("Ada", "ok"),
        ("Bea", "skipped"),
        ("Cleo", "ok"),
    ]
    apart = {name.startswith("attribution") for name in engine.threads}
    assert apart == {mode == "background"}


@pytest.mark.parametrize("mode", ["background", "sync"])
def test_a_failing_on_citations_is_logged(
    world: World, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(record: AnswerRecord) -> None:
        raise RuntimeError("no printer")

    record = asked(world, StubEngine(), Case(), mode=mode, on_citations=fail)
    assert record.status == "ok"
    assert f"on_citations failed for answer {record.id}: no printer" in caplog.text
    world.ask_wrapped(StubEngine(), Case(), on_citations=fail)
    assert caplog.text.count("on_citations failed") == 2


@pytest.mark.parametrize("mode", MODES)
def test_a_failure_breaks_nothing(
    world: World, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    record = asked(world, StubEngine(BROKEN), Case(), mode=mode)
    assert record.status == "error"
    assert caplog.text.count(f"attribution of answer {record.id} failed: broken") == 1


@pytest.mark.parametrize("mode", MODES[:2])
def test_raise_error_raises_where_it_is_read(world: World, mode: str) -> None:
    record = asked(world, StubEngine(BROKEN), Case(), mode=mode, raise_error=True)
    assert (record.status, record.error) == ("error", BROKEN)
    for _ in range(3):
        for name in ("attribution", "citations"):
            with pytest.raises(EmptyContextError, match="broken") as raised:
                getattr(record, name)
            assert len(raised.traceback) < 10, "it does not grow by every reading"


def test_raise_error_raises_from_the_call(world: World) -> None:
    with pytest.raises(EmptyContextError, match="broken"):
        world.ask_raising(StubEngine(BROKEN), Case())
    with pytest.raises(EmptyContextError, match="broken"):
        world.ask_wrapped(StubEngine(BROKEN), Case(), raise_error=True)


class Big:
    """Stands for cached activations."""


@pytest.mark.parametrize("mode", MODES)
def test_a_kept_error_holds_no_frames(world: World, mode: str) -> None:
    alive: list[weakref.ref[Big]] = []

    class Failing(StubEngine):
        def attribute_request(self, request: AttributionRequest) -> Attribution:
            try:
                return self.run()
            except EmptyContextError as error:
                big = Big()
                alive.append(weakref.ref(big))
                raise OSError("outer") from error

        def run(self) -> Attribution:
            big = Big()
            alive.append(weakref.ref(big))
            raise EmptyContextError("inner")

    record = asked(world, Failing(), Case(), mode=mode)
    assert repr(record.error) == "OSError('outer')"
    assert repr(record.error.__cause__) == "EmptyContextError('inner')"
    gc.collect()
    assert [reference() for reference in alive] == [None, None]


def test_an_interrupted_attribution_leaves_nobody_waiting(world: World) -> None:
    class Interrupted(StubEngine):
        interrupt = True

        def attribute_request(self, request: AttributionRequest) -> Attribution:
            if self.interrupt:
                raise KeyboardInterrupt
            return super().attribute_request(request)

    record = asked(world, Interrupted(), Case(), mode="background")
    assert (record.status, record.reason) == ("error", "interrupted by KeyboardInterrupt")
    engine = Interrupted()
    handler = world.handler(engine, mode="lazy")
    world.ask(handler, Case())
    with pytest.raises(KeyboardInterrupt):
        _ = handler.last.citations
    engine.interrupt = False
    assert handler.last.status == "ok", "who reads again tries again"


# Many


def test_the_oldest_records_go_first(world: World) -> None:
    handler = world.handler(StubEngine(), max_records=2)
    records = []
    for question in ("Ada", "Bea", "Cleo"):
        world.ask(handler, Case(question))
        records.append(handler.last)
    assert [record.question for record in handler.records] == ["Bea", "Cleo"]
    assert [handler.get(record.id) for record in records] == [None, *records[1:]]


class Gated(StubEngine):
    """Attributes only when it is let to."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        assert self.open.wait(10)
        return super().attribute_request(request)


def test_what_does_not_fit_is_attributed_when_it_is_read(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Gated()
    seen: list[Any] = []
    handler = world.handler(engine, mode="background", max_pending=2, on_citations=seen.append)
    for number in range(4):
        world.ask(handler, Case(f"Name{number}"))
    assert not handler.wait(0.01)
    engine.open.set()
    assert handler.wait(10)
    assert [record.done for record in handler.records] == [True, True, False, False]
    assert caplog.text.count("max_pending=2 attributions wait already; answer ") == 2
    assert [record.status for record in handler.records] == ["ok"] * 4
    assert [record.question for record in seen] == ["Name0", "Name1"]


@pytest.mark.parametrize("mode", MODES)
def test_many_at_once_are_not_mixed_up(world: World, mode: str) -> None:
    engine = StubEngine()
    handler = world.handler(engine, mode=mode)

    def ask(number: int) -> None:
        world.ask(handler, Case(f"Name{number:02}", found=(f"Name{number:02} is a fact.",)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(40)))
    assert handler.wait(30)
    records = sorted(handler.records, key=lambda record: str(record.question))
    assert [record.question for record in records] == [f"Name{number:02}" for number in range(40)]
    for record in records:
        assert record.status == "ok"
        assert [one.text for one in record.citations] == [f"{record.question} is a fact."]
    assert len(engine.requests) == 40


@pytest.mark.parametrize("mode", MODES)
async def test_async_calls(world: World, mode: str) -> None:
    engine = StubEngine()
    handler = world.handler(engine, mode=mode)
    await world.aask(handler, Case())
    await handler.await_done()
    attribution = await handler.last.aattribution()
    assert attribution is handler.last.attribution
    assert await handler.aattribution() is attribution
    assert await handler.acitations() == await handler.last.acitations() == attribution.citations
    assert engine.threads != [threading.main_thread().name], "not on the event loop"
    await asyncio.gather(*(world.aask(handler, Case(f"Name{n}")) for n in range(5)))
    await handler.await_done()
    assert sorted(str(record.question) for record in handler.records)[1:] == [
        f"Name{number}" for number in range(5)
    ]


# Forks


def in_child(work: Callable[[], bool]) -> bool:
    """Do something in a forked process, which is given ten seconds."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("mode", MODES)
def test_a_forked_child_goes_on(world: World, mode: str) -> None:
    handler = world.handler(StubEngine(), mode=mode)
    world.ask(handler, Case())
    asyncio.run(world.aask(handler, Case("Bea")))
    assert handler.wait(10)
    assert asyncio.run(handler.last.aattribution()) is not None

    def ask() -> bool:
        world.ask(handler, Case("Cleo"))
        asyncio.run(world.aask(handler, Case("Dora")))
        return (
            handler.wait(5)
            and [record.status for record in handler.records] == ["ok"] * 4
            and asyncio.run(handler.last.aattribution()).question == "Dora"
        )

    assert in_child(ask)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_reads_what_its_parent_was_at(world: World) -> None:
    engine = Gated()
    handler = world.handler(engine, mode="background")
    world.ask(handler, Case())
    world.ask(handler, Case("Bea"))  # waits behind
    assert not handler.wait(0.05)

    def read() -> bool:
        engine.open = threading.Event()
        engine.open.set()
        assert handler.wait(1)
        world.ask(handler, Case("Cleo"))
        return handler.wait(5) and [one.status for one in handler.records] == ["ok"] * 3

    try:
        assert in_child(read)
    finally:
        engine.open.set()
    assert handler.wait(10)
    assert [record.status for record in handler.records] == ["ok", "ok"]
