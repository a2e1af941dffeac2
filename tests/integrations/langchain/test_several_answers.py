"""One run that gives several answers: a record of each, with its own question and documents."""

import operator
from typing import Annotated, Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import (
    Runnable,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
    chain,
)
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from typing_extensions import TypedDict

from attribot_integrations.langchain import CitationRecord, cite, get_citations_callback
from tests.integrations.langchain.fakes import FixedRetriever, using
from tests.integrations.langchain.scripted import (
    ANSWER,
    ASK,
    BIKE,
    GALBA,
    PHONE,
    QUESTION,
    SECOND,
    Scripted,
    cited,
    demo,
    engine,
    join,
    watched,
)

QUESTIONS = list(demo().questions[:3])
ANSWERS = [
    "The mayor of Delka is Bragor Selwen.",
    "The maker of the Norzel bike is Roslin Works.",
    "The favourite colour of Bragor Selwen is blue.",
]
SOURCES = ["demo-6", "demo-2", "demo-8"]


def rag() -> Runnable[str, str]:
    return demo().chain


@chain
def batch_inside(questions: list[str]) -> dict[str, Any]:
    return {"answers": rag().batch(questions), "count": len(questions)}


@chain
def nested(questions: list[str]) -> list[dict[str, str]]:
    return [{"asked": each, "said": rag().invoke(each)} for each in questions]


@chain
def one_after_another(questions: list[str]) -> list[str]:
    """A loop that retrieves and asks in one step, without a chain around each."""
    steps: Any = rag()
    said = []
    for question in questions:
        asked: Any = question
        for step in steps.steps[:-1]:
            asked = step.invoke(asked)
        said.append(str(getattr(asked, "text", asked)))
    return said


class Item(TypedDict):
    question: str


class Items(TypedDict, total=False):
    questions: list[str]
    answers: Annotated[list[str], operator.add]


def fan_out() -> Any:
    def answer(item: Item) -> Items:
        return {"answers": [rag().invoke(item["question"])]}

    builder: Any = StateGraph(Items)
    builder.add_node("answer", answer)
    builder.add_conditional_edges(
        START,
        lambda state: [Send("answer", Item(question=each)) for each in state["questions"]],
        ["answer"],
    )
    builder.add_edge("answer", END)
    return builder.compile()


def check_each(records: tuple[CitationRecord, ...], count: int = 3) -> None:
    """Each record is that of one question, and rests on the one document with its fact."""
    found = sorted(records, key=lambda record: ANSWERS.index(record.answer))
    assert [record.answer for record in found] == ANSWERS[:count]
    assert [record.question for record in found] == QUESTIONS[:count]
    assert [cited(record) for record in found] == [{each} for each in SOURCES[:count]]
    assert [(record.status, record.prompt_used) for record in found] == [("ok", "captured")] * count
    assert all(len(record.chunks) == 4 for record in found), "its own documents only"
    assert len({record.id for record in found}) == count


@pytest.mark.parametrize(
    ("made", "inputs"),
    [
        (lambda: rag().map(), QUESTIONS),
        (lambda: batch_inside, QUESTIONS),
        (lambda: nested, QUESTIONS),
        (fan_out, {"questions": QUESTIONS}),
    ],
)
@pytest.mark.parametrize("way", ["invoke", "stream", "batch"])
def test_each_answer_has_its_record(made: Any, inputs: Any, way: str) -> None:
    handler = watched()
    if way == "invoke":
        made().invoke(inputs, using(handler))
    elif way == "batch":
        made().batch([inputs], using(handler))
    else:
        list(made().stream(inputs, using(handler)))
    check_each(handler.records)


@pytest.mark.parametrize("made", [lambda: rag().map(), lambda: batch_inside, fan_out])
async def test_each_answer_has_its_record_async(made: Any) -> None:
    handler = watched()
    runnable = made()
    inputs: Any = {"questions": QUESTIONS} if not isinstance(runnable, Runnable) else QUESTIONS
    inputs = {"questions": QUESTIONS} if made is fan_out else QUESTIONS
    await runnable.ainvoke(inputs, using(handler))
    check_each(handler.records)


def test_branches_side_by_side() -> None:
    branches: Any = RunnableParallel(
        first=RunnableLambda(lambda _: QUESTIONS[0]) | rag(),
        second=RunnableLambda(lambda _: QUESTIONS[1]) | rag(),
    )
    handler = watched()
    branches.invoke({}, using(handler))
    check_each(handler.records, 2)


def test_a_loop_in_one_function() -> None:
    """The documents of each question are told by what its model call saw."""
    handler = watched()
    one_after_another.invoke(QUESTIONS, using(handler))
    found = {record.answer: record for record in handler.records}
    assert [cited(found[answer]) for answer in ANSWERS] == [{each} for each in SOURCES]


def test_models_that_share_one_search() -> None:
    """Two texts about the same documents are two answers, and both are told the question."""
    ask = ChatPromptTemplate.from_template(ASK)
    both: Runnable[Any, Any] = {
        "context": FixedRetriever(found=[BIKE, GALBA]) | join,
        "question": RunnablePassthrough(),
    } | RunnableParallel(
        price=ask | Scripted(lines=[ANSWER]) | StrOutputParser(),
        month=ask | Scripted(lines=[SECOND]) | StrOutputParser(),
    )
    handler = watched()
    both.invoke(QUESTION, using(handler))
    found = {record.answer: record for record in handler.records}
    assert set(found) == {ANSWER, SECOND}
    assert cited(found[ANSWER]) == {"norzel"}
    assert {record.question for record in handler.records} == {QUESTION}


def test_a_report_of_several_answers_is_one_answer() -> None:
    @chain
    def report(questions: list[str]) -> str:
        said = zip(questions, rag().batch(questions), strict=True)
        return "\n\n".join(f"## {question}\n{answer}" for question, answer in said)

    handler = watched()
    text = report.invoke(QUESTIONS, using(handler))
    (record,) = handler.records
    assert (record.answer, record.status, record.prompt_used) == (text, "ok", "captured")
    places = [
        (text[each.answer_start : each.answer_end], each.chunk_id) for each in record.citations
    ]
    assert places == list(zip(ANSWERS, SOURCES, strict=True))
    result = cite(report, engine()).invoke(QUESTIONS)
    assert [each.chunk_id for each in result["citations"]] == SOURCES


def test_cite_says_what_to_wrap_instead() -> None:
    records: list[CitationRecord] = []
    result = cite(rag().map(), engine(), on_citations=records.append).invoke(QUESTIONS)
    check_each(tuple(records))
    assert (result["answer"], result["citations"], result["status"]) == (None, [], "skipped")
    assert "gave 3 answers" in result["reason"]
    mapped = cite(rag(), engine()).map().invoke(QUESTIONS)
    assert [each["citations"][0].chunk_id for each in mapped] == SOURCES


def test_messages_of_a_mapped_model() -> None:
    """A list of a model's messages is no conversation."""
    ask: Any = RunnableLambda(lambda text: [HumanMessage(f"{BIKE.page_content}\n{text}")])
    mapped = FixedRetriever(found=[BIKE]) | RunnableLambda(lambda _: ["a", "b"])
    handler = watched()
    made = mapped | (ask | Scripted(lines=[AIMessage("One."), AIMessage("Two.")])).map()
    made.invoke(QUESTION, using(handler))
    assert sorted(record.answer for record in handler.records) == ["One.", "Two."]


@pytest.mark.parametrize(
    ("verdict", "asked"),
    [
        ("yes", "Is it right? {answer}"),
        ('{"score": 1, "reasoning": "The answer agrees."}', "Grade: {context}\n{answer}"),
        ("The answer is right, since the context says so.", "Comment on it: {answer}"),
    ],
)
def test_evaluators_give_no_answer(verdict: str, asked: str) -> None:
    with get_citations_callback(engine()) as handler:
        answer = rag().invoke(QUESTIONS[1])
        judge = ChatPromptTemplate.from_template(asked) | Scripted(lines=[verdict])
        judge.invoke({"answer": answer, "context": join([PHONE])})
        Scripted(lines=[verdict]).invoke(asked.format(answer=answer, context=""))
    (record,) = handler.records
    assert (record.answer, cited(record)) == (ANSWERS[1], {"demo-2"})


def test_a_conversation_is_no_evaluation() -> None:
    """A later turn holds the earlier answer, too, and is an answer of its own."""
    documents: list[Document] = [BIKE, PHONE]

    def turn(question: str, history: list[Any]) -> str:
        context = join(FixedRetriever(found=documents).invoke(question))
        asked = HumanMessage(ASK.format(context=context, question=question))
        lines = [ANSWER if "bike" in question else PHONE.page_content]
        return str(Scripted(lines=lines).invoke([*history, asked]).text)

    with get_citations_callback(engine()) as handler:
        first = turn(QUESTION, [])
        turn("How much does the Norba phone cost?", [HumanMessage(QUESTION), AIMessage(first)])
    assert [record.answer for record in handler.records] == [ANSWER, PHONE.page_content]
    assert cited(handler.records[0]) == {"norzel"}
    assert "norba" in cited(handler.records[1])
