"""Answers that several calls of a model led to: the citation names the document behind them."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_classic.chains import RetrievalQA
from langchain_core.documents import Document
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from attribot_integrations.langchain import CitationRecord, cite
from attribot_integrations.results import Attribution
from tests.integrations.langchain.fakes import FixedRetriever, last, using
from tests.integrations.langchain.scripted import (
    ANSWER,
    ASK,
    BIKE,
    FLAG,
    GALBA,
    PHONE,
    QUESTION,
    SECOND,
    Scripted,
    engine,
    join,
    labels,
    watched,
)

NOTHING = "I do not know."


def check_bike(record: CitationRecord, answer: str = ANSWER) -> None:
    """The answer rests on the one document that holds the fact, and nothing was guessed."""
    assert record.answer == answer
    assert (record.status, record.reason, record.prompt_used) == ("ok", None, "captured")
    # Its label is the bundled model's, which knows no prompt that asks to refine.
    assert record.attribution is not None
    citations = record.attribution.citations
    assert {each.chunk_id for each in citations} == {"norzel"}
    (citation, *_) = citations
    assert record.chunks[citation.chunk_index].text[citation.chunk_start : citation.chunk_end] == (
        BIKE.page_content
    )


@pytest.mark.parametrize(
    ("documents", "script"),
    [
        ([BIKE, GALBA, FLAG], [ANSWER, ANSWER, ANSWER]),  # the first call wrote it
        ([GALBA, FLAG, BIKE], [NOTHING, NOTHING, ANSWER]),
        ([GALBA, BIKE, FLAG], [NOTHING, ANSWER, ANSWER]),
        ([BIKE, GALBA], [ANSWER, f"{ANSWER} "]),
    ],
)
def test_refined_answers(documents: list[Document], script: list[str]) -> None:
    handler = watched()
    chain = RetrievalQA.from_chain_type(
        Scripted(lines=script), retriever=FixedRetriever(found=documents), chain_type="refine"
    )
    chain.invoke({"query": QUESTION}, using(handler))
    check_bike(last(handler), script[-1])
    assert len(last(handler).chunks) == len(documents)


def test_each_statement_of_a_refined_answer_leads_to_its_own_document() -> None:
    handler = watched()
    chain = RetrievalQA.from_chain_type(
        Scripted(lines=[ANSWER, f"{ANSWER} {SECOND}"]),
        retriever=FixedRetriever(found=[BIKE, GALBA]),
        chain_type="refine",
    )
    chain.invoke({"query": QUESTION}, using(handler))
    attribution = last(handler).attribution
    assert attribution is not None
    assert last(handler).status == "ok"
    best = [attribution.citations_of(index)[0] for index in (0, 1)]
    assert [each.chunk_id for each in best] == ["norzel", "galba"]
    assert not best[0].exact, "it leads through the first answer"
    assert "through" in attribution.estimands
    assert Attribution.from_json(attribution.to_json()).estimands == attribution.estimands
    way = attribution.trace(0).paths[0]
    assert [(each.kind, each.text) for each in way.texts] == [
        ("step", ANSWER),
        ("passage", BIKE.page_content),
    ]


@pytest.mark.filterwarnings("ignore:The apply_and_parse method")
@pytest.mark.parametrize("kind", ["map_reduce", "map_rerank"])
def test_documents_that_are_read_one_by_one(kind: str) -> None:
    said = [NOTHING, ANSWER, NOTHING]
    if kind == "map_rerank":
        said = [f"{text}\nScore: {100 if text == ANSWER else 0}" for text in said]
    handler = watched()
    chain = RetrievalQA.from_chain_type(
        Scripted(lines=[*said, ANSWER]),
        retriever=FixedRetriever(found=[GALBA, BIKE, FLAG]),
        chain_type=kind,
    )
    chain.invoke({"query": QUESTION}, using(handler))
    check_bike(last(handler))


def test_summaries_of_summaries() -> None:
    """Two levels of merging, in plain LCEL, with summaries that differ from the answer."""
    found = [PHONE, GALBA, BIKE, FLAG]
    said = ["The phone is 440.", "May.", "The Norzel bike is 910 coins.", "The fox."]
    model = Scripted(lines=[*said, "440 and May.", "910 coins; the fox.", ANSWER])

    def pairs(query: str) -> str:
        documents = FixedRetriever(found=found).invoke(query)
        first = [
            model.invoke(ASK.format(context=d.page_content, question=query)).text for d in documents
        ]
        second = [model.invoke(f"Merge:\n{a}\n{b}").text for a, b in (first[:2], first[2:])]
        return str(model.invoke(ASK.format(context="\n".join(second), question=query)).text)

    handler = watched()
    RunnableLambda(pairs).invoke(QUESTION, using(handler))
    record = last(handler)
    assert [step.answer for step in record.captured.steps] == [
        "440 and May.",
        "910 coins; the fox.",
    ]
    assert [len(step.steps) for step in record.captured.steps] == [2, 2]
    assert (record.answer, record.prompt_used) == (ANSWER, "captured")
    assert record.attribution is not None
    assert {each.chunk_id for each in record.attribution.citations} <= {"norzel", "flag"}
    texts = [step.text for step in record.attribution.steps]
    for way in record.attribution.trace(0).paths:
        places = [each.step_index for each in way.texts if each.step_index is not None]
        assert texts[places[0]] == "910 coins; the fox."
        assert all(texts[place] in said for place in places[1:])


class State(TypedDict, total=False):
    question: str
    documents: list[Document]
    generation: str
    grade: Any


def node_retrieve(state: State) -> State:
    return {"documents": FixedRetriever(found=[PHONE, BIKE]).invoke(state["question"])}


def node_grade(state: State) -> State:
    grader = (
        ChatPromptTemplate.from_template("Relevant? JSON.\n{text}")
        | Scripted(
            lines=[
                lambda messages: f'{{"score": "{"yes" if "Norzel" in messages[0].text else "no"}"}}'
            ]
        )
        | JsonOutputParser()
    )
    kept = [
        each
        for each in state["documents"]
        if grader.invoke({"text": each.page_content})["score"] == "yes"
    ]
    return {"documents": kept}


def node_generate(state: State) -> State:
    asked = ASK.format(context=join(state["documents"]), question=state["question"])
    return {"generation": str(Scripted(lines=[ANSWER]).invoke(asked).text)}


def node_check(state: State) -> State:
    """Judge the answer."""
    asked = f"Grounded?\n{join(state['documents'])}\n\n{state['generation']}"
    return {"grade": Scripted(lines=['{"score": "yes"}']).invoke(asked).text}


def node_correct(state: State) -> State:
    """Repeat the answer, for there is nothing to correct."""
    asked = f"Correct it.\n{join(state['documents'])}\n\nAnswer: {state['generation']}"
    return {"generation": str(Scripted(lines=[state["generation"]]).invoke(asked).text)}


def graph(*nodes: Callable[[State], State]) -> Any:
    builder: Any = StateGraph(State)
    before = START
    for node in nodes:
        builder.add_node(node.__name__, node)
        builder.add_edge(before, node.__name__)
        before = node.__name__
    builder.add_edge(before, END)
    return builder.compile()


@pytest.mark.parametrize("key", [None, "generation"])
@pytest.mark.parametrize(
    "nodes",
    [
        (node_retrieve, node_generate),
        (node_retrieve, node_grade, node_generate),
        (node_retrieve, node_generate, node_check),
        (node_retrieve, node_generate, node_correct),
        (node_retrieve, node_grade, node_generate, node_correct, node_check),
    ],
)
def test_graders_and_checkers_give_no_answer(nodes: Any, key: str | None) -> None:
    handler = watched()
    handler.keys = type(handler.keys)(None, key)
    graph(*nodes).invoke({"question": QUESTION}, using(handler))
    check_bike(last(handler))
    assert len(handler.records) == 1
    result = cite(graph(*nodes), engine(), answer_key=key).invoke({"question": QUESTION})
    assert result["answer"] == ANSWER
    assert {each["chunk_id"] for each in result["citations"]} == {"norzel"}


@pytest.mark.parametrize("answer", ["yes", "no", "910", "True"])
def test_short_answers_are_told_from_grades(answer: str) -> None:
    """The grader of documents and the checker write the same word as the generator."""

    class Short(TypedDict, total=False):
        question: str
        documents: list[Document]
        answer: str
        grade: str

    def grade(state: Short) -> Short:
        for each in state["documents"]:
            Scripted(lines=[answer]).invoke(f"Relevant? {answer} or else\n{each.page_content}")
        return {"documents": state["documents"]}

    def generate(state: Short) -> Short:
        asked = ASK.format(context=join(state["documents"]), question=state["question"])
        return {"answer": str(Scripted(lines=[answer]).invoke(asked).text)}

    def check(state: Short) -> Short:
        asked = f"Right?\n{join(state['documents'])}\nAnswer: {state['answer']}"
        return {"grade": str(Scripted(lines=[answer]).invoke(asked).text)}

    builder = StateGraph(Short)
    builder.add_node("retrieve", node_retrieve)
    builder.add_node("rate", grade)
    builder.add_node("generate", generate)
    builder.add_node("check", check)
    builder.add_edge(START, "retrieve")
    builder.add_edge("retrieve", "rate")
    builder.add_edge("rate", "generate")
    builder.add_edge("generate", "check")
    handler = watched()
    builder.compile().invoke({"question": QUESTION}, using(handler))
    record = last(handler)
    assert record.answer == answer
    assert isinstance(record.prompt, list)
    assert record.prompt[0]["content"].startswith("Answer the question")


def test_polished_and_corrected_answers_lead_to_the_documents() -> None:
    draft = "The Norzel bike is sold for 910 coins."
    rag: Runnable[str, str] = (
        {
            "context": FixedRetriever(found=[PHONE, BIKE]) | join,
            "question": RunnablePassthrough(),
        }
        | ChatPromptTemplate.from_template(ASK)
        | Scripted(lines=[draft])
        | StrOutputParser()
    )
    polish = ChatPromptTemplate.from_template(
        "Answer the question using only the context.\n\nContext:\n{draft}\n\nQuestion: " + QUESTION
    )
    chain = {"draft": rag} | polish | Scripted(lines=[ANSWER]) | StrOutputParser()
    handler = watched()
    chain.invoke(QUESTION, using(handler))
    record = last(handler)
    assert [step.answer for step in record.captured.steps] == [draft]
    assert record.attribution is not None
    assert [each.chunk_id for each in record.attribution.citations_of(0)][:1] == ["norzel"]
    assert record.prompt_used == "captured"


def test_an_answer_that_code_put_something_around() -> None:
    handler = watched()
    chain = (
        {"context": FixedRetriever(found=[BIKE, PHONE]) | join, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_template(ASK)
        | Scripted(lines=[ANSWER])
        | StrOutputParser()
        | (lambda text: f"# Answer\n\n{text}\n\nSources: many")
    )
    said = chain.invoke(QUESTION, using(handler))
    record = last(handler)
    check_bike(record, said)
    (citation,) = record.citations
    assert said[citation.answer_start : citation.answer_end] == ANSWER
    assert labels(record) == ["supported"]


def test_what_no_model_wrote_is_said_with_its_remedy() -> None:
    model = Scripted(lines=["First.", "Second."])

    def mixed(query: str) -> str:
        for document in FixedRetriever(found=[BIKE, PHONE]).invoke(query):
            model.invoke(f"Summarize:\n{document.page_content}")
        return "Something else."

    handler = watched()
    RunnableLambda(mixed).invoke(QUESTION, using(handler))
    record = last(handler)
    assert (record.status, record.prompt_used) == ("approximate", "template")
    assert record.reason is not None
    assert "holds the words of none" in record.reason
    assert "answer_key" in record.reason
