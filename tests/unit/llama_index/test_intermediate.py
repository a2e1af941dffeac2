"""What stands behind answers that others were made from."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from llama_index.core.schema import NodeWithScore, TextNode

from attribot_integrations.llama_index.intermediate import look_behind
from attribot_integrations.llama_index.scopes import PromptedCall, Scope

BIKE = "The price of the Norzel bike is 910 coins."


def node(id_: str, text: str) -> NodeWithScore:
    return NodeWithScore(node=TextNode(id_=id_, text=text))


def call(prompt: str, text: str) -> PromptedCall:
    made = PromptedCall()
    made.prompt, made.text = prompt, text
    return made


def earlier(id_: str, answer: str, *nodes: NodeWithScore, calls: Any = ()) -> Any:
    record: Future[Any] = Future()
    record.set_result(
        SimpleNamespace(answer=answer, nodes=nodes, captured=SimpleNamespace(calls=tuple(calls)))
    )
    return SimpleNamespace(id=id_, record=record)


def test_without_earlier_answers_a_scope_has_its_own() -> None:
    scope = Scope("synthesis", nodes=[node("a", "Ada is old.")])
    found = look_behind("final", scope, [call("Ada is old. Who?", "Ada.")])
    assert [one.node.node_id for one in found.nodes] == ["a"]
    assert [one.text for one in found.calls] == ["Ada."]


def test_a_node_made_of_an_answer_leads_on_to_its_nodes() -> None:
    source = node("norzel", "In shops the Norzel bike costs 910 coins.")
    first = call("In shops the Norzel bike costs 910 coins. Price?", BIKE)
    scope = Scope("synthesis", nodes=[node("made", f"Response: {BIKE}"), node("b", "Bea is tall.")])
    scope.tasks.append(earlier("sub", BIKE, source, calls=[first]))
    last = call(f"{BIKE} Bea is tall.", "910 coins; Bea.")
    found = look_behind("final", scope, [last])
    assert [one.node.node_id for one in found.nodes] == ["b", "norzel"]
    assert found.calls == (first, last)


def test_an_answer_that_no_prompt_shows_leads_nowhere() -> None:
    scope = Scope("synthesis", nodes=[node("a", "Ada is old.")])
    scope.tasks.append(earlier("sub", BIKE, node("norzel", "It costs 910 coins.")))
    found = look_behind("final", scope, [call("Ada is old. Who?", "Ada.")])
    assert [one.node.node_id for one in found.nodes] == ["a"]


def test_the_answer_itself_is_none_of_them() -> None:
    scope = Scope("synthesis", nodes=[node("made", BIKE)])
    scope.tasks.append(earlier("final", BIKE, node("norzel", "It costs 910 coins.")))
    assert [one.node.node_id for one in look_behind("final", scope, []).nodes] == ["made"]
