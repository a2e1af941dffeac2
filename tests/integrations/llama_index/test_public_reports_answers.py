"""What is shown of answers: labels, fields, other scripts, streams; many at once, forks."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler, TokenCountingHandler
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import CitationQueryEngine, RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import ImageNode, NodeWithScore, TextNode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel

from attribot_integrations.errors import InputError
from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionCallbackHandler,
    AttributionEventHandler,
    AttributionFilterPostprocessor,
    format_with_markers,
    get_citations,
)
from tests.integrations.llama_index.fakes import FactRetriever
from tests.integrations.llama_index.reported import (
    ASK_BIKE,
    ASK_BOTH,
    BIKE,
    TEMPLATE,
    TOWN,
    Scripted,
    ScriptedChat,
    engine,
    nodes,
    rag,
)
from tests.integrations.overlap import OverlapEngine


def watched(query_engine: Any, query: str = ASK_BIKE, by: Any = None) -> tuple[Any, Any]:
    handler = AttributionEventHandler(by or engine())
    with handler.attach():
        response = query_engine.query(query)
    return response, handler.result(response, 30)


def labels(response: Any) -> list[str]:
    return [each["label"] for each in response.metadata["attribution"]["statements"]]


def test_what_nothing_supports_is_shown_without_marks_and_sources() -> None:
    made_up = "The maker of the Norzel bike is Kelmar Press."
    response, record = watched(rag(made_up, nodes("galba", "roska")))
    assert (record.status, labels(response)) == ("ok", ["unsupported"])
    assert format_with_markers(response, sources=True) == made_up


SCRIPTS = {
    "zh": (
        "雷电影追求武道的极致。她练就了无想的一刀。大天狗不幸遇难。",
        "雷电影练就了无想的一刀。大天狗不幸遇难。",
        (3, 2),
    ),
    "ja": (
        "港は1962年に開かれた。町には川が流れている。市長は佐藤さんです。",
        "港は1962年に開かれました。市長は佐藤さんです。",
        (3, 2),
    ),
    "hi": (
        "बंदरगाह 1962 में खुला। महापौर रवि हैं। नदी शहर से बहती है।",
        "बंदरगाह 1962 में खुला। महापौर रवि हैं।",
        (3, 2),
    ),
    "ar": (
        "افتتح الميناء عام 1962. هل العمدة سالم؟ نعم، العمدة هو سالم.",
        "افتتح الميناء عام 1962. العمدة هو سالم.",
        (3, 2),
    ),
}


@pytest.mark.parametrize("language", SCRIPTS)
def test_scripts_have_sentences(language: str) -> None:
    text, answer, (sources, statements) = SCRIPTS[language]
    found = [NodeWithScore(node=TextNode(text=text, id_="one"), score=1.0), *nodes("norzel")]
    _, record = watched(rag(answer, found), "?")
    own = [each.text for each in record.attribution.sources if each.chunk_index == 0]
    assert (record.status, len(own), len(record.attribution.statements)) == (
        "ok",
        sources,
        statements,
    )
    assert "".join(own).replace(" ", "") == text.replace(" ", "")


class Report(BaseModel):
    maker: str
    festival: str


class Facts(BaseModel):
    facts: list[str]


@pytest.mark.parametrize(
    ("kind", "written", "values"),
    [
        (
            Report,
            '{"maker": "Roslin Works", "festival": "The festival month of Galba is May"}',
            {"Roslin Works": "norzel", "The festival month of Galba is May": "galba"},
        ),
        (Facts, f'{{"facts": ["{BIKE}", "{TOWN}"]}}', {BIKE: "norzel", TOWN: "galba"}),
    ],
)
def test_each_field_of_a_structured_answer_is_a_statement(
    kind: type[BaseModel], written: str, values: dict[str, str]
) -> None:
    query_engine = rag(written, nodes("norzel", "galmar", "galba"), output_cls=kind)
    response, record = watched(query_engine, ASK_BOTH, OverlapEngine())
    assert (record.status, record.reason) == ("ok", None)
    answer = response.metadata["attribution"]["answer"]
    assert answer == response.response.model_dump_json()
    best: dict[str, Any] = {}
    for one in get_citations(response):
        field = answer[one.answer_start : one.answer_end]
        if field not in best or one.score > best[field].score:
            best[field] = one
    assert {field: one.node_id for field, one in best.items()} == values
    paths = [each["path"] for each in response.metadata["attribution"]["statements"]]
    assert paths == (["$.maker", "$.festival"] if kind is Report else ["$.facts[0]", "$.facts[1]"])
    assert labels(response) == ["supported", "supported"]


@pytest.mark.parametrize("streaming", [False, True])
def test_chats_show_the_same_streamed_or_not(streaming: bool) -> None:
    chat = ContextChatEngine.from_defaults(
        retriever=FactRetriever(nodes=nodes("norzel", "galmar")),
        llm=ScriptedChat(say=BIKE, window=30_000),
        memory=ChatMemoryBuffer.from_defaults(token_limit=3_000),
    )
    with AttributionEventHandler(engine()).attach() as handler:
        response: Any = chat.stream_chat(ASK_BIKE) if streaming else chat.chat(ASK_BIKE)
        if streaming:
            assert "".join(response.response_gen).strip() == BIKE
        assert handler.wait(30)
    best = max(get_citations(response), key=lambda one: one.score)
    assert (best.node_id, best.text) == ("norzel", BIKE)


def test_old_callbacks_and_counters_beside_a_handler() -> None:
    done: list[str] = []
    handler = AttributionEventHandler(engine(), on_citations=lambda _: done.append("event"))
    old = AttributionCallbackHandler(engine(), on_citations=lambda _: done.append("old"))
    counter = TokenCountingHandler(tokenizer=str.split, verbose=False)
    manager = CallbackManager([counter, LlamaDebugHandler(print_trace_on_end=False), old])
    synthesizer = get_response_synthesizer(
        Scripted(say=BIKE, window=30_000, callback_manager=manager),
        callback_manager=manager,
        text_qa_template=TEMPLATE,
    )
    query_engine = RetrieverQueryEngine(
        FactRetriever(nodes=nodes("norzel", "galmar")), synthesizer, callback_manager=manager
    )
    with handler.attach():
        response = query_engine.query(ASK_BIKE)
    assert handler.result(response, 30) is old.result(response, 30)
    assert handler.wait(30)
    assert old.wait(30)
    assert sorted(done) == ["event", "old"]
    assert counter.total_llm_token_count > 0
    assert format_with_markers(response) == f"{BIKE} [1]"


def test_a_handler_on_a_dispatcher_that_sees_no_synthesis_says_so() -> None:
    handler = AttributionEventHandler(engine())
    with handler.attach(get_dispatcher("llama_index.core.query_engine")):
        response = rag(BIKE, nodes("norzel")).query(ASK_BIKE)
    with pytest.raises(InputError, match="carries no attribution"):
        get_citations(response)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are of Unix")
def test_a_fork_of_a_server_goes_on() -> None:
    handler = AttributionEventHandler(OverlapEngine())

    async def ask() -> str:
        response = await rag(BIKE, nodes("norzel"), chat=True).aquery(ASK_BIKE)
        return str((await handler.aresult(response, 20)).status)

    attachment = handler.attach()
    try:
        assert asyncio.run(ask()) == "ok"
        child = os.fork()
        if child == 0:
            code = 1
            try:
                response = rag(BIKE, nodes("norzel")).query(ASK_BIKE)
                cited = {one.node_id for one in get_citations(response)}
                code = 0 if asyncio.run(ask()) == "ok" and cited == {"norzel"} else 2
            finally:
                os._exit(code)
        ended, status = 0, None
        deadline = time.monotonic() + 60
        while not ended and time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.05)
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert status == 0
    finally:
        attachment.detach()


def test_many_questions_at_once_are_all_complete() -> None:
    wrapper = AttributedQueryEngine(rag(TOWN, nodes("galba"), chat=True), OverlapEngine())

    async def ask_all() -> list[Any]:
        asked = (wrapper.aquery(f"What is the festival month of Galba {i}?") for i in range(300))
        return await asyncio.gather(*asked)

    payloads = [each.metadata["attribution"] for each in asyncio.run(ask_all())]
    assert Counter(each["status"] for each in payloads) == {"ok": 300}
    assert {each["citations"][0]["node_id"] for each in payloads} == {"galba"}


def keeping(**options: Any) -> AttributionFilterPostprocessor:
    return AttributionFilterPostprocessor(engine(), threshold=0.5, signal="draft", **options)


def test_the_filter_before_a_citation_engine_and_over_images() -> None:
    found = nodes("delka", "norzel", "galba", "galmar", "roska")
    image = NodeWithScore(node=ImageNode(image="aGk=", id_="picture"), score=0.9)
    for given in (found, [image, *found]):
        kept = keeping().postprocess_nodes(given, query_str=ASK_BIKE)
        assert [each.node.node_id for each in kept] == ["norzel"]
    assert keeping().postprocess_nodes([image], query_str=ASK_BIKE) == []
    citing = CitationQueryEngine.from_args(
        index=None,  # type: ignore[arg-type]
        llm=Scripted(say=BIKE, window=30_000),
        retriever=FactRetriever(nodes=found),
        text_splitter=SentenceSplitter(chunk_size=512),
        node_postprocessors=[keeping()],
        citation_qa_template=TEMPLATE,
    )
    response, record = watched(citing)
    (cited,) = get_citations(response)
    assert (record.status, cited.node_id, cited.text) == ("ok", "norzel", BIKE)
    assert len(response.source_nodes) == 1


def test_the_filter_in_a_chat() -> None:
    chat = ContextChatEngine.from_defaults(
        retriever=FactRetriever(nodes=nodes("delka", "norzel", "galba", "galmar", "roska")),
        llm=ScriptedChat(say=BIKE, window=30_000),
        memory=ChatMemoryBuffer.from_defaults(token_limit=3_000),
        node_postprocessors=[keeping()],
    )
    assert [each.node.node_id for each in chat.chat(ASK_BIKE).source_nodes] == ["norzel"]


def test_the_filter_of_sentences_leaves_offsets_in_the_trimmed_node() -> None:
    query_engine = rag(BIKE, nodes("delka", "norzel", "galba"))
    query_engine._node_postprocessors = [
        AttributionFilterPostprocessor(engine(), signal="draft", granularity="sentence")
    ]
    response, _ = watched(query_engine)
    (node,) = [each.node for each in response.source_nodes if each.node.node_id == "norzel"]
    assert node.get_content() == BIKE
    assert node.metadata["attribot_spans"] == [[0, len(BIKE)]]
    cited = max(get_citations(response), key=lambda one: one.score)
    assert (cited.node_id, cited.node_start, cited.node_end) == ("norzel", 0, len(BIKE))
