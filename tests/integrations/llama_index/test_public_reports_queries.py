"""Query and chat engines as people build them: which node each answer cites, or why none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from llama_index.core import MockEmbedding, Settings
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
)
from llama_index.core.evaluation import RelevancyEvaluator
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.indices.query.query_transform.base import StepDecomposeQueryTransform
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import (
    CitationQueryEngine,
    FLAREInstructQueryEngine,
    MultiStepQueryEngine,
    RetrieverQueryEngine,
    RetryQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever, QueryFusionRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionEventHandler,
    AttributionRecord,
    format_with_markers,
    get_citations,
)
from tests.integrations.llama_index.fakes import FactRetriever, node
from tests.integrations.llama_index.reported import (
    ASK_BIKE,
    ASK_BOTH,
    BIKE,
    TEMPLATE,
    TEXTS,
    TOWN,
    Calling,
    Scripted,
    engine,
    nodes,
    rag,
)

FOUND = ("norzel", "galmar")


def files(response: Any) -> list[tuple[str, str]]:
    """The file and the text of each citation, as they come."""
    return [(str(one.metadata["file_name"]), one.text) for one in get_citations(response)]


# Marks that the generator writes itself


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (" [2].", " [3]."),
        (" [1].", " [5]."),
        (". [2]", ". [3]"),
        (".", "."),
    ],
    ids=["right", "wrong", "behind the full stop", "none"],
)
def test_the_generators_own_marks_change_no_citation(one: str, two: str) -> None:
    answer = f"{BIKE.rstrip('.')}{one} {TOWN.rstrip('.')}{two}"
    query_engine = CitationQueryEngine(
        retriever=FactRetriever(nodes=nodes(*TEXTS)),
        llm=Scripted(say=answer),
        response_synthesizer=get_response_synthesizer(
            Scripted(say=answer, window=30_000), text_qa_template=TEMPLATE
        ),
        text_splitter=SentenceSplitter(chunk_size=512, chunk_overlap=20),
    )
    with AttributionEventHandler(engine()).attach() as handler:
        response = query_engine.query(ASK_BOTH)
    record = handler.result(response)
    assert record.status == "ok", record.reason
    assert files(response) == [("norzel.pdf", BIKE), ("galba.pdf", TOWN)]
    first, second = get_citations(response)
    assert answer[first.answer_start : first.answer_end].startswith(BIKE.rstrip("."))
    assert answer[second.answer_start : second.answer_end].startswith(TOWN.rstrip("."))


# Engines around engines


def votes(*given: str) -> Scripted:
    left = list(given)
    return Scripted(say=lambda _: left.pop(0) if len(left) > 1 else left[0])


@pytest.fixture
def settings() -> Iterator[None]:
    before = Settings._llm, Settings._embed_model
    Settings.llm, Settings.embed_model = Scripted(say=BIKE, window=30_000), MockEmbedding(8)
    yield
    Settings._llm, Settings._embed_model = before


def plain(**options: Any) -> RetrieverQueryEngine:
    return rag(BIKE, nodes(*FOUND), **options)


def hypothetical() -> Any:
    transform = HyDEQueryTransform(llm=Scripted(say="A bike is made by someone."))
    return TransformQueryEngine(plain(), transform)


def tried_again() -> Any:
    return RetryQueryEngine(plain(), RelevancyEvaluator(llm=votes("NO", "YES")))


def passed_at_once() -> Any:
    return RetryQueryEngine(plain(), RelevancyEvaluator(llm=votes("YES")))


def looking_ahead() -> Any:
    return FLAREInstructQueryEngine(plain(), llm=votes(f"[Search({ASK_BIKE})]", BIKE, "done"))


def in_steps() -> Any:
    return MultiStepQueryEngine(
        query_engine=plain(),
        query_transform=StepDecomposeQueryTransform(llm=Scripted(say=ASK_BIKE)),
        response_synthesizer=get_response_synthesizer(
            Scripted(say=BIKE, window=30_000), text_qa_template=TEMPLATE
        ),
        num_steps=2,
    )


def fused() -> Any:
    retriever = QueryFusionRetriever(
        [FactRetriever(nodes=nodes("norzel")), FactRetriever(nodes=nodes("galmar"))],
        llm=Scripted(say="who\nwhat"),
        num_queries=3,
        use_async=False,
    )
    return RetrieverQueryEngine(
        retriever,
        get_response_synthesizer(Scripted(say=BIKE, window=30_000), text_qa_template=TEMPLATE),
    )


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("make", "answers"),
    [
        (hypothetical, 1),
        (passed_at_once, 1),
        (tried_again, 2),
        (looking_ahead, 2),
        (in_steps, 3),
        (fused, 1),
    ],
)
def test_engines_around_engines_cite_the_file(make: Any, answers: int) -> None:
    seen: list[AttributionRecord] = []
    handler = AttributionEventHandler(engine(), on_citations=seen.append)
    with handler.attach():
        response = make().query(ASK_BIKE)
    assert handler.wait(30)
    assert files(response) == [("norzel.pdf", BIKE)]
    assert handler.result(response).status == "ok"
    assert [record.answer.strip() for record in seen] == [BIKE] * answers


# Long contexts


def filled(number: int, sentences: int, *, text: str = "") -> NodeWithScore:
    filler = (
        f"In shops the Delka hat number {i}{number} costs {i + 3} coins." for i in range(sentences)
    )
    return node(f"{text} {' '.join(filler)}".strip(), id_=f"k{number}")


def test_one_fact_among_many_nodes_is_found() -> None:
    found = [filled(i, 5, text=TEXTS["norzel"] if i == 7 else "") for i in range(10)]
    with AttributionEventHandler(engine()).attach() as handler:
        response = rag(BIKE, found, window=1_000_000).query(ASK_BIKE)
    assert handler.result(response).status == "ok"
    best = max(get_citations(response), key=lambda one: one.score)
    assert (best.source_index, best.node_id, best.text) == (7, "k7", BIKE)


def test_more_than_the_scoring_model_takes_is_an_error_with_the_remedy(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = [filled(0, 3_000, text=TEXTS["norzel"]), *nodes("galmar")]
    with AttributionEventHandler(engine()).attach() as handler:
        response = rag(BIKE, found, window=10_000_000).query(ASK_BIKE)
    record = handler.result(response)
    assert str(response) == BIKE, "the query goes on"
    assert (record.status, record.citations) == ("error", ())
    assert record.reason is not None
    assert record.reason.endswith(
        "pass fewer or shorter chunks, or use a model with a longer context"
    )
    assert caplog.text.count(f"attribution of answer {record.id} failed") == 1


# Odd characters

ODD = {
    "CRLF": "The maker of the Norzel bike is Roslin Works.\r\nIn shops it costs 910 coins.\r\n",
    "NUL": "The maker of the Norzel bike is\x00 Roslin Works.",
    "soft hyphen": "The maker of the Nor\u00adzel bike is Roslin Works.",
    "zero width": "\ufeffThe maker of the Norzel bike is\u200b Roslin Works.",
    "form feed": "The maker of the Norzel bike is Roslin Works.\x0cPage 2",
    "spaces that do not break": "\u00a0The maker of the Norzel bike is Roslin Works.\u00a0",
    "line separator": "The maker of the Norzel bike is Roslin Works.\u2028It costs 910 coins.",
    "braces": "The maker of the {Norzel} bike is Roslin Works. {context_str}",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_characters_are_no_obstacle(text: str) -> None:
    found = [NodeWithScore(node=TextNode(text=text, id_="x")), *nodes("galmar")]
    with AttributionEventHandler(engine()).attach() as handler:
        response = rag(BIKE, found).query(ASK_BIKE)
    record = handler.result(response)
    assert (record.status, record.prompt_used) == ("ok", "captured"), record.reason
    best = max(get_citations(response), key=lambda one: one.score)
    assert best.node_id == "x"
    assert text[best.node_start : best.node_end] == best.text
    assert "Roslin Works." in best.text


@pytest.mark.parametrize(
    "answer",
    [
        f"\n\n{BIKE}",
        f"{BIKE}\n\n",
        f"<think>The user asks for a maker. Roslin Works is named.</think>\n\n{BIKE}",
    ],
    ids=["blank lines before", "blank lines behind", "thoughts"],
)
def test_what_is_no_part_of_the_answer_changes_nothing(answer: str) -> None:
    with AttributionEventHandler(engine()).attach() as handler:
        response = rag(answer, nodes(*FOUND)).query(ASK_BIKE)
    assert files(response) == [("norzel.pdf", BIKE)]
    (citation,) = get_citations(response)
    assert answer[citation.answer_start : citation.answer_end] == BIKE
    assert [one.label for one in handler.result(response).attribution.support] == ["supported"]  # type: ignore[union-attr]


# Chats


class Turns(BaseRetriever):
    """Finds the bike when it is asked for, and else the town."""

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return nodes("norzel") if "Norzel" in query_bundle.query_str else nodes("galba")


async def test_an_answer_from_the_history_is_not_cited_from_what_was_retrieved() -> None:
    chat = ContextChatEngine.from_defaults(
        retriever=Turns(),
        llm=Calling(say=BIKE),
        memory=ChatMemoryBuffer.from_defaults(token_limit=3000),
    )
    with AttributionEventHandler(engine()).attach() as handler:
        first, second = await chat.achat(ASK_BIKE), await chat.achat("Say that again?")
        records = [await handler.aresult(one, 30) for one in (first, second)]
    assert [record.status for record in records] == ["ok", "ok"]
    assert files(first)[0] == ("norzel.pdf", BIKE)
    assert format_with_markers(first) == f"{BIKE} [1]"
    assert records[1].attribution is not None
    assert [one.label for one in records[1].attribution.support] != ["supported"]
    assert format_with_markers(second, sources=True) == BIKE, "no mark, and no source below"


@pytest.mark.parametrize("kind", [ContextChatEngine, CondensePlusContextChatEngine])
@pytest.mark.parametrize("way", ["achat", "astream_chat"])
async def test_a_chat_that_finds_nothing_says_so(kind: Any, way: str) -> None:
    chat = kind.from_defaults(
        retriever=FactRetriever(nodes=[]),
        llm=Calling(say=BIKE),
        memory=ChatMemoryBuffer.from_defaults(token_limit=3000),
    )
    with AttributionEventHandler(engine()).attach() as handler:
        response = await getattr(chat, way)(ASK_BIKE)
        if way == "astream_chat":
            assert [token async for token in response.async_response_gen()]
        record = await handler.aresult(response, 30)
    assert (record.status, record.reason) == ("skipped", "no nodes were retrieved")


async def test_a_condensed_question_is_the_question() -> None:
    def say(messages: Sequence[ChatMessage]) -> str:
        return ASK_BIKE

    chat = CondenseQuestionChatEngine.from_defaults(
        query_engine=plain(chat=True),
        llm=Calling(say=say),
        memory=ChatMemoryBuffer.from_defaults(token_limit=3000),
    )
    with AttributionEventHandler(engine()).attach() as handler:
        await chat.achat(ASK_BIKE)
        response = await chat.achat("And who makes it?")
        record = await handler.aresult(response, 30)
    assert (record.question, record.status) == (ASK_BIKE, "ok")
    assert files(response) == [("norzel.pdf", BIKE)]


# A handler for good, and a wrapper made later


def test_a_handler_for_good_and_a_wrapper_inside() -> None:
    handler = AttributionEventHandler(engine())
    attachment = handler.attach()
    try:
        wrapped = AttributedQueryEngine(plain(), engine())
        responses = [wrapped.query(ASK_BIKE), asyncio.run(wrapped.aquery(ASK_BIKE))]
    finally:
        attachment.detach()
    for response in responses:
        assert files(response) == [("norzel.pdf", BIKE)]
        assert handler.result(response, 30) is wrapped.result(response, 30)
