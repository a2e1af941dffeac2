"""What a workflow was asked, and where the answer is in what it handed back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentOutput
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)
from llama_index.core.base.response.schema import Response
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import ToolOutput
from llama_index.core.workflow import Event, StartEvent, StopEvent
from pydantic import BaseModel

from attribot_integrations.llama_index.scopes import PromptedCall, Scope
from attribot_integrations.llama_index.workflows import (
    WorkflowAnswer,
    workflow_answer,
    workflow_question,
    workflow_result,
)

USER = ChatMessage(role=MessageRole.USER, content="Who?")
ASSISTANT = ChatMessage(role=MessageRole.ASSISTANT, content="Ada.")


class Asking(StartEvent):
    tenant: str
    question: str


class Done(StopEvent):
    count: int
    summary: str


class Report(BaseModel):
    title: str
    answer: str


def start(**fields: Any) -> StartEvent:
    return StartEvent(**fields)


@pytest.mark.parametrize(
    ("arguments", "question"),
    [
        ({"start_event": start(user_msg="Who?")}, "Who?"),
        ({"start_event": start(user_msg=USER)}, "Who?"),
        ({"start_event": start(tenant="acme", query="Who?")}, "Who?"),
        ({"start_event": start(query=QueryBundle("Who?"))}, "Who?"),
        ({"start_event": Asking(tenant="acme", question="Who?")}, "Who?"),
        ({"start_event": start(wish="Who?")}, "Who?"),
        ({"start_event": start(chat_history=[USER, ASSISTANT])}, "Who?"),
        ({"start_event": start(wish="Who?", tenant="acme")}, ""),
        ({"start_event": start(count=3)}, ""),
        ({"start_event": None}, ""),
        ({"kwargs": {"query": "Who?"}}, "Who?"),
        ({"user_msg": "Who?", "memory": object()}, "Who?"),
    ],
)
def test_what_it_was_asked(arguments: dict[str, Any], question: str) -> None:
    assert workflow_question(arguments) == question


def test_what_its_caller_gets() -> None:
    done = Done(count=1, summary="Ada.")
    assert workflow_result(StopEvent(result="Ada.")) == "Ada."
    assert workflow_result(done) is done
    assert workflow_result("Ada.") == "Ada."


def scope(*texts: str, searched: bool = True, **options: Any) -> Scope:
    made = Scope("workflow", searched=searched, **options)
    made.calls = [PromptedCall(prompt="Who?", text=text) for text in texts]
    return made


@pytest.mark.parametrize(
    "result",
    [
        "Ada.",
        ASSISTANT,
        ChatResponse(message=ASSISTANT),
        CompletionResponse(text="Ada."),
        AgentOutput(response=ASSISTANT, current_agent_name="one"),
        {"answer": "Ada."},
        {"query": "Who?", "nodes": [NodeWithScore(node=TextNode(text="Ada."))], "said": "Ada."},
        {"deep": {"list": [1, "Ada."]}},
        {"response": Response("Ada.", source_nodes=[])},
        Report(title="Names", answer="Ada."),
        Done(count=1, summary="Ada."),
        Event(said="Ada."),
        ["Ada.", 3],
    ],
)
def test_the_answer_is_what_a_model_wrote(result: Any) -> None:
    assert workflow_answer(scope("Names", "Ada."), result) == WorkflowAnswer("Ada.")


def test_an_object_that_a_model_filled_in_is_one_answer() -> None:
    text = '{"title":"Names","answer":"Ada."}'
    report = Report(title="Names", answer="Ada.")
    assert workflow_answer(scope(f"```json\n{text}\n```"), report) == WorkflowAnswer(text)
    other = '{"title": "Names", "answer": "Bea."}'
    assert workflow_answer(scope(other, "Ada."), report) == WorkflowAnswer("Ada.")


def test_whole_texts_come_before_parts_of_texts() -> None:
    result = {"topic": "Ada", "paragraph": "Ada is old."}
    assert workflow_answer(scope("Ada is old."), result) == WorkflowAnswer("Ada is old.")


def test_an_answer_that_was_given_inside_counts() -> None:
    made = scope(tasks=[SimpleNamespace(answer="Ada.")])
    assert workflow_answer(made, {"text": "Ada."}) == WorkflowAnswer("Ada.")


def test_what_no_model_wrote_is_told() -> None:
    answer = workflow_answer(scope("Ada."), {"text": "Nothing."})
    assert answer is not None
    assert (answer.text, len(answer.notes)) == ("Ada.", 1)
    assert "hand back the answer, or a response" in answer.notes[0]


def test_what_a_tool_wrote_is_told() -> None:
    tool = ToolOutput(tool_name="find", content="Ada is old.", raw_input={}, raw_output=None)
    made = scope("", tools=[tool])
    assert workflow_answer(made, "Ada is old.") == WorkflowAnswer(
        "Ada is old.", written_by="the tool find"
    )
    repeated = scope("Ada is old.", tools=[tool])
    assert workflow_answer(repeated, "Ada is old.") == WorkflowAnswer("Ada is old.")


def test_streams_are_not_followed() -> None:
    answer = workflow_answer(scope("Ada."), (token for token in "Ada."))
    assert answer is not None
    assert "cannot be followed" in str(answer.problem)


@pytest.mark.parametrize("result", [None, 3, {"count": 3}, [], {"text": "Nothing."}])
def test_what_is_no_answer(result: Any) -> None:
    assert workflow_answer(scope("A title.", searched=False), result) is None
    assert workflow_answer(scope(searched=False), "done") is None, "a workflow of plain functions"
