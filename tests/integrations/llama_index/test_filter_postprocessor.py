"""Filtering nodes by relevance: alone and in query engines."""

import asyncio
import copy
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import (
    ImageNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeWithScore,
    QueryBundle,
    TextNode,
)
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.base import BaseEvent
from pydantic import PrivateAttr

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.query_engine import (
    DemoNodeRetriever,
    DemoQueryEngine,
    demo_query_engine,
)
from attribot_integrations.errors import ConfigurationError, InputError, PromptTooLongError
from attribot_integrations.filtering import QuestionSignal
from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionEventHandler,
    AttributionFilterPostprocessor,
    get_citations,
)
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import FactRetriever, node, payload_of, rag
from tests.integrations.scorers import MarkedScorer

LOGGER = "attribot_integrations.filtering.chunk_filter"


@pytest.fixture(scope="module")
def demo() -> DemoQueryEngine:
    return demo_query_engine(AttributionEngine.demo(), k=9)


def marked() -> list[NodeWithScore]:
    texts = {"a": "A @0.25.", "b": "B @0.75.", "c": "C @0.5.", "d": "D."}
    return [node(text, id_=id_, metadata={"tags": ["x"]}) for id_, text in texts.items()]


def ids(nodes: Sequence[NodeWithScore]) -> str:
    return "".join(one.node_id for one in nodes)


def dumped(nodes: Sequence[NodeWithScore]) -> list[dict[str, Any]]:
    return copy.deepcopy([one.model_dump() for one in nodes])


def scored(demo: DemoQueryEngine) -> list[NodeWithScore]:
    return [NodeWithScore(node=one, score=0.1) for one in demo.nodes]


def over(demo: DemoQueryEngine, *processors: BaseNodePostprocessor) -> RetrieverQueryEngine:
    """The demo's engine with post-processors."""
    return RetrieverQueryEngine(
        retriever=demo.retriever,
        response_synthesizer=demo.query_engine._response_synthesizer,
        node_postprocessors=list(processors),
    )


# What is kept


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "bc"),
        ({"threshold": 0.5}, "bc"),  # inclusive
        ({"threshold": 0.51}, "b"),
        ({"threshold": 0.0}, "abcd"),
        ({"threshold": 1}, ""),
        ({"top_n": 1}, "b"),
        ({"top_n": 3}, "abc"),
        ({"top_n": 3, "threshold": 0.5}, "bc"),
        ({"threshold": 1, "min_nodes": 2}, "bc"),
        ({"min_nodes": 9}, "abcd"),
    ],
)
def test_limits(options: dict[str, Any], expected: str) -> None:
    processor = AttributionFilterPostprocessor(MarkedScorer(), **options)
    assert ids(processor.postprocess_nodes(marked(), query_str="?")) == expected


def test_nodes_are_scored_anew_and_not_changed() -> None:
    nodes = marked()
    before = dumped(nodes)
    kept = AttributionFilterPostprocessor(MarkedScorer()).postprocess_nodes(nodes, QueryBundle("?"))
    assert dumped(nodes) == before
    assert [one.score for one in kept] == [0.75, 0.5]
    assert all(type(one.score) is float for one in kept)
    assert [one.node for one in kept] == [nodes[1].node, nodes[2].node]
    assert not {id(one) for one in kept} & {id(one) for one in nodes}
    for one in kept:
        assert json.loads(one.model_dump_json())["score"] == one.score


def test_no_nodes_come_back_as_they_are() -> None:
    scorer = MarkedScorer()
    processor = AttributionFilterPostprocessor(scorer, min_nodes=1)
    nothing: list[NodeWithScore] = []
    assert processor.postprocess_nodes(nothing) is nothing
    assert asyncio.run(processor.apostprocess_nodes(nothing, query_str="?")) is nothing
    assert scorer.questions == []


def test_retrieval_score_is_kept_where_prompts_do_not_show_it() -> None:
    nodes = marked()
    nodes[2].score = None
    before = dumped(nodes)
    processor = AttributionFilterPostprocessor(MarkedScorer(), keep_retrieval_score=True)
    kept = processor.postprocess_nodes(nodes, query_str="?")
    assert dumped(nodes) == before
    assert [one.metadata for one in kept] == [
        {"tags": ["x"], "retrieval_score": 1.0},
        {"tags": ["x"], "retrieval_score": None},
    ]
    for new, old in zip(kept, nodes[1:3], strict=True):
        for mode in MetadataMode.LLM, MetadataMode.EMBED:
            assert new.get_content(mode) == old.get_content(mode)


def test_sentences_are_trimmed() -> None:
    text = " One @0.75. Two.\n\nThree @0.5. Four. "
    nodes = [
        node(text, id_="x", metadata={"title": "T"}, start_char_idx=3, end_char_idx=39),
        node("Five.", id_="y"),
    ]
    before = dumped(nodes)
    processor = AttributionFilterPostprocessor(MarkedScorer(), granularity="sentence", min_nodes=2)
    trimmed, whole = processor.postprocess_nodes(nodes, query_str="?")
    assert (trimmed.text, trimmed.node_id) == ("One @0.75.\n\nThree @0.5.", "x")
    spans = trimmed.metadata["attribot_spans"]
    assert [text[start:end] for start, end in spans] == ["One @0.75.", "Three @0.5."]
    assert (whole.text, whole.metadata) == ("Five.", {"attribot_spans": [[0, 5]]})
    assert dumped(nodes) == before
    assert trimmed.get_content(MetadataMode.LLM) == "title: T\n\nOne @0.75.\n\nThree @0.5."
    assert "attribot" not in trimmed.get_content(MetadataMode.EMBED)
    json.dumps(trimmed.metadata)


def test_metadata_counts_but_is_not_trimmed_into_the_text() -> None:
    scorer = MarkedScorer()
    one = node("First. Second @0.5.", metadata={"note": "@0.75."})
    processor = AttributionFilterPostprocessor(scorer, granularity="sentence")
    (kept,) = processor.postprocess_nodes([one], query_str="?")
    assert scorer.seen[0][0].text == "note: @0.75.\n\nFirst. Second @0.5."
    assert (kept.score, kept.text) == (0.75, "Second @0.5.")
    one = node("First. Second.", metadata={"note": "@0.75."})
    (kept,) = processor.postprocess_nodes([one], query_str="?")
    assert (kept.score, kept.text) == (0.75, "First. Second.")


def test_other_kinds_of_nodes() -> None:
    class Framed(TextNode):
        def get_content(self, metadata_mode: MetadataMode = MetadataMode.NONE) -> str:
            return self.text if metadata_mode == MetadataMode.NONE else "Shown @0.75. More."

    resource = Node(text_resource=MediaResource(text="One @0.75. Two."), id_="n")
    nodes = [NodeWithScore(node=one) for one in (resource, Framed(text="Own."), ImageNode())]
    before = dumped(nodes)
    processor = AttributionFilterPostprocessor(MarkedScorer(), granularity="sentence")
    kept = processor.postprocess_nodes(nodes, query_str="?")
    assert [one.node.get_content(MetadataMode.NONE) for one in kept] == ["One @0.75.", "Own."]
    assert kept[0].node_id == "n"
    assert dumped(nodes) == before


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": -0.1}, "threshold must be from 0 to 1, got -0.1"),
        ({"top_n": 0}, "top_n must be at least 1, got 0"),
        ({"min_nodes": -1}, "min_nodes must not be negative, got -1"),
        (
            {"signal": "x"},
            r"signal must be one of \['words', 'draft', 'question', 'both'\], got 'x'",
        ),
        ({"granularity": "word"}, r"must be one of \['chunk', 'sentence'\], got 'word'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        AttributionFilterPostprocessor(MarkedScorer(), **options)
    processor = AttributionFilterPostprocessor(MarkedScorer())
    for name, value in options.items():  # engines and users set fields later
        setattr(processor, name, value)
    with pytest.raises(ConfigurationError, match=message):
        processor.postprocess_nodes(marked(), query_str="?")


def test_a_query_is_needed() -> None:
    processor = AttributionFilterPostprocessor(MarkedScorer())
    with pytest.raises(InputError, match="a query is needed to filter 4 nodes, pass query_bundle"):
        processor.postprocess_nodes(marked())


def test_fields_can_be_stored() -> None:
    scorer = MarkedScorer()
    processor = AttributionFilterPostprocessor(scorer, threshold=0.6, keep_retrieval_score=True)
    stored = json.loads(processor.to_json())
    assert stored == {
        "class_name": "AttributionFilterPostprocessor",
        "threshold": 0.6,
        "top_n": None,
        "min_nodes": 0,
        "keep_retrieval_score": True,
        "signal": "words",
        "granularity": "chunk",
        "raise_error": False,
    }
    again = AttributionFilterPostprocessor.from_dict(stored, engine=scorer)
    assert ids(again.postprocess_nodes(marked(), query_str="?")) == "b"
    assert BaseNodePostprocessor in AttributionFilterPostprocessor.__mro__


# Failures


def test_nodes_that_cannot_be_scored_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    nodes = marked()
    scorer = MarkedScorer(error=RuntimeError("worse"))
    with caplog.at_level(logging.WARNING, LOGGER):
        kept = AttributionFilterPostprocessor(scorer, top_n=1).postprocess_nodes(
            nodes, query_str="?"
        )
    assert kept == nodes
    assert kept is not nodes
    assert [one.score for one in kept] == [1.0] * 4
    assert "all 4 nodes are kept, for they could not be scored: RuntimeError: worse" in caplog.text
    strict = AttributionFilterPostprocessor(scorer, raise_error=True)
    with pytest.raises(RuntimeError, match="worse"):
        strict.postprocess_nodes(nodes, query_str="?")
    with pytest.raises(RuntimeError, match="worse"):
        asyncio.run(strict.apostprocess_nodes(nodes, query_str="?"))


def test_huge_nodes_are_kept(demo: DemoQueryEngine, caplog: pytest.LogCaptureFixture) -> None:
    nodes = [*scored(demo)[:2], node("The flag shows the fox. " * 7000, id_="huge")]
    processor = AttributionFilterPostprocessor(demo.engine, signal="draft")
    with caplog.at_level(logging.WARNING, LOGGER):
        assert processor.postprocess_nodes(nodes, query_str=demo.questions[0]) == nodes
    assert "could not be scored: PromptTooLongError: " in caplog.text
    strict = AttributionFilterPostprocessor(demo.engine, signal="draft", raise_error=True)
    with pytest.raises(PromptTooLongError):
        strict.postprocess_nodes(nodes, query_str=demo.questions[0])


# Events


class Events(BaseEventHandler):
    """Keeps rerank events."""

    _events: list[BaseEvent] = PrivateAttr(default_factory=list)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        if isinstance(event, ReRankStartEvent | ReRankEndEvent):
            self._events.append(event)


class Legacy(BaseCallbackHandler):
    """Keeps payloads of reranking."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.payloads: list[Any] = []

    def on_event_start(
        self, event_type: CBEventType, payload: dict[str, Any] | None = None, *_: Any, **__: Any
    ) -> str:
        if event_type == CBEventType.RERANKING:
            self.payloads.append(payload)
        return ""

    def on_event_end(
        self, event_type: CBEventType, payload: dict[str, Any] | None = None, *_: Any, **__: Any
    ) -> None:
        if event_type == CBEventType.RERANKING:
            self.payloads.append(payload)

    def start_trace(self, trace_id: str | None = None) -> None: ...

    def end_trace(self, *_: Any, **__: Any) -> None: ...


@pytest.fixture
def events() -> Iterator[list[BaseEvent]]:
    handler = Events()
    dispatcher = get_dispatcher()
    dispatcher.add_event_handler(handler)
    yield handler._events
    dispatcher.event_handlers = [one for one in dispatcher.event_handlers if one is not handler]


def test_rerank_events(events: list[BaseEvent]) -> None:
    legacy = Legacy()
    processor = AttributionFilterPostprocessor(MarkedScorer(), top_n=3)
    processor.callback_manager = CallbackManager([legacy])
    nodes = marked()
    kept = processor.postprocess_nodes(nodes, QueryBundle("Who?"))
    start, end = events
    assert isinstance(start, ReRankStartEvent)
    assert isinstance(end, ReRankEndEvent)
    assert isinstance(start.query, QueryBundle)
    assert (start.query.query_str, start.top_n, start.model_name) == ("Who?", 3, "words")
    assert (start.nodes, end.nodes) == (nodes, kept)
    first, second = legacy.payloads
    assert first[EventPayload.QUERY_STR] == "Who?"
    assert first[EventPayload.TOP_K] == 3
    assert first[EventPayload.NODES] == nodes
    assert second[EventPayload.NODES] == kept


def test_events_name_the_model(demo: DemoQueryEngine, events: list[BaseEvent]) -> None:
    processor = AttributionFilterPostprocessor(demo.engine, signal="draft")
    processor.postprocess_nodes(scored(demo), query_str=demo.questions[0])
    start = events[0]
    assert isinstance(start, ReRankStartEvent)
    assert (start.top_n, start.model_name) == (9, demo.engine.target.name)


# On the bundled models


@pytest.mark.parametrize(("signal", "most"), [("words", 7), ("draft", 4)])
def test_relevant_nodes_are_found(demo: DemoQueryEngine, signal: Any, most: int) -> None:
    nodes = scored(demo)
    before = dumped(nodes)
    processor = AttributionFilterPostprocessor(demo.engine, signal=signal)
    order = [one.node_id for one in nodes]
    for question in demo.questions:
        kept = processor.postprocess_nodes(nodes, query_str=question)
        names = [one.node_id for one in kept]
        assert {one.node_id for one in demo.nodes if one.metadata["title"] in question} <= {*names}
        assert len(names) <= most < len(order)
        assert names == sorted(names, key=order.index)
    assert dumped(nodes) == before


@pytest.mark.parametrize("granularity", ["chunk", "sentence"])
def test_query_engine_answers_the_same_from_fewer_nodes(
    demo: DemoQueryEngine, granularity: Any
) -> None:
    processor = AttributionFilterPostprocessor(
        demo.engine, signal="draft", granularity=granularity, keep_retrieval_score=True
    )
    filtered = over(demo, processor)
    handler = AttributionEventHandler(demo.engine)
    with handler.attach():
        for question in demo.questions[-3:]:
            response = filtered.query(question)
            record = handler.result(response)
            assert (record.status, record.prompt_used) == ("ok", "captured")
            assert len(response.source_nodes) <= 4
            assert all(type(one.score) is float for one in response.source_nodes)
            cited = get_citations(response)
            assert cited or granularity == "sentence"
            assert all(one.metadata["title"] in question for one in cited)
            for one in cited:
                assert one.source_index is not None
                text = response.source_nodes[one.source_index].text
                assert text[one.node_start : one.node_end] == one.text
            plain = demo.query_engine.query(question)
            assert str(response) == str(plain)
            handler.result(plain)


def test_async_query_engine(demo: DemoQueryEngine) -> None:
    filtered = over(demo, AttributionFilterPostprocessor(demo.engine))
    wrapped = AttributedQueryEngine(filtered, demo.engine)
    question = demo.questions[0]
    response = asyncio.run(wrapped.aquery(question))
    assert str(response) == str(demo.query_engine.query(question))
    assert [one.metadata["title"] for one in get_citations(response)] == ["Delka"]
    assert len(response.source_nodes) <= 4


def test_engine_whose_nodes_are_all_irrelevant() -> None:
    processor = AttributionFilterPostprocessor(MarkedScorer(), threshold=1)
    filtered = rag(retriever=FactRetriever(nodes=marked()), node_postprocessors=[processor])
    response = AttributedQueryEngine(filtered, StubEngine()).query("Ada")
    assert (str(response), response.source_nodes) == ("Empty Response", [])
    payload = payload_of(response)
    assert (payload["status"], payload["reason"]) == ("skipped", "no nodes were retrieved")


def test_blank_nodes_are_dropped_and_doubles_are_kept(demo: DemoQueryEngine) -> None:
    question = demo.questions[0]
    relevant = next(one for one in demo.nodes if one.metadata["title"] in question)
    other = next(one for one in demo.nodes if "phone" in one.text)
    nodes = [
        node(""),
        *(NodeWithScore(node=one) for one in (relevant, other, relevant.model_copy())),
        node(" \n\t"),
    ]
    before = dumped(nodes)
    processor = AttributionFilterPostprocessor(demo.engine, signal="draft")
    kept = processor.postprocess_nodes(nodes, query_str=question)
    assert [one.node_id for one in kept] == [relevant.node_id] * 2
    assert dumped(nodes) == before
    assert processor.postprocess_nodes([node(""), node(" ")], query_str=question) == []
    (alone,) = processor.postprocess_nodes([nodes[1]], query_str=question)
    assert alone.node is relevant
    least = AttributionFilterPostprocessor(demo.engine, min_nodes=1, granularity="sentence")
    (blank,) = least.postprocess_nodes([node("")], query_str=question)
    assert (blank.score, blank.text, blank.metadata) == (0.0, "", {"attribot_spans": [[0, 0]]})


def test_signals(demo: DemoQueryEngine) -> None:
    by_name = AttributionFilterPostprocessor(demo.engine, signal="question", top_n=2)
    as_object = AttributionFilterPostprocessor(demo.engine, signal=QuestionSignal(), top_n=2)
    kept = by_name.postprocess_nodes(scored(demo), query_str=demo.questions[0])
    assert kept == as_object.postprocess_nodes(scored(demo), query_str=demo.questions[0])
    assert len(kept) == 2


def test_threads_and_tasks_get_the_same(demo: DemoQueryEngine) -> None:
    processor = AttributionFilterPostprocessor(demo.engine)
    retriever = DemoNodeRetriever(demo.nodes)

    def filtered(question: str) -> list[NodeWithScore]:
        return processor.postprocess_nodes(retriever.retrieve(question), query_str=question)

    few = [*demo.questions[:2]]
    expected = [filtered(question) for question in few]
    questions = few * 3
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(filtered, questions)) == expected * 3

    async def together() -> list[list[NodeWithScore]]:
        return await asyncio.gather(
            *(
                processor.apostprocess_nodes(retriever.retrieve(question), query_str=question)
                for question in questions
            )
        )

    assert asyncio.run(together()) == expected * 3


async def test_event_loop_stays_free() -> None:
    scorer = MarkedScorer(release=threading.Event())
    assert scorer.release is not None
    asyncio.get_running_loop().call_later(0.01, scorer.release.set)  # never runs if it is blocked
    processor = AttributionFilterPostprocessor(scorer)
    assert ids(await processor.apostprocess_nodes(marked(), query_str="?")) == "bc"
    assert scorer.threads != [threading.current_thread().name]


# What the documentation shows


def test_readme_example(demo: DemoQueryEngine) -> None:
    engine, retriever, llm, question = demo.engine, demo.retriever, demo.llm, demo.questions[0]

    keep_relevant = AttributionFilterPostprocessor(engine, threshold=0.5, top_n=4)
    query_engine = RetrieverQueryEngine.from_args(
        retriever, llm=llm, node_postprocessors=[keep_relevant]
    )
    response = query_engine.query(question)

    assert "Bragor Selwen" in str(response)
    assert 1 <= len(response.source_nodes) <= 4
