"""What a chain handed back, as far as it is text."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from attribot_integrations.answers.output import Field, Output
from attribot_integrations.langchain.outputs import missing_key, output_of
from tests.integrations.langchain.scripted import BIKE, calls

TOOL = ToolMessage("Found.", tool_call_id="c1", name="find")


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ("Text.", Output("Text.", fields=(Field("$", "Text."),))),
        ({"answer": "Text.", "context": [BIKE]},
         Output("Text.", fields=(Field("$.answer", "Text."),), with_documents=True)),
        ({"reply": "Text.", "list": ["a", 3]},
         Output(fields=(Field("$.reply", "Text."), Field("$.list[0]", "a"),
                        Field("$.list[1]", "3", is_number=True)))),
        ({"text": "Given.", "reply": "Text."}, Output(fields=(Field("$.reply", "Text."),))),
        ([AIMessage("One."), AIMessage("Two.")],
         Output(fields=(Field("$[0]", "One."), Field("$[1]", "Two.")))),
        ({"messages": [HumanMessage("?"), AIMessage("Text.")]}, Output("Text.")),
        ({"messages": [HumanMessage("?"), calls("find"), TOOL]},
         Output("Found.", written_by="the tool find")),
        ({"messages": [HumanMessage("?"), calls("find")]}, Output()),
        (None, Output()),
    ],
)  # fmt: skip
def test_outputs(outputs: Any, expected: Output) -> None:
    assert output_of(outputs, None, {"Given."}) == expected


@pytest.mark.parametrize(
    ("outputs", "key", "answer", "statements"),
    [
        ({"a": {"b": "Text."}}, "a.b", "Text.", None),
        ({"a": 3}, "a", "3", None),
        ({"a": ["One.", "Two."]}, "a", "One.\nTwo.", ((0, 4), (5, 9))),
        (
            {"a": {"b": "One.", "c": 3, "d": ["Two."]}},
            "a",
            "One.\n3\nTwo.",
            ((0, 4), (5, 6), (7, 11)),
        ),
        ({"a": [AIMessage("One."), AIMessage("Two.")]}, "a", "One.\nTwo.", ((0, 4), (5, 9))),
        ({"a": "Text."}, "b", None, None),
        ("Text.", "b", "Text.", None),
    ],
)
def test_named_answers(outputs: Any, key: str, answer: str | None, statements: Any) -> None:
    output = output_of(outputs, key)
    assert (output.answer, output.statements) == (answer, statements)
    assert output.named is (outputs != "Text.")


def test_a_key_that_names_nothing() -> None:
    said = missing_key({"parsed": {"reply": "Text."}}, "reply")
    assert said.startswith("answer_key='reply' names no text in the chain's output, a dict: {")
    assert said.endswith("; answer_key='parsed.reply' does")
    assert missing_key([], "reply").endswith("a list: []")
