"""The same pipelines, called in every form, leave the same records."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_classic.chains import RetrievalQA, create_retrieval_chain
from langchain_classic.chains.combine_documents import create_stuff_documents_chain
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel, RunnablePassthrough

from attribot_integrations.langchain import CitationRecord, cite
from tests.integrations.langchain.fakes import FixedRetriever, using
from tests.integrations.langchain.scripted import (
    ANSWER,
    ASK,
    BIKE,
    FLAG,
    GALBA,
    PHONE,
    PROMPT,
    QUESTION,
    SECOND,
    Streaming,
    calls,
    engine,
    join,
    watched,
)
from tests.integrations.langchain.test_handed_back import ASKED, agent
from tests.integrations.langchain.test_several_calls import (
    graph,
    node_check,
    node_correct,
    node_generate,
    node_grade,
    node_retrieve,
)

Made = tuple[Runnable[Any, Any], Any]


def lcel() -> Made:
    found = FixedRetriever(found=[BIKE, PHONE]) | join
    start = {"context": found, "question": RunnablePassthrough()}
    return start | PROMPT | Streaming(lines=[ANSWER]) | StrOutputParser(), QUESTION


def thinking() -> Made:
    found = FixedRetriever(found=[BIKE, PHONE]) | join
    line = f"<think>{SECOND}</think>\n\n{ANSWER}\n"
    start = {"context": found, "question": RunnablePassthrough()}
    return start | PROMPT | Streaming(lines=[line]), QUESTION


def classic() -> Made:
    prompt = ChatPromptTemplate.from_template(ASK.replace("{question}", "{input}"))
    answer = create_stuff_documents_chain(Streaming(lines=[ANSWER]), prompt)
    return create_retrieval_chain(FixedRetriever(found=[BIKE, PHONE]), answer), {"input": QUESTION}


def refined() -> Made:
    chain = RetrievalQA.from_chain_type(
        Streaming(lines=["I do not know.", ANSWER, f"{ANSWER} {SECOND}"]),
        retriever=FixedRetriever(found=[FLAG, BIKE, GALBA]),
        chain_type="refine",
    )
    return chain, {"query": QUESTION}


def merged() -> Made:
    chain = RetrievalQA.from_chain_type(
        Streaming(lines=["The Norzel bike is 910 coins.", "The phone is 440.", ANSWER]),
        retriever=FixedRetriever(found=[BIKE, PHONE]),
        chain_type="map_reduce",
    )
    return chain, {"query": QUESTION}


def checked() -> Made:
    nodes = (node_retrieve, node_grade, node_generate, node_correct, node_check)
    return graph(*nodes), {"question": QUESTION}


def of_an_agent() -> Made:
    return agent(model=Streaming), ASKED


def side_by_side() -> Made:
    def branch(answer: str) -> Runnable[Any, Any]:
        found = FixedRetriever(found=[BIKE, GALBA]) | join
        start = {"context": found, "question": RunnablePassthrough()}
        return start | PROMPT | Streaming(lines=[answer]) | StrOutputParser()

    return RunnableParallel(price=branch(ANSWER), month=branch(SECOND)), QUESTION


def filled_in() -> Made:
    found = FixedRetriever(found=[BIKE, PHONE]) | join
    start = {"context": found, "question": RunnablePassthrough()}
    model = Streaming(lines=[calls("Tool", reply=ANSWER)])
    parse = RunnableLambda(lambda message: message.tool_calls[0]["args"])
    return start | PROMPT | model | parse, QUESTION


PIPELINES = [
    lcel, thinking, classic, refined, merged, checked, of_an_agent, side_by_side, filled_in
]  # fmt: skip


async def _read(stream: Any) -> None:
    async for _ in stream:
        pass


FORMS: dict[str, Callable[[Runnable[Any, Any], Any, Any], object]] = {
    "invoke": lambda chain, asked, config: chain.invoke(asked, config),
    "ainvoke": lambda chain, asked, config: asyncio.run(chain.ainvoke(asked, config)),
    "stream": lambda chain, asked, config: list(chain.stream(asked, config)),
    "astream": lambda chain, asked, config: asyncio.run(_read(chain.astream(asked, config))),
    "batch": lambda chain, asked, config: chain.batch([asked], config),
    "abatch": lambda chain, asked, config: asyncio.run(chain.abatch([asked], config)),
}


def seen(records: Any) -> list[Any]:
    """All that is known of records, but for ids of runs."""
    return sorted(map(_known, records), key=lambda known: str(known[:2]))


def _known(record: CitationRecord) -> tuple[Any, ...]:
    assert record.attribution is not None
    return (
        record.question,
        record.answer,
        record.chunks,
        record.prompt,
        record.status,
        record.reason,
        record.prompt_used,
        [
            (each.chunk_id, each.answer_start, each.answer_end, round(each.score, 3), each.exact)
            for each in record.attribution.citations
        ],
        [each.label for each in record.attribution.support],
    )


@pytest.mark.parametrize("make", PIPELINES)
def test_every_form_leaves_the_same_records(make: Callable[[], Made]) -> None:
    expected: list[Any] | None = None
    for name, form in FORMS.items():
        handler = watched()
        form(*make(), using(handler))
        found = seen(handler.records)
        assert found, f"{name} left no record"
        assert handler.tracker.open_runs == 0
        expected = expected or found
        assert found == expected, f"{name} differs from invoke"
    assert expected is not None
    assert any(each[0] == "norzel" for known in expected for each in known[7])


@pytest.mark.parametrize("make", [make for make in PIPELINES if make is not side_by_side])
def test_every_form_of_cite_gives_the_same_result(make: Callable[[], Made]) -> None:
    records: list[CitationRecord] = []
    known: list[Any] = []
    for form in FORMS.values():
        chain, asked = make()
        form(cite(chain, engine(), on_citations=records.append), asked, {})
        known.append(seen(records))
        records.clear()
    assert all(each == known[0] for each in known)
    handler = watched()
    chain, asked = make()
    chain.invoke(asked, using(handler))
    assert seen(handler.records) == known[0], "the handler sees the same"
