"""What stands behind answers that others were made from."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from llama_index.core.prompts import PromptTemplate
from llama_index.core.schema import NodeWithScore, TextNode

from attribot_integrations.llama_index.intermediate import gather, look_behind
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
    found = look_behind("final", scope, scope.nodes, [call("Ada is old. Who?", "Ada.")])
    assert [one.node.node_id for one in found.nodes] == ["a"]
    assert [one.text for one in found.calls] == ["Ada."]


def test_a_node_made_of_an_answer_leads_on_to_its_nodes() -> None:
    source = node("norzel", "In shops the Norzel bike costs 910 coins.")
    first = call("In shops the Norzel bike costs 910 coins. Price?", BIKE)
    scope = Scope("synthesis", nodes=[node("made", f"Response: {BIKE}"), node("b", "Bea is tall.")])
    scope.tasks.append(earlier("sub", BIKE, source, calls=[first]))
    last = call(f"{BIKE} Bea is tall.", "910 coins; Bea.")
    found = look_behind("final", scope, scope.nodes, [last])
    assert [one.node.node_id for one in found.nodes] == ["b", "norzel"]
    assert found.calls == (first, last)


def test_an_answer_that_no_prompt_shows_leads_nowhere() -> None:
    scope = Scope("synthesis", nodes=[node("a", "Ada is old.")])
    scope.tasks.append(earlier("sub", BIKE, node("norzel", "It costs 910 coins.")))
    found = look_behind("final", scope, scope.nodes, [call("Ada is old. Who?", "Ada.")])
    assert [one.node.node_id for one in found.nodes] == ["a"]


def test_the_answer_itself_is_none_of_them() -> None:
    scope = Scope("synthesis", nodes=[node("made", BIKE)])
    scope.tasks.append(earlier("final", BIKE, node("norzel", "It costs 910 coins.")))
    assert [one.node.node_id for one in look_behind("final", scope, scope.nodes, []).nodes] == [
        "made"
    ]


def test_what_a_retriever_found_is_not_made_of_answers() -> None:
    own = node("galba", f"The catalogue says: {BIKE}")
    scope = Scope("workflow", nodes=[own])
    scope.tasks.append(earlier("tool", BIKE, node("norzel", "It costs 910 coins.")))
    found = look_behind("final", scope, scope.nodes, [call(f"{BIKE} Who?", "910 coins.")])
    assert [one.node.node_id for one in found.nodes] == ["galba", "norzel"]


def test_a_workflow_rests_on_answers_that_no_prompt_shows_if_there_is_nothing_else() -> None:
    scope = Scope("workflow")
    scope.tasks.append(earlier("tool", BIKE, node("norzel", "It costs 910 coins.")))
    found = look_behind("final", scope, (), [call("Anything?", "All told.")])
    assert [one.node.node_id for one in found.nodes] == ["norzel"]
    query = Scope("query", tasks=scope.tasks)
    assert look_behind("final", query, (), [call("Anything?", "All told.")]).nodes == ()


def test_calls_that_are_no_calls_are_left_out() -> None:
    scope = Scope("query", nodes=[node("a", "Ada is old.")])
    scope.calls = [PromptedCall(), call("Ada is old. Who?", "Ada.")]
    nodes, calls = gather(scope, "Ada.", calls_seen=True)
    assert ([one.node.node_id for one in nodes], calls) == (["a"], scope.calls[1:])
    assert gather(scope, "Ada.", calls_seen=False)[1] == []


def test_what_a_silent_model_wrote_is_told_by_the_next_prompt() -> None:
    first, second = call("Ada is old. Who?", ""), call("Ada. Bea is tall. Who?", "Ada and Bea.")
    first.text, second.template = None, PromptTemplate("{existing_answer} {context_msg}")
    second.variables = {"existing_answer": "Ada.", "context_msg": "Bea is tall."}
    gather(Scope("synthesis", calls=[first, second]), "Ada and Bea.", calls_seen=True)
    assert first.text == "Ada."
