"""What `cite` and the middleware hand back: everything, as plain data, whatever is beside them."""

import copy
import datetime
import json
import pathlib
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    SummarizationMiddleware,
)
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.langchain import (
    CitationRecord,
    add_citations,
    citation_annotations,
    cite,
)
from attribot_integrations.langchain.agents import CitationMiddleware
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
    watched,
)

THREAD: Any = {"configurable": {"thread_id": "1"}}
ASKED = {"messages": [{"role": "user", "content": QUESTION}]}


@tool(response_format="content_and_artifact")
def search(query: str) -> tuple[str, list[Document]]:
    """Search."""
    return BIKE.page_content, [BIKE]


def agent(*middleware: Any, model: Any = Scripted, lines: Any = None, **options: Any) -> Any:
    lines = lines or [calls("search", query="x"), ANSWER]
    return create_agent(model(lines=lines), [search], middleware=list(middleware), **options)


def rag(*documents: Document, answer: str = ANSWER) -> Runnable[Any, Any]:
    return (
        {"context": FixedRetriever(found=list(documents)) | join, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_template(ASK)
        | Scripted(lines=[answer])
        | StrOutputParser()
    )


@pytest.mark.parametrize("way", ["invoke", "stream", "messages", "ainvoke"])
async def test_interrupts_pass_through(way: str) -> None:
    stops = HumanInTheLoopMiddleware(interrupt_on={"search": True})
    citing = cite(agent(stops, checkpointer=InMemorySaver()), engine())
    if way == "invoke":
        result = citing.invoke(ASKED, THREAD)
    elif way == "ainvoke":
        result = await citing.ainvoke(ASKED, THREAD)
    else:
        modes = {"stream_mode": ["updates", "messages"]} if way == "messages" else {}
        pieces = list(citing.stream(ASKED, THREAD, **modes))
        result = sum(pieces[1:], pieces[0])
    (stopped,) = result["__interrupt__"]
    assert stopped.value["action_requests"][0]["name"] == "search"
    assert (result["answer"], result["status"]) == (None, "skipped")
    assert result["reason"] == "the graph was interrupted before it answered"
    resume: Any = Command(resume={"decisions": [{"type": "approve"}]})
    resumed = citing.invoke(resume, THREAD)
    assert (resumed["answer"], resumed["status"]) == (ANSWER, "ok")
    assert [each.chunk_id for each in resumed["citations"]] == ["norzel"]
    assert "__interrupt__" not in resumed


def test_other_outputs_pass_through() -> None:
    inner = RunnablePassthrough.assign(
        answer=(lambda inputs: inputs["question"]) | rag(BIKE, PHONE),
        count=lambda _: 3,
        status=lambda _: "mine",
    )
    result = cite(inner, engine()).invoke({"question": QUESTION})
    assert (result["question"], result["count"]) == (QUESTION, 3)
    assert (result["answer"], result["status"]) == (ANSWER, "ok")
    pieces = list(cite(inner, engine()).stream({"question": QUESTION}))
    assert sum(pieces[1:], pieces[0]) == result
    state = cite(agent(), engine()).invoke(ASKED)
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]


class Opaque:
    pass


ODD = {
    "source": pathlib.PurePosixPath("/x/a.pdf"),
    "relevance_score": np.float32(0.3),
    "date": datetime.datetime(2024, 1, 1),
    "nan": float("nan"),
    "opaque": Opaque(),
    5: "int key",
    "page": 17,
    "url": "https://example.org/a",
}


def odd() -> Document:
    return Document(BIKE.page_content, id="norzel", metadata=ODD)


class State(TypedDict, total=False):
    question: str
    answer: str
    citations: list[Any]
    documents: list[Any]
    support: list[Any]
    status: str
    reason: str | None


def test_results_can_be_dumped_and_checkpointed(caplog: pytest.LogCaptureFixture) -> None:
    citing = cite(rag(odd(), PHONE), engine())
    node = lambda state: dict(citing.invoke(state["question"]))  # noqa: E731
    builder = StateGraph(State).add_node("rag", node).add_edge(START, "rag")
    graph = builder.compile(checkpointer=InMemorySaver())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = graph.invoke({"question": QUESTION}, THREAD)
        kept = graph.get_state(THREAD).values
        read = json.loads(json.dumps(kept, allow_nan=False))
    assert caplog.text == ""
    assert kept == result == read
    (citation,) = result["citations"]
    assert (citation["page"], citation["url"]) == ("17", "https://example.org/a")
    assert citation["metadata"]["source"] == "/x/a.pdf"
    assert citation["label"] == "supported"
    assert result["support"][0]["label"] == "supported"
    assert result["support"][0]["text"] == ANSWER
    assert result["documents"][0]["metadata"]["relevance_score"] == pytest.approx("0.3", abs=0) or (
        result["documents"][0]["metadata"]["relevance_score"] == str(np.float32(0.3))
    )


def test_the_state_of_an_agent_holds_everything() -> None:
    made = agent(CitationMiddleware(engine()), checkpointer=InMemorySaver())
    state = made.invoke(ASKED, THREAD)
    report = state["attribution"]
    assert (report["status"], report["reason"], report["answer"]) == ("ok", None, ANSWER)
    assert report["documents"] == [BIKE]
    assert [each["label"] for each in report["support"]] == ["supported"]
    (annotation,) = state["citations"]
    assert (annotation["extras"]["page"], annotation["extras"]["support"]) == ("17", "supported")
    kept = made.get_state(THREAD).values
    assert kept["attribution"] == json.loads(json.dumps(report)) == report
    assert kept["citations"] == state["citations"]


@pytest.mark.parametrize("order", ["first", "last"])
@pytest.mark.parametrize("other", ["clear", "summary"])
def test_the_middleware_records_what_the_model_saw(order: str, other: str) -> None:
    @tool(response_format="content_and_artifact")
    def look(query: str) -> tuple[str, list[Document]]:
        """Look."""
        found = BIKE if query == "bike" else PHONE
        return found.page_content, [found]

    model = Scripted(
        lines=[
            calls("look", "1", query="bike"),
            calls("look", "2", query="phone"),
            PHONE.page_content,
        ]
    )
    edits: Any = (
        ContextEditingMiddleware(edits=[ClearToolUsesEdit(trigger=1, keep=1)])
        if other == "clear"
        else SummarizationMiddleware(
            Scripted(lines=["The user asks for prices."]),
            trigger=("messages", 5),
            keep=("messages", 2),
        )
    )
    records: list[CitationRecord] = []
    own = CitationMiddleware(engine(), on_citations=records.append, raise_error=True)
    order_of = [own, edits] if order == "first" else [edits, own]
    asked: Any = {"messages": [HumanMessage("How much do the bike and the Norba phone cost?")]}
    create_agent(model, [look], middleware=order_of).invoke(asked)
    (record,) = records
    assert isinstance(record.prompt, list)
    seen = [str(message.text) for message in model.seen[-1]]
    assert [message["content"] for message in record.prompt] == seen
    assert cited(record) == {"norba"}


def test_what_another_agent_found() -> None:
    """Citations lead through an inner agent's report to its documents, as with a handler."""

    def outer(**options: Any) -> Any:
        inner = agent(lines=[calls("search", query="x"), f"{ANSWER[:-1]} today."])

        @tool
        def research(task: str) -> str:
            """Research."""
            return str(inner.invoke({"messages": [HumanMessage(task)]})["messages"][-1].text)

        lines = [calls("research", "o1", task=QUESTION), ANSWER]
        return create_agent(Scripted(lines=lines), [research], **options)

    records: list[CitationRecord] = []
    own = CitationMiddleware(engine(), on_citations=records.append, raise_error=True)
    outer(middleware=[own]).invoke(ASKED)
    handler = watched()
    outer().invoke(ASKED, using(handler))
    for record in (records[0], last(handler)):
        assert (record.question, record.answer) == (QUESTION, ANSWER)
        assert [step.answer for step in record.captured.steps] == [f"{ANSWER[:-1]} today."]
        assert record.prompt_used == "captured"
        assert record.attribution is not None
        assert {each.chunk_id for each in record.attribution.citations} == {"norzel"}
    assert records[0].prompt == last(handler).prompt


@pytest.mark.parametrize(
    "modes",
    [
        {},
        {"stream_mode": "updates"},
        {"stream_mode": "values"},
        {"stream_mode": "custom"},
        {"stream_mode": "messages"},
        {"stream_mode": ["messages", "updates"]},
        {"stream_mode": "messages", "subgraphs": True},
        {"stream_mode": ["messages", "values"], "subgraphs": True},
    ],
)
async def test_agents_are_streamed(modes: dict[str, Any]) -> None:
    citing = cite(agent(model=Streaming), engine())
    pieces = list(citing.stream(ASKED, **modes))
    result = sum(pieces[1:], pieces[0])
    assert (result["answer"], result["status"]) == (ANSWER, "ok")
    assert [each.chunk_id for each in result["citations"]] == ["norzel"]
    told = [piece["answer"] for piece in pieces if "answer" in piece]
    assert (len(told) > 3) == ("messages" in str(modes)), told
    later = [
        piece async for piece in cite(agent(model=Streaming), engine()).astream(ASKED, **modes)
    ]
    assert [piece.get("answer") for piece in later] == [piece.get("answer") for piece in pieces]


def test_offsets_fit_what_was_streamed() -> None:
    """A model that writes before it calls a tool has its words streamed, too."""
    before = "Let me look that up in the catalogue."
    lines = [calls("search", text=before, query="x"), ANSWER]
    citing = cite(agent(model=Streaming, lines=lines), engine())
    pieces = list(citing.stream(ASKED, stream_mode="messages"))
    result = sum(pieces[1:], pieces[0])
    (citation,) = result["citations"]
    assert result["answer"].endswith(ANSWER)
    assert result["answer"][citation.answer_start : citation.answer_end] == ANSWER
    assert result["support"][0].answer_start == citation.answer_start


TWO = f"👍👍 {ANSWER} 👍 {SECOND}"


def in_utf16(text: str, start: int, end: int) -> str:
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def test_annotations_count_utf16_units_on_request() -> None:
    handler = watched()
    rag(BIKE, GALBA, answer=TWO).invoke(QUESTION, using(handler))
    attribution = handler.attribution
    assert attribution is not None
    plain, units = (
        citation_annotations(attribution, offsets=offsets) for offsets in ("characters", "utf-16")
    )
    assert len(plain) == len(units) > 0
    for one, other in zip(plain, units, strict=True):
        text = TWO[one["start_index"] : one["end_index"]]
        assert in_utf16(TWO, other["start_index"], other["end_index"]) == text
        assert text in (ANSWER, SECOND)
    message = last(handler)
    blocks = add_citations(
        Scripted(lines=[TWO]).invoke("x"), attribution, offsets="utf-16"
    ).content_blocks
    found: Any = blocks[0]
    assert [
        in_utf16(found["text"], each["start_index"], each["end_index"])
        for each in found["annotations"]
    ] == [TWO[each["start_index"] : each["end_index"]] for each in plain]
    assert message.answer == TWO
    with pytest.raises(ConfigurationError, match="offsets must be"):
        citation_annotations(attribution, offsets="bytes")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="offsets must be"):
        CitationMiddleware(engine(), offsets="bytes")  # type: ignore[arg-type]


def test_copies() -> None:
    """Handlers are copied by configuration, records with what is known, engines not at all."""
    handler = watched()
    rag(BIKE, PHONE).invoke(QUESTION, using(handler))
    for made in (copy.copy(handler), copy.deepcopy(handler)):
        assert made.records == ()
        assert made.engine is handler.engine or made.engine.target is handler.engine.target  # type: ignore[attr-defined]
        rag(BIKE, PHONE).invoke(QUESTION, using(made))
        assert (len(made.records), len(handler.records)) == (1, 1)
        assert made.raise_error is handler.raise_error is True
    record = last(handler)
    for other in (copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record))):
        assert (other.answer, other.status, cited(other)) == (ANSWER, "ok", {"norzel"})
        assert other.run_id == record.run_id
    for value in (handler, cite(rag(BIKE), engine()), engine()):
        with pytest.raises(TypeError, match="an AttributionEngine cannot be pickled"):
            pickle.dumps(value)
    citing = copy.deepcopy(cite(rag(BIKE, PHONE), engine()))
    assert [each.chunk_id for each in citing.invoke(QUESTION)["citations"]] == ["norzel"]


@pytest.mark.parametrize("live", [False, True])
def test_cite_counts_utf16_units_and_brings_the_record_on_request(live: bool) -> None:
    chain = rag(BIKE, GALBA, answer=TWO)
    citing = cite(chain, engine(), offsets="utf-16", with_record=True, live=live)
    pieces = list(citing.stream(QUESTION))
    result = sum(pieces[1:], pieces[0])
    record = result["record"]
    assert isinstance(record, CitationRecord)
    assert record.attribution is not None
    assert [each["label"] for each in result["support"]] == [
        each.label for each in record.attribution.support
    ]
    assert result["citations"]
    for each in (*result["citations"], *result["support"]):
        text = in_utf16(TWO, each["answer_start"], each["answer_end"])
        assert text in (ANSWER, SECOND)
    assert "record" not in cite(chain, engine()).invoke(QUESTION)
    with pytest.raises(ConfigurationError, match='offsets must be "characters" or "utf-16"'):
        cite(chain, engine(), offsets="bytes")  # type: ignore[arg-type]
