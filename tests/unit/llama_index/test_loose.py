"""What ran in threads that knew of no answer, and which answer it belongs to."""

from __future__ import annotations

from llama_index.core.schema import NodeWithScore, TextNode

from attribot_integrations.llama_index.loose import LooseSpans
from attribot_integrations.llama_index.scopes import PromptedCall, Scope
from attribot_integrations.llama_index.tasks import Task

PROMPT = "Ada is old.\n\nBea is young.\n\nWho?"


def node(id_: str, text: str) -> NodeWithScore:
    return NodeWithScore(node=TextNode(id_=id_, text=text))


def call(prompt: str, text: str | None) -> PromptedCall:
    return PromptedCall(prompt=prompt, text=text)


def loose(*nodes: NodeWithScore, calls: tuple[PromptedCall, ...] = ()) -> Scope:
    return Scope("loose", nodes=list(nodes), calls=list(calls))


def test_nodes_are_told_by_the_prompt_that_shows_them() -> None:
    spans = LooseSpans()
    spans.add("1", loose(node("ada", "Ada is old."), node("cleo", "Cleo is tall.")))
    spans.add("2", loose(node("bea", "Bea  is\nyoung."), node("ada", "Ada is old.")))
    found = spans.nodes(Scope("query"), [[PROMPT]])
    assert [one.node.node_id for one in found] == ["ada", "bea"]
    assert spans.nodes(Scope("query"), [["Who?"]]) == []
    assert spans.nodes(Scope("query"), []) == []


def test_nodes_in_another_dress_count_if_they_were_found_since() -> None:
    spans = LooseSpans()
    spans.add("old", loose(node("old", "The price of the bike is 910 coins.")))
    scope = Scope("query")
    spans.add("new", loose(node("new", "The price of the phone is\n440 coins.")))
    shown = '["The price of the bike is 910\\ncoins.", "The price of the phone is\\n440 coins."]'
    assert [one.node.node_id for one in spans.nodes(scope, [[shown]])] == ["new"]


def test_a_call_is_told_by_what_it_wrote() -> None:
    spans = LooseSpans()
    spans.add("before", loose(calls=(call("Old prompt.", "Ada."),)))
    scope = Scope("query")
    right, other = call(PROMPT, "Ada."), call("Other prompt.", "Bea.")
    spans.add("1", loose(calls=(other,)))
    spans.add("2", loose(calls=(right,)))
    assert spans.calls(scope, "Ada.") == [right]
    assert spans.calls(scope, "Cleo.") == []


def test_of_two_calls_that_wrote_the_same_neither_is_taken() -> None:
    spans, scope = LooseSpans(), Scope("query")
    spans.add("1", loose(calls=(call(PROMPT, "Ada."),)))
    spans.add("2", loose(calls=(call("Other prompt.", "Ada."),)))
    assert spans.calls(scope, "Ada.") == []


def test_calls_lead_on_to_those_whose_text_they_were_shown() -> None:
    spans, scope = LooseSpans(), Scope("query")
    first, unused = call(PROMPT, "Ada is the old one."), call(PROMPT, "Nothing of it.")
    spans.add("1", loose(calls=(first,)))
    spans.add("2", loose(calls=(unused,)))
    own = call("Ada is the old one. Say it in a word.", "Ada.")
    scope.calls.append(own)
    assert spans.calls(scope, "Ada.") == [first]
    scope.calls.clear()
    spans.add("3", loose(calls=(own,)))
    assert spans.calls(scope, "Ada.") == [first, own]


def test_what_holds_nothing_is_not_kept() -> None:
    spans = LooseSpans()
    spans.add("1", loose())
    assert spans.nodes(Scope("query"), [[PROMPT]]) == []


def test_the_oldest_are_forgotten() -> None:
    spans = LooseSpans()
    spans.add("first", loose(node("ada", "Ada is old.")))
    for number in range(256):
        spans.add(str(number), loose(node("bea", "Bea is young.")))
    found = spans.nodes(Scope("query"), [[PROMPT]])
    assert [one.node.node_id for one in found] == ["bea"]


def test_runs_of_workflows_are_remembered_with_their_answers() -> None:
    spans, task = LooseSpans(), Task(Scope("synthesis"))
    run = Scope("workflow", nodes=[node("ada", "Ada is old.")], tasks=[task])
    run.calls = [call(PROMPT, "Ada.")]
    spans.add("run", run)
    assert spans.tasks() == [task]
    assert [one.node.node_id for one in spans.nodes(Scope("workflow"), [[PROMPT]])] == ["ada"]
    assert spans.calls(Scope("workflow"), "Ada.") == [], "its calls were its own"
