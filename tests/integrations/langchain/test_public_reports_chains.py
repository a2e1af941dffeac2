"""Chains and agents of public reports: which document, page and place the answer rests on."""

from __future__ import annotations

import json
from operator import itemgetter
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_classic.chains import RetrievalQAWithSourcesChain
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.tools import tool
from langchain_text_splitters import RecursiveCharacterTextSplitter
from langgraph.checkpoint.memory import InMemorySaver

from attribot_integrations.langchain import (
    CitationMiddleware,
    add_citations,
    cite,
    get_citations_callback,
)
from tests.integrations.langchain.fakes import FixedRetriever, using
from tests.integrations.langchain.scripted import (
    ANSWER,
    BIKE,
    FLAG,
    GALBA,
    PHONE,
    PROMPT,
    QUESTION,
    SECOND,
    Scripted,
    Streaming,
    calls,
    engine,
    join,
    labels,
    watched,
)

FACT = BIKE.page_content
PHONES = "The price of the Norba phone is 440 coins."


def rag(found: list[Document], lines: list[Any], change: Any = None) -> Runnable[Any, Any]:
    shown: Any = FixedRetriever(found=found)
    shown = shown | join if change is None else shown | change | join
    return (
        {"context": shown, "question": RunnablePassthrough()}
        | PROMPT
        | Streaming(lines=lines)
        | StrOutputParser()
    )


def best(record: Any) -> tuple[str | None, str]:
    citation = max(record.citations, key=lambda each: each.score)
    return citation.chunk_id, citation.text


def test_the_page_of_the_file_is_in_an_agents_state() -> None:
    pages = [
        Document(FACT, metadata={"source": "/srv/a.pdf", "page": 17, "page_label": "18"}),
        Document(PHONES, metadata={"source": "/srv/a.pdf", "page": 3, "page_label": "4"}),
    ]

    @tool(response_format="content_and_artifact")
    def search(query: str) -> tuple[str, list[Document]]:
        """Search."""
        return join(pages), pages

    agent = create_agent(
        Scripted(lines=[calls("search", query="Norzel"), ANSWER]),
        [search],
        middleware=[CitationMiddleware(engine())],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    state = agent.invoke({"messages": [{"role": "user", "content": QUESTION}]}, config)
    first = max(state["citations"], key=lambda each: each["extras"]["score"])
    assert (first["cited_text"], first["title"]) == (FACT, "a.pdf")
    assert (first["extras"]["page"], first["extras"]["metadata"]["page"]) == ("18", 17)
    assert agent.get_state(config).values["citations"] == state["citations"]
    assert json.loads(json.dumps(state["citations"])) == state["citations"]
    marked = add_citations(state["messages"][-1], state["citations"])
    assert first in marked.content_blocks[0]["annotations"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("way", ["invoke", "stream"])
@pytest.mark.parametrize("outside", [True, False])
def test_message_history_around_a_chain_with_sources(way: str, outside: bool) -> None:
    prompt = ChatPromptTemplate.from_messages(
        [
            ("system", "From the context.\n\n{docs}"),
            MessagesPlaceholder("history"),
            ("human", "{question}"),
        ]
    )
    answer = (
        RunnablePassthrough.assign(docs=lambda inputs: join(inputs["context"]))
        | prompt
        | Streaming(lines=[ANSWER, PHONES])
        | StrOutputParser()
    )
    chain: Any = RunnablePassthrough.assign(
        context=itemgetter("question") | FixedRetriever(found=[BIKE, PHONE])
    ).assign(answer=answer)
    store: dict[str, InMemoryChatMessageHistory] = {}

    def history(inner: Any) -> Any:
        return RunnableWithMessageHistory(
            inner,
            lambda session_id: store.setdefault(session_id, InMemoryChatMessageHistory()),
            input_messages_key="question",
            history_messages_key="history",
            output_messages_key="answer",
        )

    config = {"configurable": {"session_id": "a"}}
    handler = watched()
    if outside:
        cited = history(chain)
        config["callbacks"] = [handler]  # type: ignore[assignment]
    else:
        cited = cite(history(chain), engine())
    for asked, told, id_ in ((QUESTION, ANSWER, "norzel"), ("And the phone?", PHONES, "norba")):
        found: Any = getattr(cited, way)({"question": asked}, config)
        found = list(found) if way == "stream" else found
        if outside:
            record = handler.last
            assert record is not None
            assert (record.question, record.answer, best(record)[0]) == (asked, told, id_)
        elif way == "invoke":
            one = max(found["citations"], key=lambda each: each["score"])
            assert (found["answer"], one["chunk_id"]) == (told, id_)
    assert [each.text for each in store["a"].messages][1::2] == [ANSWER, PHONES]


def test_a_sources_line_of_the_chain_is_no_part_of_the_answer() -> None:
    documents = [
        each.model_copy(update={"metadata": {"source": f"{each.id}.txt"}}) for each in (BIKE, PHONE)
    ]
    chain = RetrievalQAWithSourcesChain.from_chain_type(
        Scripted(lines=[f"{ANSWER}\nSOURCES: norzel.txt"]),
        retriever=FixedRetriever(found=documents),
        return_source_documents=True,
    )
    handler = watched()
    chain.invoke({"question": QUESTION}, using(handler))
    record = handler.last
    assert record is not None
    assert (record.answer.strip(), record.prompt_used) == (ANSWER, "captured")
    assert [chunk.id for chunk in record.chunks] == ["norzel", "norba"]


def test_reordered_and_cut_documents_keep_their_names() -> None:
    def change(documents: list[Document]) -> list[Document]:
        return documents[:3][::-1]

    handler = watched()
    rag([PHONE, BIKE, GALBA, FLAG], [ANSWER], change).invoke(QUESTION, using(handler))
    record = handler.last
    assert record is not None
    assert best(record) == ("norzel", FACT)
    assert record.reason == "documents 3 were not shown to the model and are not scored"
    assert record.status == "approximate"


def test_other_handlers_and_tracers_beside() -> None:
    class Broken(BaseCallbackHandler):
        def on_retriever_end(self, *args: Any, **kwargs: Any) -> None:
            raise RuntimeError("broken handler")

    handler = watched()
    chain = rag([BIKE, PHONE], [ANSWER])
    chain.invoke(QUESTION, {"callbacks": [Broken(), handler]})
    assert handler.last is not None
    assert best(handler.last) == ("norzel", FACT)
    with get_citations_callback(engine()) as inside:
        chain.invoke(QUESTION, {"callbacks": [Broken()]})
    assert inside.last is not None
    assert best(inside.last) == ("norzel", FACT)


def test_usual_contexts_take_little_work() -> None:
    filler = [
        Document(
            " ".join(f"The maker of the phone {i}{k} is Press {k}{i}." for i in range(10)),
            id=str(k),
        )
        for k in range(3)
    ]
    handler = watched()
    rag([*filler, BIKE], [ANSWER]).invoke(QUESTION, using(handler))
    record = handler.last
    assert record is not None
    assert record.attribution is not None
    assert best(record) == ("norzel", FACT)
    cost = record.attribution.cost.models[0]
    assert cost.tokens < cost.naive_tokens


def test_chinese_documents_are_found_side_by_side() -> None:
    texts = {
        "zh": "诺泽尔自行车售价910元。制造商是罗斯林工厂。它1962年上市。",
        "ja": "港は1962年に開かれた。製造元は工場です。",
        "th": "จักรยานนอร์เซลราคา 910 บาท ผู้ผลิตคือโรงงานรอสลิน",
    }
    documents = [Document(text, id=id_) for id_, text in texts.items()]
    answer = "诺泽尔自行车售价910元。制造商是罗斯林工厂。"
    handler = watched()
    shown: Any = FixedRetriever(found=documents) | (
        lambda found: "".join(each.page_content for each in found)
    )
    chain = (
        {"context": shown, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_template("内容{context}问题{question}")
        | Scripted(lines=[answer])
        | StrOutputParser()
    )
    chain.invoke("多少钱", using(handler))
    record = handler.last
    assert record is not None
    assert record.attribution is not None
    assert (record.status, record.reason, record.prompt_used) == ("ok", None, "captured")
    assert [each.outcome for each in record.attribution.locations] == ["found"] * 3
    assert [each.text for each in record.attribution.statements] == [
        "诺泽尔自行车售价910元。",
        "制造商是罗斯林工厂。",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        f"**{ANSWER}**",
        f"{ANSWER} [1]",
        f"{ANSWER}【1†source】",
        f"{ANSWER} 😊",
        f"<p>{ANSWER}</p>",
        f"{ANSWER}[^1]",
        f"\n\n{ANSWER}",
        f"{ANSWER} \n",
    ],
)
def test_shapes_of_answers_change_no_label_and_no_score(answer: str) -> None:
    records = []
    for told in (ANSWER, answer):
        handler = watched()
        rag([BIKE, PHONE], [told]).invoke(QUESTION, using(handler))
        assert handler.last is not None
        records.append(handler.last)
    plain, shaped = records
    assert labels(shaped) == labels(plain) == ["supported"]
    assert best(shaped) == best(plain) == ("norzel", FACT)
    scores = [[each.score for each in record.citations] for record in records]
    assert scores[1] == pytest.approx(scores[0], abs=1e-3)


@pytest.mark.parametrize("known", [True, False])
def test_chunks_of_one_source_that_overlap_are_one_passage(known: bool) -> None:
    text = f"The flag of Galba shows the fox. {FACT} {SECOND} {PHONES}"
    splitter = RecursiveCharacterTextSplitter(
        separators=[". ", " "],
        chunk_size=90,
        chunk_overlap=50,
        keep_separator="end",
        add_start_index=known,
    )
    found = splitter.split_documents([Document(text, metadata={"source": "a.txt"})])
    assert sum(FACT in each.page_content for each in found) == 2
    handler = watched()
    rag(found, [ANSWER]).invoke(QUESTION, using(handler))
    record = handler.last
    assert record is not None
    assert record.attribution is not None
    assert record.attribution.alternatives == ()
    (fact,) = [each for each in record.attribution.sources if each.text == FACT]
    assert len(fact.sentence_ids) == 2
    assert best(record)[1] == FACT
    assert labels(record) == ["supported"]
    origin = record.chunks[fact.chunk_index].origin
    assert origin is not None
    place = origin.place(fact.start, fact.end)
    assert place == ((text.index(FACT), text.index(FACT) + len(FACT)) if known else None)


def test_two_sources_that_say_the_same_are_alternatives() -> None:
    found = [
        Document(f"{FACT} It is red.", id="one", metadata={"source": "a.txt"}),
        Document(f"{FACT} It is new.", id="two", metadata={"source": "b.txt"}),
        GALBA,
    ]
    handler = watched()
    rag(found, [ANSWER]).invoke(QUESTION, using(handler))
    assert handler.last is not None
    assert handler.last.attribution is not None
    assert {each.chunk_id for each in handler.last.citations} == {"one", "two"}
    (group,) = handler.last.attribution.alternatives
    assert len(group.source_ids) == 2
