"""Engines of every kind, watched by a handler or wrapped."""

import asyncio
import copy
import gc
import json
from typing import Any

import pytest
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.base.response.schema import Response
from llama_index.core.chat_engine import CondenseQuestionChatEngine
from llama_index.core.indices.query.query_transform.base import StepDecomposeQueryTransform
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import (
    CustomQueryEngine,
    MultiStepQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
)
from llama_index.core.question_gen.types import BaseQuestionGenerator, SubQuestion
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import IndexNode, NodeWithScore, QueryBundle
from llama_index.core.selectors import LLMSingleSelector
from llama_index.core.tools import QueryEngineTool
from llama_index_instrumentation import get_dispatcher

from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionEventHandler,
    get_citations,
)
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import (
    EchoChatLLM,
    EchoLLM,
    FactRetriever,
    check,
    node,
    payload_of,
    rag,
)


def tool(engine: BaseQueryEngine, name: str = "facts") -> QueryEngineTool:
    return QueryEngineTool.from_defaults(engine, name=name, description=f"Knows {name}.")


class FactQueryEngine(CustomQueryEngine):
    """Retrieves and asks by itself; `asks` says how often."""

    llm: Any
    retriever: Any
    asks: int = 1

    def custom_query(self, query_str: str) -> str | Response:
        nodes = self.retriever.retrieve(query_str)
        context = "\n".join(one.node.get_content() for one in nodes)
        for _ in range(self.asks):
            text = self.llm.complete(f"Facts:\n{context}\n\n{query_str}").text
        return str(text) if self.asks else "No idea."


def test_custom_engine_without_source_nodes() -> None:
    engine = StubEngine()
    llm = EchoLLM()
    handler = AttributionEventHandler(engine)
    with handler.attach():
        response = FactQueryEngine(llm=llm, retriever=FactRetriever()).query("Ada")
    assert response.source_nodes == []
    check(response, "Ada")
    assert engine.prompts == llm.prompts
    assert handler.span_handler.open_count == 0


async def test_custom_engine_in_async_code() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = await FactQueryEngine(llm=EchoLLM(), retriever=FactRetriever()).aquery("Ada")
        await handler.aresult(response)
    check(response, "Ada")


def test_custom_engine_that_asks_a_model_from_elsewhere() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = FactQueryEngine(llm=None, retriever=FactRetriever(), asks=0).query("Ada")
    assert payload_of(response)["status"] == "approximate"
    assert payload_of(response)["prompt"] == "template"


def test_custom_engine_around_another_shows_the_same_result() -> None:
    class Outer(CustomQueryEngine):
        inner: Any

        def custom_query(self, query_str: str) -> str:
            return str(self.inner.query(query_str))

    engine = StubEngine()
    handler = AttributionEventHandler(engine)
    with handler.attach():
        response = Outer(inner=rag()).query("Ada")
    check(response, "Ada")
    assert len(engine.requests) == 1


def test_router_reports_twice_and_is_attributed_once() -> None:
    engine = StubEngine()
    handler = AttributionEventHandler(engine)
    selector = LLMSingleSelector.from_defaults(
        llm=EchoLLM(answer='[{"choice": 1, "reason": "fits"}]')
    )
    router = RouterQueryEngine(selector, [tool(rag())], llm=EchoLLM())
    with handler.attach():
        response = router.query("Ada")
    check(response, "Ada")
    assert response.metadata is not None
    assert "selector_result" in response.metadata
    assert len(engine.requests) == 1


class TwoQuestions(BaseQuestionGenerator):
    def _get_prompts(self) -> Any:
        return {}

    def _update_prompts(self, prompts: Any) -> None:
        pass

    def generate(self, tools: Any, query: QueryBundle) -> list[SubQuestion]:
        return [SubQuestion(sub_question=name, tool_name="facts") for name in ("Bea", "Cleo")]

    async def agenerate(self, tools: Any, query: QueryBundle) -> list[SubQuestion]:
        return self.generate(tools, query)


def sub_questions(engine: BaseQueryEngine) -> SubQuestionQueryEngine:
    return SubQuestionQueryEngine(
        question_gen=TwoQuestions(),
        response_synthesizer=get_response_synthesizer(EchoLLM()),
        query_engine_tools=[tool(engine)],
        verbose=False,
        use_async=False,
    )


def test_sub_questions_lead_to_the_nodes_behind_them() -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = sub_questions(rag()).query("Ada")
    payload = payload_of(response)
    assert payload["status"] == "ok"
    assert len(response.source_nodes) == 6
    record = handler.result(response)
    assert len(record.nodes) == 4, "nodes that hold the answers to sub-questions are none"
    assert payload["citations"]
    for citation in payload["citations"]:
        cited = response.source_nodes[citation["source_index"]].node.get_content()
        assert citation["text"] in cited
        assert not cited.startswith("Sub question")


def test_multi_step_engine_writes_its_metadata_anew() -> None:
    handler = AttributionEventHandler(StubEngine())
    llm = EchoLLM()
    engine = MultiStepQueryEngine(
        query_engine=rag(llm),
        query_transform=StepDecomposeQueryTransform(llm=llm),
        response_synthesizer=get_response_synthesizer(llm),
        num_steps=1,
    )
    with handler.attach():
        response = engine.query("Ada")
    assert response.metadata is not None
    assert "sub_qa" in response.metadata
    assert payload_of(response)["id"] == handler.result(response).id


def test_post_processors_count_and_their_models_do_not() -> None:
    engine = StubEngine()
    nodes = [node("Ada is old."), NodeWithScore(node=node("Bea is young.").node, score=0.1)]
    handler = AttributionEventHandler(engine)
    with handler.attach():
        response = rag(
            retriever=FactRetriever(nodes=nodes),
            node_postprocessors=[SimilarityPostprocessor(similarity_cutoff=0.5)],
        ).query("Ada")
        none = rag(
            node_postprocessors=[SimilarityPostprocessor(similarity_cutoff=2.0)],
        ).query("Ada")
    assert len(engine.requests[0].chunks) == 1
    assert payload_of(response)["status"] == "ok"
    assert payload_of(none)["reason"] == "no nodes were retrieved"


def test_models_of_retrievers_do_not_count() -> None:
    class AskingRetriever(FactRetriever):
        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            EchoLLM().complete(f"Rewrite: {query_bundle.query_str}")
            return super()._retrieve(query_bundle)

    engine = StubEngine()
    handler = AttributionEventHandler(engine)
    with handler.attach():
        response = FactQueryEngine(llm=EchoLLM(), retriever=AskingRetriever()).query("Ada")
    check(response, "Ada")


# The wrapper


@pytest.mark.parametrize(
    "make",
    [
        rag,
        lambda: rag(EchoChatLLM()),
        lambda: FactQueryEngine(llm=EchoLLM(), retriever=FactRetriever()),
        lambda: RouterQueryEngine(
            LLMSingleSelector.from_defaults(
                llm=EchoLLM(answer='[{"choice": 1, "reason": "fits"}]')
            ),
            [tool(rag())],
            llm=EchoLLM(),
        ),
    ],
)
def test_wrapper_of_every_kind_of_engine(make: Any) -> None:
    wrapped = AttributedQueryEngine(make(), StubEngine())
    check(wrapped.query("Ada"), "Ada")

    async def ask() -> Any:
        return await asyncio.gather(*(wrapped.aquery(f"Name{n}") for n in range(10)))

    for number, response in enumerate(asyncio.run(ask())):
        check(response, f"Name{number}")
        assert wrapped.result(response).question == f"Name{number}"


def test_wrapper_of_sub_questions() -> None:
    wrapped = AttributedQueryEngine(sub_questions(rag()), StubEngine())
    assert payload_of(wrapped.query("Ada"))["status"] == "ok"


def test_wrapper_of_streams() -> None:
    wrapped = AttributedQueryEngine(rag(streaming=True), StubEngine())
    response: Any = wrapped.query("Ada")
    list(response.response_gen)
    check(response, "Ada")

    async def ask() -> Any:
        response: Any = await wrapped.aquery("Bea")
        assert [token async for token in response.async_response_gen()] == ["About ", "Bea "]
        await wrapped.aresult(response)
        return response

    check(asyncio.run(ask()), "Bea")


def test_wrapper_leaves_other_engines_alone() -> None:
    engine = StubEngine()
    wrapped = AttributedQueryEngine(rag(), engine)
    assert "attribution" not in (rag().query("Ada").metadata or {})
    assert engine.requests == []
    check(wrapped.query("Bea"), "Bea")
    assert wrapped.handler.span_handler.open_count == 0


def test_wrapper_detaches_when_it_goes() -> None:
    gc.collect()  # wrappers of other tests
    root = get_dispatcher()
    before = len(root.event_handlers), len(root.span_handlers)
    wrapped = AttributedQueryEngine(rag(), StubEngine())
    assert len(root.event_handlers) == before[0] + 1
    wrapped.query("Ada")
    del wrapped
    gc.collect()
    assert (len(root.event_handlers), len(root.span_handlers)) == before


def test_wrapper_beside_a_handler_attributes_once() -> None:
    engine = StubEngine()
    handler = AttributionEventHandler(engine)
    wrapped = AttributedQueryEngine(rag(), engine)
    with handler.attach():
        check(wrapped.query("Ada"), "Ada")
        asyncio.run(wrapped.aquery("Bea"))
    assert handler.wait(10)
    assert len(engine.requests) == 2


def test_wrapper_forwards_the_rest() -> None:
    inner = rag()
    wrapped = AttributedQueryEngine(inner, StubEngine(), metadata_key="own")
    bundle = QueryBundle("Ada")
    nodes = wrapped.retrieve(bundle)
    assert [one.node.node_id for one in nodes] == ["Ada-0", "Ada-1"]
    assert payload_of(wrapped.synthesize(bundle, nodes), "own")["status"] == "ok"
    response = asyncio.run(wrapped.asynthesize(bundle, nodes))
    assert payload_of(response, "own")["status"] == "ok"
    assert wrapped.retriever is inner.retriever
    prompts = wrapped.get_prompts()
    assert "query_engine:response_synthesizer:text_qa_template" in prompts
    assert wrapped.callback_manager is inner.callback_manager


def test_wrapper_records_errors() -> None:
    wrapped = AttributedQueryEngine(rag(), StubEngine(RuntimeError("no memory")))
    response = wrapped.query("Ada")
    assert isinstance(response, Response)
    assert response.response == "About Ada"
    assert payload_of(response)["reason"] == "RuntimeError: no memory"


def test_wrapper_of_an_engine_without_spans() -> None:
    class Silent(BaseQueryEngine):
        def __init__(self) -> None:
            super().__init__(None)

        def _get_prompt_modules(self) -> Any:
            return {}

        def _query(self, query_bundle: QueryBundle) -> Response:
            return Response("Ada is old.", source_nodes=[node("Ada is old.")])

        async def _aquery(self, query_bundle: QueryBundle) -> Response:
            return self._query(query_bundle)

    wrapped = AttributedQueryEngine(Silent(), StubEngine())
    payload = payload_of(wrapped.query("Ada"))
    assert (payload["status"], payload["prompt"]) == ("approximate", "template")


def test_wrapper_inside_a_chat_engine() -> None:
    wrapped = AttributedQueryEngine(rag(), StubEngine())
    chat = CondenseQuestionChatEngine.from_defaults(
        query_engine=wrapped,
        llm=EchoLLM(answer="Ada"),
        memory=ChatMemoryBuffer.from_defaults(
            chat_history=[ChatMessage(role=MessageRole.USER, content="Hello")], token_limit=3000
        ),
    )
    response = chat.chat("And Ada?")
    (citation,) = get_citations(response)
    assert citation.node_id == "Ada-0"


def test_metadata_survives_json_and_copies() -> None:
    wrapped = AttributedQueryEngine(rag(), StubEngine())
    response = wrapped.query("Ada")
    assert json.loads(json.dumps(response.metadata)) == response.metadata
    assert copy.deepcopy(response) == response


def test_engine_behind_an_index_node_leaves_prompts_as_they_are() -> None:
    """The recursive retriever writes an inner response's metadata into the outer prompt."""
    for key in ("attribution", None):
        llm = EchoLLM(answer="Fine.")
        inner = AttributedQueryEngine(rag(), StubEngine(), metadata_key=key)
        linked = NodeWithScore(
            node=IndexNode(text="All of Ada.", index_id="ada", obj=inner), score=1.0
        )
        engine = StubEngine()
        outer = AttributedQueryEngine(rag(llm, FactRetriever(nodes=[linked])), engine)
        payload = payload_of(outer.query("Ada"))
        assert payload["status"] == "ok", payload["reason"]
        assert "attribution" not in llm.prompts[0]


@pytest.mark.parametrize("way", ["query", "aquery"])
def test_wrapper_leaves_an_answer_that_another_handler_has_attributed(way: str) -> None:
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        engine = StubEngine()
        wrapped = AttributedQueryEngine(rag(EchoChatLLM()), engine)
        if way == "query":
            response = wrapped.query("Ada")
        else:
            response = asyncio.run(wrapped.aquery("Ada"))
            assert handler.wait(10)
    check(response, "Ada")
    assert engine.requests == []
