"""Attributes of OpenInference, OpenTelemetry's GenAI conventions and the tools' own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.traces.attributes import described, listed, lookup
from attribot_integrations.traces.tracespans import Kind
from tests.unit.traces.made import step

READ = (Chunk("One.", "d1", {"page": 3}), Chunk("Two."))
CHAT = [{"role": "system", "content": "Short."}, {"role": "user", "content": "Who?"}]


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "retrieval.documents.10.document.content": "Two.",
            "retrieval.documents.2.document.content": "One.",
            "retrieval.documents.2.document.id": "d1",
            "retrieval.documents.2.document.metadata": '{"page": 3}',
        },
        {
            "retrieval.documents.0.document.content": "One.",
            "retrieval.documents.0.document.id": "d1",
            "retrieval.documents.0.document.metadata.page": 3,
            "retrieval.documents.1.document.content": "Two.",
        },
        {
            "retrieval.documents": [
                {"document.content": "One.", "document.id": "d1", "document.metadata": {"page": 3}},
                {"document.content": "Two."},
            ]
        },
        {
            "retrieval": {
                "documents": [
                    {"document": {"content": "One.", "id": "d1", "metadata": {"page": 3}}},
                    {"document": {"content": "Two."}},
                ]
            }
        },
        {
            "gen_ai.retrieval.documents": json.dumps(
                [{"content": "One.", "id": "d1", "metadata": {"page": 3}}, {"content": "Two."}]
            )
        },
        {
            "output.value": '{"documents": [{"page_content": "One.", "id": "d1", "metadata": '
            '{"page": 3}}, {"page_content": "Two."}]}'
        },
        {
            "mlflow.spanOutputs": '[{"page_content": "One.", "id": "d1", "metadata": {"page": 3}}, '
            '{"page_content": "Two."}]'
        },
        {
            "langfuse.observation.output": '[{"page_content": "One.", "id": "d1", "metadata": '
            '{"page": 3}}, {"page_content": "Two."}]'
        },
    ],
)
def test_documents(attributes: dict[str, Any]) -> None:
    assert described(step("r", kind="retriever"), attributes).documents == READ


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Short.",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.contents.0.message_content.type": "text",
            "llm.input_messages.1.message.contents.0.message_content.text": "Who?",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "Ada.",
        },
        {
            "gen_ai.system_instructions": [{"type": "text", "content": "Short."}],
            "gen_ai.input.messages": json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": "Who?"}]}]
            ),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": "Ada."}]}]
            ),
        },
        {
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Short.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": "Who?",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Ada.",
        },
        {"input.value": json.dumps({"messages": CHAT}), "output.value": "Ada."},
        {
            "mlflow.spanInputs": json.dumps({"messages": CHAT}),
            "mlflow.spanOutputs": json.dumps("Ada."),
        },
    ],
)
def test_models(attributes: dict[str, Any]) -> None:
    read = described(step("m", kind="llm"), attributes)
    assert read.prompt == CHAT
    assert read.answer == "Ada."


@pytest.mark.parametrize(
    "attributes",
    [
        {"llm.prompts": ["Who?"]},
        {"llm.prompts.0.prompt.text": "Who?"},
        {"gen_ai.prompt": ["Who?"]},
        {"input.value": "Who?"},
    ],
)
def test_prompts_that_are_text(attributes: dict[str, Any]) -> None:
    read = described(step("m", kind="llm"), attributes)
    assert read.prompt == [{"role": "user", "content": "Who?"}]


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"openinference.span.kind": "RETRIEVER"}, "retriever"),
        ({"gen_ai.operation.name": "chat"}, "llm"),
        ({"gen_ai.operation.name": "retrieval"}, "retriever"),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, "llm"),
        ({"langfuse.observation.type": "generation"}, "llm"),
        ({"openinference.span.kind": "CHAIN", "llm.request.type": "chat"}, "llm"),
        ({"openinference.span.kind": 3}, "other"),
        ({}, "other"),
    ],
)
def test_kinds(attributes: dict[str, Any], kind: Kind) -> None:
    assert described(step("a"), attributes).kind == kind


def test_rerankers() -> None:
    read = described(
        step("a"),
        {
            "openinference.span.kind": "RERANKER",
            "reranker.query": "Who?",
            "reranker.input_documents.0.document.content": "One.",
            "reranker.input_documents.1.document.content": "Two.",
            "reranker.output_documents.0.document.content": "Two.",
        },
    )
    assert read.given == (Chunk("One."), Chunk("Two."))
    assert read.documents == (Chunk("Two."),)
    assert read.question == "Who?"


def test_other_steps_have_no_documents() -> None:
    assert described(step("a"), {"retrieval.documents.0.document.content": "One."}).documents == ()


def test_paths_in_all_forms() -> None:
    for data in ({"a.b.c": 1}, {"a": {"b": {"c": 1}}}, {"a.b": {"c": 1}}, {"a": {"b.c": 1}}):
        assert lookup(data, "a.b.c") == 1
    assert lookup({"a.b.c": 1, "a.b.d": 2}, "a.b") == {"c": 1, "d": 2}
    assert lookup({"a": 1}, "a.b") is None


def test_lists_in_all_forms() -> None:
    assert listed({"a": (1, 2)}, "a") == [1, 2]
    assert listed({"a": "[1, 2]"}, "a") == [1, 2]
    assert listed({"a": {"1": {"x": 2}, "0": {"x": 1}}}, "a") == [{"x": 1}, {"x": 2}]
    assert listed({"a": "text"}, "a") == []


def test_places_in_a_list_may_be_anything() -> None:
    hostile = {
        f"a.{place}.x": 1 for place in ("-1", "999999999999", "\u0661", "x", "", "0", "999999999")
    }
    assert listed({**hostile, "a.0": "text", "a.0.y": 2}, "a") == ["text", {"x": 1}]
