"""What tools handed back, as nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode
from llama_index.core.tools import ToolOutput

from attribot_integrations.context.kinds import ConversationPart
from attribot_integrations.llama_index.tools import message_nodes, tool_nodes, tool_part

ADA, BEA = TextNode(id_="ada", text="Ada is old."), TextNode(id_="bea", text="Bea is young.")


def output(content: str, raw: Any = None, name: str = "find", **options: Any) -> ToolOutput:
    return ToolOutput(
        tool_name=name, content=content, raw_input={"q": "Who?"}, raw_output=raw, **options
    )


def ids(*tools: ToolOutput, known: Any = (), answers: Any = ()) -> list[str]:
    return [one.node.node_id for one in tool_nodes(tools, known, answers)]


def test_what_a_tool_wrote_is_a_node() -> None:
    (one,) = tool_nodes([output("It rains.")], [], [])
    assert (one.node.node_id, one.node.get_content()) == ("find-0", "It rains.")
    assert one.node.metadata == {"tool": "find", "input": {"q": "Who?"}}
    assert one.node.get_content(MetadataMode.LLM) == "It rains.", "what the model saw"


def test_nodes_that_it_handed_back_are_taken_whole_and_once() -> None:
    found = [NodeWithScore(node=ADA), NodeWithScore(node=BEA)]
    text = "Ada is old.\n\nBea is young.\n\n"
    assert ids(output(text, found)) == ["ada", "bea"]
    assert ids(output(text, [ADA, BEA])) == ["ada", "bea"]
    assert ids(output(text, found), known=found) == []
    assert ids(output(text, found), output(text, found)) == ["ada", "bea"]


def test_what_was_made_of_known_nodes_is_none() -> None:
    known = [NodeWithScore(node=ADA)]
    assert ids(output("['Ada is old.', 'Cleo is tall.']"), known=known) == []
    assert ids(output("Cleo is tall."), known=known) == ["find-0"]


def test_what_holds_another_answer_is_none() -> None:
    assert ids(output("It is Ada."), answers=["It is  Ada."]) == []
    assert ids(output("It is Bea."), answers=["It is Ada."]) == ["find-0"]


@pytest.mark.parametrize(
    "tool",
    [
        output(" "),
        output("No such tool.", is_error=True),
        output("Agent two is now handling the request.", name="handoff"),
    ],
)
def test_what_says_nothing_is_none(tool: ToolOutput) -> None:
    assert ids(tool) == []


@pytest.mark.parametrize("raw", [{"a": 1}, "text", 3, [1, 2], [ADA, "text"]])
def test_other_outputs_are_taken_as_they_were_shown(raw: Any) -> None:
    assert ids(output(str(raw), raw)) == ["find-0"]


def test_what_an_agent_remembers_of_its_tools() -> None:
    def message(role: str, content: str) -> dict[str, str]:
        return {"role": role, "content": content}

    first = [message("user", "Who?"), message("tool", "Ada is old."), message("tool", " ")]
    second = [*first, message("assistant", "Ada."), message("tool", "Bea is young.")]
    found = message_nodes([first, second, "a completion", None])
    assert [(one.node.node_id, one.node.get_content()) for one in found] == [
        ("tool-message-0", "Ada is old."),
        ("tool-message-1", "Bea is young."),
    ]


def test_what_a_tool_wrote_was_said_in_a_turn() -> None:
    prompt = [
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "The pier?"},
        {"role": "function", "content": "It is  long.", "name": "find"},
    ]
    (found,) = message_nodes([prompt, None])
    part = ConversationPart("tool", 2, "function", "find")
    assert tool_part(found.node, prompt) == part
    assert tool_part(found.node, None) == replace(part, turn=0, role="tool")
    assert tool_part(TextNode(text="It is long."), prompt) is None
    (made,) = tool_nodes([output("It is long.")], [], [])
    assert tool_part(made.node, prompt) == replace(part, name=made.node.metadata["tool"])
