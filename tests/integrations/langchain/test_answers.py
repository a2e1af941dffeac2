"""What counts as the answer: not thoughts, not guesses, and of structured output every field."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_classic.chains import create_retrieval_chain
from langchain_classic.chains.combine_documents import create_stuff_documents_chain
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from pydantic import BaseModel

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.langchain import CitationCallbackHandler, cite
from attribot_integrations.results import Attribution
from tests.integrations.langchain.fakes import FixedRetriever, last, using
from tests.integrations.langchain.scripted import (
    ANSWER,
    ASK,
    BIKE,
    GALBA,
    PHONE,
    QUESTION,
    SECOND,
    Scripted,
    Streaming,
    calls,
    cited,
    engine,
    join,
    labels,
    watched,
)
from tests.integrations.overlap import OverlapEngine

START: Runnable[Any, Any] = {
    "context": FixedRetriever(found=[BIKE, PHONE]) | join,
    "question": RunnablePassthrough(),
} | ChatPromptTemplate.from_template(ASK)

THOUGHT = f"<think>\nThe phone costs 440 coins. {ANSWER}\n</think>\n\n"


@pytest.mark.parametrize(
    ("line", "parser"),
    [
        (ANSWER, StrOutputParser()),
        (THOUGHT + ANSWER, StrOutputParser()),
        (THOUGHT.removeprefix("<think>") + ANSWER, StrOutputParser()),
        (f"<thinking>{ANSWER}</thinking>{ANSWER}", StrOutputParser()),
        (
            AIMessage(
                [{"type": "reasoning", "reasoning": ANSWER}, {"type": "text", "text": ANSWER}]
            ),
            RunnablePassthrough(),
        ),
        (AIMessage(ANSWER, additional_kwargs={"reasoning_content": ANSWER}), RunnablePassthrough()),
        (THOUGHT + ANSWER, StrOutputParser() | (lambda text: text.split("</think>")[-1].strip())),
        (f"\n\n{ANSWER}\n", StrOutputParser()),
        (f"**{ANSWER}** [2]", StrOutputParser()),
        (f"<p>{ANSWER}</p>", StrOutputParser()),
        (f"{ANSWER} 👍", StrOutputParser()),
    ],
)
@pytest.mark.parametrize("way", ["invoke", "cite", "stream"])
def test_thoughts_and_marks_are_no_answer(line: Any, parser: Any, way: str) -> None:
    plain = watched()
    (START | Scripted(lines=[ANSWER])).invoke(QUESTION, using(plain))
    if way == "invoke":
        handler = watched()
        received = (START | Scripted(lines=[line]) | parser).invoke(QUESTION, using(handler))
        record = last(handler)
    else:
        records: list[Any] = []
        model = Streaming if way == "stream" and isinstance(line, str) else Scripted
        citing = cite(START | model(lines=[line]) | parser, engine(), on_citations=records.append)
        pieces = list(citing.stream(QUESTION)) if way == "stream" else [citing.invoke(QUESTION)]
        received = sum(pieces[1:], pieces[0])["answer"]
        (record,) = records
    received = str(getattr(received, "text", received))
    assert record.answer == received, "the record's answer is what the user received"
    assert (cited(record), labels(record), record.status) == ({"norzel"}, ["supported"], "ok")
    (citation,) = record.citations
    assert ANSWER in received[citation.answer_start : citation.answer_end]
    assert "</think" not in received[citation.answer_start : citation.answer_end]
    assert citation.score == pytest.approx(last(plain).citations[0].score, abs=1e-3)


class Quoted(BaseModel):
    response: str
    quotes: list[str]
    sure: float = 0.5


class Report(BaseModel):
    summary: str
    findings: list[str]


class Outline(BaseModel):
    title: str
    report: Report


@dataclass
class Plain:
    said: str
    page: int


def structured(made: type[Any], args: dict[str, Any], wrap: str | None) -> Runnable[Any, Any]:
    def parse(message: AIMessage) -> Any:
        value = made(**message.tool_calls[0]["args"])
        if wrap is None:
            return value
        return {"raw": message, wrap: value, "parsing_error": None}

    return START | Scripted(lines=[calls("Tool", **args)]) | RunnableLambda(parse)


REPORT = {"summary": ANSWER, "findings": [f"{SECOND} It is warm.", PHONE.page_content]}
FINDINGS = "\n".join(REPORT["findings"])


@pytest.mark.parametrize(
    ("made", "args", "wrap", "key", "answer", "statements"),
    [
        (Quoted, {"response": ANSWER, "quotes": ["x"]}, None, None, f"{ANSWER}\nx", 2),
        (Quoted, {"response": ANSWER, "quotes": ["x"]}, "parsed", None, f"{ANSWER}\nx", 2),
        (Quoted, {"response": ANSWER, "quotes": ["x"]}, "parsed", "parsed.response", ANSWER, 1),
        (Report, REPORT, None, "summary", ANSWER, 1),
        (Report, REPORT, None, "findings", FINDINGS, 2),
        (Report, REPORT, "parsed", "parsed.findings", FINDINGS, 2),
        (Report, REPORT, "parsed", "parsed.findings.1", PHONE.page_content, 1),
        (Report, REPORT, "parsed", "parsed", f"{ANSWER}\n{FINDINGS}", 3),
        (Outline, {"title": "T", "report": REPORT}, None, "report.summary", ANSWER, 1),
        (Plain, {"said": ANSWER, "page": 3}, None, None, ANSWER, 1),
        (dict, {"reply": ANSWER, "score": 3}, None, None, ANSWER, 1),
        (dict, {"items": [{"text": ANSWER}, {"text": SECOND}]}, None, "items.text",
         f"{ANSWER}\n{SECOND}", 2),
    ],
)  # fmt: skip
def test_structured_output(
    made: Any, args: Any, wrap: str | None, key: str | None, answer: str, statements: int
) -> None:
    chain = structured(made, args, wrap)
    handler = CitationCallbackHandler(engine(), answer_key=key, raise_error=True)
    chain.invoke(QUESTION, using(handler))
    (record,) = handler.records
    assert (record.answer, record.prompt_used) == (answer, "captured")
    assert record.attribution is not None
    assert len(record.attribution.statements) == statements
    assert [each.text for each in record.attribution.statements] == answer.split("\n")
    if answer.startswith(ANSWER):
        assert record.attribution.citations_of(0)[0].chunk_id == "norzel"
    result = cite(chain, engine(), answer_key=key).invoke(QUESTION)
    assert (result["answer"], len(result["support"])) == (answer, statements)


class Figures(BaseModel):
    price: float
    year: int


class Offer(BaseModel):
    maker: str
    price: float
    spoken: list[list[str]]
    sure: bool = True


OFFER = {"maker": "Norzel Ltd", "price": 910.0, "spoken": [["one", "two"], ["three"]]}


@pytest.mark.parametrize(
    ("made", "args", "wrap", "key", "fields"),
    [
        (Report, REPORT, None, None, {"$.summary": ANSWER, "$.findings[0]": f"{SECOND} It is warm.",
                                      "$.findings[1]": PHONE.page_content}),
        (Report, REPORT, "parsed", "parsed.findings", {"$[0]": f"{SECOND} It is warm.",
                                                       "$[1]": PHONE.page_content}),
        (Outline, {"title": "T", "report": REPORT}, "parsed", None,
         {"$.parsed.title": "T", "$.parsed.report.summary": ANSWER,
          "$.parsed.report.findings[0]": f"{SECOND} It is warm.",
          "$.parsed.report.findings[1]": PHONE.page_content}),
        (Offer, OFFER, None, None,
         {"$.maker": "Norzel Ltd", "$.price": "910", "$.spoken[0][0]": "one",
          "$.spoken[0][1]": "two", "$.spoken[1][0]": "three"}),
        (Figures, {"price": 910.0, "year": 1962}, None, None, {"$.price": "910", "$.year": "1962"}),
        (Figures, {"price": 910.0, "year": 1962}, "parsed", "parsed",
         {"$.price": "910", "$.year": "1962"}),
        (dict, {"people": [{"name": "Ada", "age": 90}, {"name": "Bea", "age": 7}]}, None, None,
         {"$.people[0].name": "Ada", "$.people[0].age": "90", "$.people[1].name": "Bea",
          "$.people[1].age": "7"}),
    ],
)  # fmt: skip
def test_each_field_is_a_statement_with_its_path(
    made: Any, args: Any, wrap: str | None, key: str | None, fields: dict[str, str]
) -> None:
    handler = CitationCallbackHandler(OverlapEngine(), answer_key=key)
    structured(made, args, wrap).invoke(QUESTION, using(handler))
    record = last(handler)
    assert (record.status, record.reason) == ("ok", None)
    assert record.attribution is not None
    assert {each.path: each.text for each in record.attribution.statements} == fields
    read = Attribution.from_json(record.attribution.to_json())
    assert read.statements == record.attribution.statements


def test_numbers_that_no_model_wrote_are_no_statements() -> None:
    def parse(message: AIMessage) -> Any:
        return {**message.tool_calls[0]["args"], "took": 12}

    line = calls("Tool", maker="Norzel Ltd", town="Galba", price=910)
    chain: Any = START | Scripted(lines=[line]) | RunnableLambda(parse)
    handler = CitationCallbackHandler(OverlapEngine())
    chain.invoke(QUESTION, using(handler))
    assert last(handler).answer == "Norzel Ltd\nGalba\n910"


def test_json_with_its_parsed_form_beside_is_one_answer() -> None:
    line = f'{{"reply": "{ANSWER}", "notes": ["{SECOND}"]}}'

    def parse(message: AIMessage) -> Any:
        return {"raw": message, "parsed": json.loads(str(message.text))}

    chain: Any = START | Scripted(lines=[line]) | RunnableLambda(parse)
    handler = CitationCallbackHandler(OverlapEngine())
    chain.invoke(QUESTION, using(handler))
    record = last(handler)
    assert record.answer == line
    assert record.attribution is not None
    assert {each.path: each.text for each in record.attribution.statements} == {
        "$.reply": ANSWER,
        "$.notes[0]": SECOND,
    }


def test_json_that_a_parser_reads() -> None:
    handler = watched()
    line = f'```json\n{{"question": "x", "reply": "{ANSWER}"}}\n```'
    (START | Scripted(lines=[line]) | JsonOutputParser()).invoke(QUESTION, using(handler))
    record = last(handler)
    assert ANSWER in record.answer
    assert record.attribution is not None
    assert "norzel" in {each.chunk_id for each in record.attribution.citations}


def test_a_key_that_names_nothing_is_told() -> None:
    chain = structured(Quoted, {"response": ANSWER, "quotes": []}, "parsed")
    handler = CitationCallbackHandler(engine(), answer_key="response")
    chain.invoke(QUESTION, using(handler))
    (record,) = handler.records
    assert record.status == "skipped"
    assert record.reason is not None
    assert "answer_key='response' names no text" in record.reason
    assert record.reason.endswith("answer_key='parsed.response' does")
    with pytest.raises(ConfigurationError, match=r"answer_key='parsed.response' does$"):
        cite(chain, engine(), answer_key="response").invoke(QUESTION)


def test_keys_of_the_input_are_no_answer() -> None:
    """A usual key that only hands the input on is passed over for what the model wrote."""
    chain = RunnablePassthrough.assign(
        reply=(lambda inputs: inputs["text"]) | START | Scripted(lines=[ANSWER]) | StrOutputParser()
    )
    handler = watched()
    chain.invoke({"text": QUESTION, "question": QUESTION}, using(handler))
    record = last(handler)
    assert (record.answer, record.question, cited(record)) == (ANSWER, QUESTION, {"norzel"})


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How are you doing?", "I am doing well, thank you."),
        ("Which animal does Corlin Corpo keep?", "I do not know."),
    ],
)
def test_small_talk_is_not_cited(question: str, answer: str) -> None:
    chain = create_retrieval_chain(
        FixedRetriever(found=[BIKE, PHONE, GALBA]),
        create_stuff_documents_chain(
            Scripted(lines=[answer]),
            ChatPromptTemplate.from_template(ASK.replace("{question}", "{input}")),
        ),
    )
    handler = watched()
    chain.invoke({"input": question}, using(handler))
    assert last(handler).citations == handler.citations == ()
    assert last(handler).status == "ok"
    assert set(labels(last(handler))) <= {"unsupported", "parametric"}
    result = cite(chain, engine()).invoke({"input": question})
    assert result["citations"] == []
    assert result["support"][0]["label"] in ("unsupported", "parametric")
