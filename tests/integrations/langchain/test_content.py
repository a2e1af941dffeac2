"""Questions, answers and prompts read from what chains and models take and give."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration

from attribot_integrations.langchain.content import (
    answer_text,
    model_name,
    question_text,
)
from attribot_integrations.langchain.documents import (
    chunks_in,
    chunks_of,
    documents_of,
    tool_chunks,
)


@pytest.mark.parametrize(
    ("inputs", "question"),
    [
        ("Who?", "Who?"),
        ("", None),
        ({"input": ""}, None),
        ({"input": "Who?", "chat_history": [HumanMessage("Old?")]}, "Who?"),
        ({"question": "Who?"}, "Who?"),
        ({"query": {"question": "Who?"}}, "Who?"),
        ({"messages": [HumanMessage("Old?"), AIMessage("A"), HumanMessage("Who?")]}, "Who?"),
        ({"messages": [("user", "Who?"), ("assistant", "A")]}, "Who?"),
        ({"messages": [{"role": "user", "content": "Who?"}]}, "Who?"),
        ([HumanMessage([{"type": "text", "text": "Who"}, {"type": "text", "text": "?"}])], "Who?"),
        ([ChatMessage(content="Who?", role="user")], "Who?"),
        ({"topic": "Who?"}, None),
        ([HumanMessage("Who?"), HumanMessage([{"type": "tool_result", "content": "B"}])], "Who?"),
        ([1, 2], None),
        ([{"no": "message"}], None),
        (None, None),
    ],
)
def test_question_text(inputs: object, question: str | None) -> None:
    assert question_text(inputs) == question


@dataclass
class Structured:
    answer: str


@pytest.mark.parametrize(
    ("outputs", "answer"),
    [
        ("Text.", "Text."),
        ("", ""),
        (AIMessage("Text."), "Text."),
        (AIMessageChunk(content="Text."), "Text."),
        (AIMessage([{"type": "text", "text": "Te"}, "xt."]), "Text."),
        (ChatMessage(content="Text.", role="assistant"), "Text."),
        (HumanMessage("Text."), None),
        ({"answer": "Text.", "context": ["x"]}, "Text."),
        ({"answer": AIMessage("Text.")}, "Text."),
        ({"query": "q", "result": "Text."}, "Text."),
        ({"messages": [HumanMessage("Who?"), AIMessage("Text.")]}, "Text."),
        ({"messages": [AIMessage("Old."), HumanMessage("Who?")]}, None),
        (Structured("Text."), "Text."),
        (ChatGeneration(message=AIMessage("Text.")), "Text."),
        ({"documents": []}, None),
        (None, None),
    ],
)
def test_answer_text(outputs: object, answer: str | None) -> None:
    assert answer_text(outputs) == answer


def test_answer_of_an_agent_that_filled_in_a_form() -> None:
    messages = [HumanMessage("Who?"), ToolMessage("Returned.", tool_call_id="1")]
    outputs = {"messages": messages, "structured_response": Structured("Text.")}
    assert answer_text(outputs) == "Text."
    assert answer_text({"raw": AIMessage("{}"), "parsed": {"answer": "Text."}}) == "Text."


def test_keys_name_question_and_answer() -> None:
    assert question_text({"input": "Other", "topic": "Who?"}, "topic") == "Who?"
    assert question_text({"input": "Other"}, "topic") is None
    assert question_text("Who?", "topic") == "Who?"
    assert answer_text({"answer": "Other", "body": "Text."}, "body") == "Text."
    assert answer_text(Structured("Text."), "answer") == "Text."
    assert answer_text(Structured("Text."), "body") is None


def test_documents_in_outputs() -> None:
    document = Document("Text.", id="d", metadata={"title": "T"})
    stored = document.model_dump()
    message = ToolMessage("Text.", tool_call_id="1", artifact=[stored])
    values: list[object] = [
        document,
        [document],
        {"context": [document]},
        {"state": {"context": (stored,)}},
        message,
        {"messages": [HumanMessage("Who?"), message]},
        SimpleNamespace(update={"messages": [message]}),
    ]
    for value in values:
        (chunk,) = chunks_in(value)
        assert (chunk.text, chunk.id, chunk.title) == ("Text.", "d", "T")
    others: list[object] = [None, "Text.", ["Text."], [1, document], {"a": {"b": {"c": document}}}]
    for value in others:
        assert chunks_in(value) == ()
    assert documents_of(chunks_of([document, stored, "else"])) == [document, document]


def test_what_tools_wrote() -> None:
    messages = [
        ToolMessage("Plain.", tool_call_id="1", name="search"),
        ToolMessage("Failed.", tool_call_id="2", status="error"),
        ToolMessage("Found.", tool_call_id="3", artifact=[Document("Found.")]),
    ]
    (chunk,) = tool_chunks(messages)
    assert (chunk.text, chunk.id, chunk.title) == ("Plain.", "1", "tool output of search")


def test_model_names() -> None:
    assert model_name({"metadata": {"ls_model_name": "a"}, "invocation_params": {}}) == "a"
    assert model_name({"metadata": None, "invocation_params": {"model": "b"}}) == "b"
    assert model_name({}) is None
