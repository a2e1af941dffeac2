"""Which spans are followed, and what they add to the answer that they belong to."""

import inspect
from contextvars import ContextVar
from typing import Any

import pytest
from llama_index.core.schema import QueryBundle

from attribot_integrations.llama_index.scopes import Scope
from attribot_integrations.llama_index.spans import (
    AttributionSpanHandler,
    attributing,
    is_attributing,
    resumed,
)
from tests.integrations.llama_index.fakes import EchoLLM, FactRetriever, node, rag

QUERY = QueryBundle("Ada")


class Spans:
    """Opens and closes spans as LlamaIndex does."""

    def __init__(self, gate: ContextVar[bool] | None = None) -> None:
        self.ended: list[tuple[Scope, object]] = []
        self.handler = AttributionSpanHandler(lambda *end: self.ended.append(end), gate)

    def open(self, id: str, instance: object, parent: str | None = None, **arguments: Any) -> None:
        bound = inspect.BoundArguments(inspect.Signature(), arguments)
        self.handler.new_span(id, bound, instance, parent)

    def close(self, id: str, result: object = None) -> None:
        bound = inspect.BoundArguments(inspect.Signature(), {})
        self.handler.prepare_to_exit_span(id, bound, None, result)

    def drop(self, id: str) -> None:
        bound = inspect.BoundArguments(inspect.Signature(), {})
        self.handler.prepare_to_drop_span(id, bound, None, ValueError())

    def scope(self, id: str) -> Scope:
        scope = self.handler.scope_of(id)
        assert scope is not None
        return scope


def test_a_query_gathers_nodes_and_calls() -> None:
    spans = Spans()
    spans.open("RetrieverQueryEngine.query-1", rag(), str_or_query_bundle="Ada")
    scope = spans.scope("RetrieverQueryEngine.query-1")
    spans.open("R.retrieve-2", FactRetriever(), "RetrieverQueryEngine.query-1")
    spans.close("R.retrieve-2", [node("Ada is old.")])
    spans.open("LLM.complete-3", EchoLLM(), "RetrieverQueryEngine.query-1", prompt="Who?")
    spans.close("LLM.complete-3", "Ada.")
    spans.close("RetrieverQueryEngine.query-1", "the response")
    assert (scope.kind, scope.question, len(scope.nodes)) == ("query", "Ada", 1)
    (call,) = scope.calls
    assert (call.prompt, call.text, call.generator) == ("Who?", "Ada.", "echo")
    assert spans.ended == [(scope, "the response")]
    assert spans.handler.open_count == 0


def test_models_of_a_retriever_are_not_the_answers() -> None:
    spans = Spans()
    spans.open("E.aquery-1", rag(), query=QUERY)
    spans.open("R.retrieve-2", FactRetriever(), "E.aquery-1")
    spans.open("LLM.complete-3", EchoLLM(), "R.retrieve-2", prompt="Rewrite.")
    spans.open("E.query-4", rag(), "R.retrieve-2", query=QUERY)
    assert spans.scope("E.aquery-1").calls == []
    assert spans.scope("E.aquery-1").is_async
    assert spans.scope("E.query-4").serves_search


def test_failed_calls_do_not_count() -> None:
    spans = Spans()
    spans.open("E.query-1", rag(), query=QUERY)
    spans.open("LLM.predict-2", EchoLLM(), "E.query-1")
    spans.open("LLM.complete-3", EchoLLM(), "LLM.predict-2", prompt="First.")
    spans.drop("LLM.complete-3")
    spans.open("LLM.complete-4", EchoLLM(), "LLM.predict-2", prompt="Second.")
    (call,) = spans.scope("E.query-1").calls
    assert call.prompt == "Second."
    spans.drop("LLM.predict-2")
    assert spans.scope("E.query-1").calls == []


def test_spans_outside_of_any_scope_are_not_kept() -> None:
    spans = Spans()
    spans.open("LLM.complete-1", EchoLLM(), prompt="Who?")
    with attributing():
        assert is_attributing()
        spans.open("E.query-2", rag(), query=QUERY)
    assert spans.handler.open_count == 0


@pytest.mark.parametrize("inside", [False, True])
def test_a_gate(inside: bool) -> None:
    gate: ContextVar[bool] = ContextVar("gate", default=False)
    spans = Spans(gate)
    token = gate.set(inside)
    spans.open("E.query-1", rag(), query=QUERY)
    gate.reset(token)
    assert spans.handler.open_count == inside


def test_what_is_made_as_a_stream_is_read_belongs_to_its_scope() -> None:
    spans = Spans()
    spans.open("E.query-1", rag(), query=QUERY)
    scope = spans.scope("E.query-1")
    spans.close("E.query-1")
    with resumed(scope):
        spans.open("LLM.complete-2", EchoLLM(), None, prompt="Who?")
    assert [call.prompt for call in scope.calls] == ["Who?"]


def test_what_cannot_be_followed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    broken: Any = None
    AttributionSpanHandler(lambda *end: None).new_span("E.query-1", broken, rag())
    assert "span E.query-1 could not be followed" in caplog.text
