"""What counts as retrieved: taken whole, in whatever form it comes; and no false reason if none."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, dynamic_prompt
from langchain_classic.chains import ConversationalRetrievalChain, RetrievalQA
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool
from langgraph.types import Command

from attribot_integrations.langchain import CitationRecord, cite, register_documents
from attribot_integrations.langchain.agents import CitationMiddleware
from attribot_integrations.langchain.documents import retrieved
from tests.integrations.langchain.fakes import FixedRetriever, last, using
from tests.integrations.langchain.scripted import (
    ANSWER,
    ASK,
    BIKE,
    PHONE,
    QUESTION,
    Scripted,
    calls,
    cited,
    engine,
    join,
    watched,
)

FACT, OTHER = BIKE.page_content, PHONE.page_content
WEB = {"url": "https://example.org/bike", "title": "Bikes", "content": FACT, "score": 0.9}
BLOCK = {
    "type": "search_result",
    "source": "https://example.org/bike",
    "title": "Bikes",
    "citations": {"enabled": True},
    "content": [{"type": "text", "text": FACT}],
}


def test_text_that_a_retriever_finds_is_a_document() -> None:
    assert [chunk.text for chunk in retrieved([FACT, PHONE])] == [FACT, OTHER]
    assert retrieved([]) == retrieved(None) == ()


class Finds(FixedRetriever):
    """Finds whatever it is given."""

    found: Any


def show(found: Any) -> str:
    return "\n\n".join(
        one if isinstance(one, str) else getattr(one, "page_content", str(one)) for one in found
    )


def chain_over(search: Any, form: Callable[[Any], str]) -> Any:
    return (
        {"context": search | RunnableLambda(form), "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_template(ASK)
        | Scripted(lines=[ANSWER])
        | StrOutputParser()
    )


def check_bike(record: CitationRecord) -> None:
    assert (record.answer, record.status, record.prompt_used) == (ANSWER, "ok", "captured")
    assert {each.text for each in record.citations} == {FACT}


PAIRS: Any = RunnableLambda(lambda _: [(BIKE, 0.9), (PHONE, 0.1)])
RESULTS: Any = RunnableLambda(
    lambda _: {"query": "?", "results": [WEB, {"url": "u", "content": OTHER}]}
)


@pytest.mark.parametrize(
    ("search", "form"),
    [
        (Finds(found=[FACT, OTHER]), "\n\n".join),
        (PAIRS, lambda found: "\n\n".join(f"(score {s}) {d.page_content}" for d, s in found)),
        (RESULTS, lambda found: "\n\n".join(one["content"] for one in found["results"])),
        (RESULTS, lambda found: json.dumps(found)),
        (RunnableLambda(lambda _: {"docs": [PHONE, BIKE]}), lambda found: join(found["docs"])),
    ],
)
def test_every_form_of_retrieval_is_cited(search: Any, form: Any) -> None:
    handler = watched()
    chain_over(search, form).invoke(QUESTION, using(handler))
    check_bike(last(handler))
    result = cite(chain_over(search, form), engine()).invoke(QUESTION)
    assert {each.text for each in result["citations"]} == {FACT}
    assert len(result["documents"]) == 2


@pytest.mark.parametrize(
    "found", [[(BIKE, 0.9), (PHONE, 0.1)], [WEB, {"url": "u", "content": OTHER}]]
)
def test_what_is_registered_may_have_every_form(found: Any) -> None:
    registered: list[Any] = []

    def search(question: str) -> str:
        registered.extend(register_documents(found))
        return f"{FACT}\n\n{OTHER}"

    handler = watched()
    chain_over(RunnableLambda(search), str).invoke(QUESTION, using(handler))
    assert registered == found
    check_bike(last(handler))


def test_documents_that_only_the_output_knows() -> None:
    """A search in one's own threads, of which LangChain says nothing."""

    def answer(question: str) -> dict[str, Any]:
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(FixedRetriever(found=[BIKE, PHONE]).invoke, question).result()
        asked = ASK.format(context=join(found), question=question)
        return {"answer": str(Scripted(lines=[ANSWER]).invoke(asked).text), "context": found}

    handler = watched()
    RunnableLambda(answer).invoke(QUESTION, using(handler))
    check_bike(last(handler))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ([], "the retriever found no documents"),
        ([3, 4], "the retriever found 2 objects of type int, which are no documents: have it return"
                 " documents"),
    ],
)  # fmt: skip
def test_a_reason_is_never_false(found: Any, reason: str) -> None:
    handler = watched()
    chain_over(Finds(found=found), str).invoke(QUESTION, using(handler))
    assert last(handler).reason == reason


@pytest.mark.parametrize("kind", ["anthropic", "text-plain", "search_result"])
def test_documents_in_the_prompts_content_blocks(kind: str) -> None:
    def block(text: str) -> dict[str, Any]:
        if kind == "anthropic":
            return {"type": "document", "source": {"type": "text", "data": text}}
        if kind == "text-plain":
            return {"type": "text-plain", "text": text, "mime_type": "text/plain"}
        return {**BLOCK, "content": [{"type": "text", "text": text}]}

    def prompt(question: str) -> list[HumanMessage]:
        blocks: list[str | dict[Any, Any]] = [
            block(FACT),
            block(OTHER),
            {"type": "text", "text": question},
        ]
        return [HumanMessage(content=blocks)]

    handler = watched()
    (RunnableLambda(prompt) | Scripted(lines=[ANSWER])).invoke(QUESTION, using(handler))
    check_bike(last(handler))


@tool
def blocks(query: str) -> list[dict[str, Any]]:
    """Give content blocks."""
    return [BLOCK, {**BLOCK, "content": [{"type": "text", "text": OTHER}]}]


@tool
def results(query: str) -> dict[str, Any]:
    """Give what a web search gives."""
    return {"query": query, "results": [WEB, {"url": "https://x.org", "content": OTHER}]}


@tool(response_format="content_and_artifact")
def pairs(query: str) -> tuple[str, Any]:
    """Give pairs of document and score."""
    return f"{FACT}\n\n{OTHER}", [(BIKE, 0.9), (PHONE, 0.1)]


@tool
def command(query: str) -> Command[Any]:
    """Give a command."""
    message = ToolMessage(f"{FACT}\n\n{OTHER}", tool_call_id="c1", artifact=[BIKE, PHONE])
    return Command(update={"messages": [message]})


@tool
def answers(query: str) -> str:
    """Answer with a chain of its own."""
    return str(chain_over(FixedRetriever(found=[BIKE, PHONE]), join).invoke(query))


@pytest.mark.parametrize("one", [blocks, results, pairs, command, answers])
@pytest.mark.parametrize("way", ["handler", "middleware", "cite"])
def test_tools_of_all_kinds(one: Any, way: str) -> None:
    model = Scripted(lines=[calls(one.name, query=QUESTION), ANSWER])
    ask: Any = {"messages": [{"role": "user", "content": QUESTION}]}
    records: list[CitationRecord] = []
    if way == "middleware":
        made = CitationMiddleware(engine(), on_citations=records.append, raise_error=True)
        create_agent(model, [one], middleware=[made]).invoke(ask)
    elif way == "cite":
        cite(create_agent(model, [one]), engine(), on_citations=records.append).invoke(ask)
    else:
        handler = watched()
        create_agent(model, [one]).invoke(ask, using(handler))
        records.append(last(handler))
    (record,) = records
    assert (record.answer, record.status, record.prompt_used) == (ANSWER, "ok", "captured")
    assert record.attribution is not None
    # The small bundled model finds JSON and tools' messages unlikely; what it rests on is clear.
    scores = record.attribution.source_scores
    assert record.attribution.sources[int(scores.argmax())].text == FACT
    assert (len(record.chunks), record.question) == (2, QUESTION)


@pytest.mark.parametrize("way", ["handler", "middleware"])
def test_a_tool_whose_output_is_the_answer(way: str) -> None:
    @tool(return_direct=True, response_format="content_and_artifact")
    def direct(query: str) -> tuple[str, list[Document]]:
        """Give the answer."""
        return ANSWER, [BIKE, PHONE]

    model = Scripted(lines=[calls("direct", query=QUESTION)])
    ask: Any = {"messages": [{"role": "user", "content": QUESTION}]}
    records: list[CitationRecord] = []
    if way == "middleware":
        made = CitationMiddleware(engine(), on_citations=records.append)
        create_agent(model, [direct], middleware=[made]).invoke(ask)
    else:
        handler = watched()
        create_agent(model, [direct]).invoke(ask, using(handler))
        records.append(last(handler))
    (record,) = records
    assert (record.answer, cited(record)) == (ANSWER, {"norzel"})
    assert (record.status, record.prompt_used) == ("approximate", "template")
    assert (record.reason or "").startswith("the tool direct wrote the answer, no model did")


class Inside(AgentMiddleware[Any, Any, Any]):
    """Retrieves before the model is called, and hands the documents on in the state."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        found = FixedRetriever(found=[BIKE, PHONE]).invoke(QUESTION)
        return handler(request.override(system_prompt=f"Context:\n{join(found)}"))


@dynamic_prompt
def with_context(request: Any) -> str:
    found = FixedRetriever(found=[BIKE, PHONE]).invoke(QUESTION)
    return f"Answer the question using only the context.\n\nContext:\n{join(found)}"


@pytest.mark.parametrize("other", [Inside(), with_context])
def test_retrieval_in_middleware(other: Any) -> None:
    ask: Any = {"messages": [{"role": "user", "content": QUESTION}]}
    records: list[CitationRecord] = []
    own = CitationMiddleware(engine(), on_citations=records.append, raise_error=True)
    create_agent(Scripted(lines=[ANSWER]), [], middleware=[own, other]).invoke(ask)
    assert {each.text for each in records[0].citations} == {FACT}
    handler = watched()
    create_agent(Scripted(lines=[ANSWER]), [], middleware=[other]).invoke(ask, using(handler))
    assert {each.text for each in last(handler).citations} == {FACT}
    records.clear()
    create_agent(Scripted(lines=[ANSWER]), [], middleware=[other, own]).invoke(ask)
    assert records[0].status == "skipped"
    assert "behind CitationMiddleware" in (records[0].reason or "")


def test_handlers_of_parts_alone() -> None:
    """Retriever and model report to the handler, and the chain around them does not."""
    handler = watched()
    chain = (
        {
            "context": FixedRetriever(found=[BIKE, PHONE]).with_config(callbacks=[handler]) | join,
            "question": RunnablePassthrough(),
        }
        | ChatPromptTemplate.from_template(ASK)
        | Scripted(lines=[ANSWER], callbacks=[handler])
        | StrOutputParser()
    )
    chain.invoke(QUESTION)
    (record,) = handler.records
    check_bike(record)
    assert record.question == QUESTION


@pytest.mark.parametrize("with_sources", [True, False])
def test_handlers_in_constructors_of_classic_chains(with_sources: bool) -> None:
    handler = watched()
    chain = RetrievalQA.from_chain_type(
        Scripted(lines=[ANSWER]),
        retriever=FixedRetriever(found=[BIKE, PHONE]),
        callbacks=[handler],
        return_source_documents=with_sources,
    )
    chain.invoke({"query": QUESTION})
    (record,) = handler.records
    assert (record.question, record.answer) == (QUESTION, ANSWER)
    if with_sources:
        assert (cited(record), record.status, record.prompt_used) == (
            {"norzel"},
            "approximate",
            "template",
        )
    else:
        assert record.status == "skipped"
        assert "pass the handler to the whole chain in the call's config" in (record.reason or "")


def test_classic_conversations() -> None:
    handler = watched()
    chain = ConversationalRetrievalChain.from_llm(
        Scripted(lines=[QUESTION, ANSWER]), retriever=FixedRetriever(found=[BIKE, PHONE])
    )
    asked = {"question": "And the bike?", "chat_history": [("How much is the phone?", "440.")]}
    chain.invoke(asked, using(handler))
    check_bike(last(handler))
    assert last(handler).question == "And the bike?"
