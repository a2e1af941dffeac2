"""Retrieval and models in code of the user's own: workflows, custom engines, private threads."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.base.response.schema import Response
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import CustomQueryEngine
from llama_index.core.response_synthesizers import CompactAndRefine
from llama_index.core.schema import NodeWithScore
from llama_index.core.workflow import Context, Event, StartEvent, StopEvent, Workflow, step
from pydantic import BaseModel

from attribot_integrations.errors import InputError
from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionEventHandler,
    AttributionRecord,
    format_with_markers,
    get_citations,
)
from tests.integrations.llama_index.fakes import EchoLLM, FactRetriever
from tests.integrations.llama_index.reported import (
    ASK_BIKE,
    BIKE,
    TEMPLATE,
    Calling,
    Scripted,
    nodes,
)
from tests.integrations.overlap import OverlapEngine

FOUND = ("norzel", "galba")
UNTOLD = (
    "no nodes were seen: hand them back as the response's source_nodes, or retrieve where the "
    "handler watches, in threads of your own with contextvars.copy_context().run"
)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        made.submit(int).result()  # it knows nothing of any test's context
        yield made


def joined(found: list[NodeWithScore]) -> str:
    return "\n\n".join(one.get_content() for one in found)


def asked(found: list[NodeWithScore], query: str = ASK_BIKE) -> str:
    return TEMPLATE.format(context_str=joined(found), query_str=query)


# Private threads


class Parallel(CustomQueryEngine):
    """Retrieves, or asks its model, in a thread pool of its own."""

    retriever: Any
    pool: Any
    llm: Any
    apart: str
    """What is done in the pool: r for retrieval, m for the model."""
    hands_back: bool = False

    def custom_query(self, query_str: str) -> Response:
        found = self._run("r", self.retriever.retrieve, query_str)
        text = self._run("m", self.llm.complete, asked(found, query_str)).text
        return Response(text, source_nodes=found if self.hands_back else [])

    def _run(self, part: str, work: Callable[..., Any], *given: Any) -> Any:
        return self.pool.submit(work, *given).result() if part in self.apart else work(*given)


def parallel(pool: Any, apart: str, **options: Any) -> Parallel:
    options.setdefault("retriever", FactRetriever(nodes=nodes(*FOUND)))
    options.setdefault("llm", Scripted(say=BIKE))
    return Parallel(pool=pool, apart=apart, **options)


@pytest.mark.parametrize("wrapped", [False, True], ids=["watched", "wrapped"])
@pytest.mark.parametrize("hands_back", [False, True])
@pytest.mark.parametrize("apart", ["", "r", "m", "rm"])
def test_what_ran_in_private_threads_is_found(
    pool: ThreadPoolExecutor, apart: str, hands_back: bool, wrapped: bool
) -> None:
    query_engine = parallel(pool, apart, hands_back=hands_back)
    handler = AttributionEventHandler(OverlapEngine())
    if wrapped:
        response = AttributedQueryEngine(query_engine, OverlapEngine()).query(ASK_BIKE)
    else:
        with handler.attach():
            response = query_engine.query(ASK_BIKE)
        assert handler.result(response).prompt_used == "captured"
        assert handler.span_handler.open_count == 0
    payload = (response.metadata or {})["attribution"]
    assert (payload["status"], payload["reason"]) == ("ok", None)
    assert {one.node_id for one in get_citations(response)} == {"norzel"}


def test_threads_of_several_requests_are_told_apart_by_their_prompts(
    pool: ThreadPoolExecutor,
) -> None:
    handler = AttributionEventHandler(OverlapEngine())
    query_engine = parallel(pool, "rm", retriever=FactRetriever(), llm=EchoLLM())
    with ThreadPoolExecutor(8) as requests:
        attachment = handler.attach()
        responses = list(requests.map(lambda n: query_engine.query(f"Name{n:02}"), range(30)))
        attachment.detach()
    assert handler.wait(30)
    for number, response in enumerate(responses):
        record = handler.result(response)
        assert record.status == "ok", record.reason
        assert [one.node.node_id for one in record.nodes] == [
            f"Name{number:02}-0",
            f"Name{number:02}-1",
        ]


def test_a_call_that_may_be_another_requests_is_not_taken(pool: ThreadPoolExecutor) -> None:
    class Twice(Parallel):
        def custom_query(self, query_str: str) -> Response:
            self._run("m", self.llm.complete, "Bea is young. Who?")
            return super().custom_query(query_str)

    query_engine = Twice(
        retriever=FactRetriever(nodes=nodes(*FOUND)), pool=pool, llm=Scripted(say=BIKE), apart="m"
    )
    with AttributionEventHandler(OverlapEngine()).attach() as handler:
        record = handler.result(query_engine.query(ASK_BIKE))
    assert (record.status, record.reason) == (
        "approximate",
        "the prompt could not be captured, a template took its place",
    )
    assert {record.nodes[one.chunk_index].node.node_id for one in record.citations} == {"norzel"}


def test_what_was_not_seen_is_not_said_to_be_missing(
    pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    class Silent:
        """A search that LlamaIndex knows nothing of."""

        def retrieve(self, query: str) -> list[NodeWithScore]:
            return nodes(*FOUND)

    query_engine = parallel(pool, "", retriever=Silent())
    with AttributionEventHandler(OverlapEngine()).attach() as handler:
        record = handler.result(query_engine.query(ASK_BIKE))
    assert (record.status, record.reason) == ("skipped", UNTOLD)
    assert caplog.text.count(UNTOLD) == 1
    with AttributionEventHandler(OverlapEngine()).attach() as handler:
        record = handler.result(parallel(pool, "", retriever=Silent(), hands_back=True).query("?"))
    assert record.status == "ok", "the first remedy"


def test_a_search_that_found_nothing_is_told(pool: ThreadPoolExecutor) -> None:
    query_engine = parallel(pool, "", retriever=FactRetriever(nodes=[]))
    with AttributionEventHandler(OverlapEngine()).attach() as handler:
        record = handler.result(query_engine.query(ASK_BIKE))
    assert (record.status, record.reason) == ("skipped", "no nodes were retrieved")


def test_the_second_remedy(pool: ThreadPoolExecutor) -> None:
    class Copied(Parallel):
        def _run(self, part: str, work: Callable[..., Any], *given: Any) -> Any:
            context = contextvars.copy_context()
            return self.pool.submit(context.run, work, *given).result()

    query_engine = Copied(
        retriever=FactRetriever(nodes=nodes(*FOUND)), pool=pool, llm=Scripted(say=BIKE), apart=""
    )
    with AttributionEventHandler(OverlapEngine()).attach() as handler:
        record = handler.result(query_engine.query(ASK_BIKE))
    assert (record.status, record.prompt_used) == ("ok", "captured")


# Workflows


class Got(Event):
    found: list[Any]


class Own(Workflow):
    """Retrieves in one step, and writes in another."""

    hands_back: str = "text"

    @step
    async def retrieve(self, ctx: Context, event: StartEvent) -> Got:
        await ctx.store.set("query", event.query)
        return Got(found=await FactRetriever(nodes=nodes(*FOUND)).aretrieve(event.query))

    @step
    async def write(self, ctx: Context, event: Got) -> StopEvent:
        query = await ctx.store.get("query")
        reply = await Calling(say=BIKE).acomplete(asked(event.found, query))
        text = reply.text
        made: dict[str, Any] = {
            "text": text,
            "completion": reply,
            "response": Response(text, source_nodes=event.found),
            "bare response": Response(text),
            "dictionary": {"query": query, "answer": text, "nodes": event.found},
            "unknown key": {"query": query, "paragraph": text},
            "list": [text, 3],
            "other words": {"query": query, "answer": "Not what it wrote."},
        }
        return StopEvent(result=made[self.hands_back])


class Facts(BaseModel):
    maker: str
    product: str
    sure: bool = True


class Structured(Own):
    """Has a model fill in an object."""

    @step
    async def write(self, ctx: Context, event: Got) -> StopEvent:
        llm = Scripted(say='{"maker": "Roslin Works", "product": "the Norzel bike"}')
        prompt = PromptTemplate("Context: {context}")
        facts = await llm.astructured_predict(Facts, prompt, context=joined(event.found))
        return StopEvent(result=facts)


async def test_each_field_of_a_predicted_object_is_a_statement() -> None:
    _, record = await run(Structured(timeout=20))
    assert (record.status, record.prompt_used) == ("ok", "captured"), record.reason
    assert record.attribution is not None
    assert {each.path: each.text for each in record.attribution.statements} == {
        "$.maker": "Roslin Works",
        "$.product": "the Norzel bike",
    }
    assert {each.chunk_id for each in record.citations} == {"norzel"}
    assert [each["path"] for each in record.to_payload()["statements"]] == ["$.maker", "$.product"]


class Synthesizing(Own):
    """Has LlamaIndex's synthesizer write."""

    streaming = False

    @step
    async def write(self, ctx: Context, event: Got) -> StopEvent:
        synthesizer = CompactAndRefine(
            llm=Calling(say=BIKE), text_qa_template=TEMPLATE, streaming=self.streaming
        )
        query = await ctx.store.get("query")
        return StopEvent(result=await synthesizer.asynthesize(query, nodes=event.found))


async def run(workflow: Workflow) -> tuple[Any, AttributionRecord]:
    handler = AttributionEventHandler(OverlapEngine())
    with handler.attach():
        result: Any = await workflow.run(query=ASK_BIKE)
        if getattr(workflow, "streaming", False):
            assert "".join([token async for token in result.async_response_gen()]).strip() == BIKE
        record = await handler.aresult(result, 20)
    assert [record] == list(handler.records)
    assert handler.span_handler.open_count == 0
    return result, record


@pytest.mark.parametrize(
    "hands_back",
    ["text", "completion", "response", "bare response", "dictionary", "unknown key", "list"],
)
async def test_a_workflows_answer_is_found_in_what_it_hands_back(hands_back: str) -> None:
    workflow = Own(timeout=20)
    workflow.hands_back = hands_back
    result, record = await run(workflow)
    assert (record.question, record.answer) == (ASK_BIKE, BIKE)
    assert (record.status, record.prompt_used) == ("ok", "captured"), record.reason
    assert {one.node_id for one in get_citations(result)} == {"norzel"}
    assert format_with_markers(result) == f"{BIKE} [1]"


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_workflow_around_a_synthesizer(streaming: bool) -> None:
    workflow = Synthesizing(timeout=20)
    workflow.streaming = streaming
    result, record = await run(workflow)
    assert record.answer.strip() == BIKE
    assert (record.status, record.prompt_used) == ("ok", "captured"), record.reason
    assert {one.node_id for one in get_citations(result)} == {"norzel"}


async def test_words_that_no_model_wrote_are_not_guessed_at() -> None:
    workflow = Own(timeout=20)
    workflow.hands_back = "other words"
    _, record = await run(workflow)
    assert (record.status, record.answer) == ("approximate", BIKE)
    assert record.reason == (
        "no text that the workflow handed back is what a model wrote, the last that one wrote was "
        "taken: hand back the answer, or a response"
    )


async def test_a_stream_of_a_workflows_own_is_not_followed() -> None:
    class Streaming(Own):
        @step
        async def write(self, ctx: Context, event: Got) -> StopEvent:
            async def tokens() -> Any:
                yield BIKE

            return StopEvent(result=tokens())

    handler = AttributionEventHandler(OverlapEngine())
    with handler.attach():
        result: Any = await Streaming(timeout=20).run(query=ASK_BIKE)
        assert [token async for token in result] == [BIKE], "as ever"
    record = await handler.aresult(result)
    assert record.status == "skipped"
    assert record.reason is not None
    assert record.reason.startswith("the workflow handed back a stream, which cannot be followed")


async def test_workflows_that_answer_nothing_leave_no_record() -> None:
    class Ingesting(Workflow):
        @step
        async def work(self, event: StartEvent) -> StopEvent:
            await Calling(say="A title.").acomplete("Make a title.")
            return StopEvent(result={"count": 3})

    class Plain(Workflow):
        @step
        async def work(self, event: StartEvent) -> StopEvent:
            return StopEvent(result="done")

    handler = AttributionEventHandler(OverlapEngine())
    with handler.attach():
        for workflow in (Ingesting(timeout=20), Plain(timeout=20)):
            result = await workflow.run(query=ASK_BIKE)
            with pytest.raises(InputError, match="no attribution is known of this"):
                await handler.aresult(result)
    assert handler.records == ()


async def test_a_failing_workflow_leaves_nothing() -> None:
    class Failing(Own):
        @step
        async def write(self, ctx: Context, event: Got) -> StopEvent:
            raise RuntimeError("no writer")

    handler = AttributionEventHandler(OverlapEngine())
    with handler.attach(), pytest.raises(Exception, match="no writer"):
        await Failing(timeout=20).run(query=ASK_BIKE)
    assert handler.records == ()
    assert handler.span_handler.open_count == 0


async def test_runs_that_hand_back_the_very_same_text_have_their_own_records() -> None:
    texts = {"one": nodes("norzel"), "two": nodes("galba")}

    class Cached(Workflow):
        @step
        async def work(self, event: StartEvent) -> StopEvent:
            found = await FactRetriever(nodes=texts[event.query]).aretrieve(event.query)
            await Calling(say=BIKE).acomplete(joined(found))
            return StopEvent(result=BIKE)

    attributor = OverlapEngine()
    one, two = AttributionEventHandler(attributor), AttributionEventHandler(attributor)
    with one.attach(), two.attach():
        for query in texts:
            result: Any = await Cached(timeout=20).run(query=query)
            assert (await one.aresult(result, 20)).question == query, "the newest"
    assert two.wait(20)
    assert one.records == two.records
    assert [record.nodes[0].node.node_id for record in one.records] == ["norzel", "galba"]
    assert len(attributor.requests) == 2


async def test_workflows_at_the_same_time_are_not_mixed_up() -> None:
    class Facts(Workflow):
        @step
        async def work(self, event: StartEvent) -> StopEvent:
            found = await FactRetriever().aretrieve(event.query)
            await asyncio.sleep(0)
            say = f"{event.query} is a fact."
            return StopEvent(result=(await Calling(say=say).acomplete(joined(found))).text)

    handler = AttributionEventHandler(OverlapEngine())
    with handler.attach():
        names = [f"Name{number:02}" for number in range(20)]
        results = await asyncio.gather(*(Facts(timeout=20).run(query=name) for name in names))
        for name, result in zip(names, results, strict=True):
            record = await handler.aresult(result, 20)
            assert [one.node.node_id for one in record.nodes] == [f"{name}-0", f"{name}-1"]
            assert record.question == name
