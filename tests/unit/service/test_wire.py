"""Requests are the same behind the wire; nothing but what is read may stand in one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations import AttributionRequest, Chunk, EngineOptions
from attribot_integrations.auditing import AuditOptions, GivenCitation
from attribot_integrations.context import ContextTemplate, Origin
from attribot_integrations.context.kinds import ConversationPart
from attribot_integrations.errors import InputError
from attribot_integrations.filtering.keeping import KeepRule
from attribot_integrations.service.wire import (
    WIRE_VERSION,
    attribute_call,
    audit_call,
    filter_call,
    filter_to_wire,
    request_to_wire,
)

ASKED = {"question": "Why?", "chunks": ["Since a."], "answer": "Since a."}
DEFAULT = EngineOptions()


def sent(request: AttributionRequest) -> AttributionRequest:
    return attribute_call(json.loads(json.dumps(request_to_wire(request))), DEFAULT).request


TEXT = st.text(max_size=30)
CHUNK = st.builds(Chunk, TEXT, st.none() | TEXT, st.fixed_dictionaries({"title": TEXT.filter(len)}))


@settings(max_examples=60, deadline=None)
@given(TEXT, st.lists(TEXT | CHUNK, max_size=4), TEXT, st.none() | TEXT)
def test_requests_come_back(question: str, chunks: list[Any], answer: str, id: str | None) -> None:
    found = sent(AttributionRequest(question, chunks, answer, id=id))
    wrapped = tuple(one if isinstance(one, Chunk) else Chunk(one) for one in chunks)
    assert found == AttributionRequest(question, wrapped, answer, id=id)


def test_all_fields_come_back() -> None:
    chunk = Chunk("T: a b", "1", {"source": "s"}, (3, 6), ((0, 3),), Origin("d", ((3, 6, 10),)))
    said = Chunk("c", said=ConversationPart("tool", 2, "tool", "find"))
    request = AttributionRequest("q", (chunk, said), "a b", "T: a b q", "7", (1, 2), ((0, 3),))
    assert sent(request) == request


def test_other_metadata_stays_with_the_caller() -> None:
    chunk = Chunk("a", metadata={"owner": "secret", "title": "T", "page": object()})
    body = json.dumps(request_to_wire(AttributionRequest("q", [chunk], "a")))
    assert "secret" not in body
    assert sent(AttributionRequest("q", [chunk], "a")).chunks == (Chunk("a", None, {"title": "T"}),)


def test_lone_surrogates_are_replaced() -> None:
    found = sent(AttributionRequest("q\ud800", ["\udfff"], "a\ud800"))
    assert (found.question, found.chunks, found.answer) == (
        "q\ufffd",
        (Chunk("\ufffd"),),
        "a\ufffd",
    )


def test_templates_must_be_rendered_first() -> None:
    with pytest.raises(InputError, match="a template must be rendered before it is sent"):
        request_to_wire(AttributionRequest("q", ["a"], "a", ContextTemplate()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": 1}, "question must be text, got 1"),
        ({"answer": None}, "answer must be text, got None"),
        ({"chunks": "a"}, "chunks must be a list, got 'a'"),
        ({"chunks": ["a", {"id": "x"}]}, r"chunks\[1\]\.text is missing"),
        ({"chunks": [{"text": "a", "metadata": 3}]}, r"chunks\[0\]\.metadata must be"),
        ({"chunks": [{"text": "a", "body": [0, 9]}]}, "a chunk's body and shown_metadata"),
        ({"id": 3}, "id must be text, got 3"),
        ({"wire": 2}, f"wire must be {WIRE_VERSION}, the version spoken here, got 2"),
        ({"wire": True}, "wire must be 1"),
        ({"stream": "yes"}, "stream must be true or false, got 'yes'"),
        ({"chunk": []}, "'chunk' is no field that is read; the body may have question, chunks"),
        ({"generated_ids": [2**31]}, "generated_ids must be at most .* up to 2147483648"),
        ({"statements": [[0, 99]]}, r"statements\[0\] must be start and end of a span .* 8"),
        ({"statements": [[3, 1]]}, r"statements\[0\] must be start and end"),
        ({"options": {"method": "?"}}, "options: method must be"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        attribute_call({**ASKED, **change}, DEFAULT)


@pytest.mark.parametrize("name", ["question", "chunks", "answer"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is missing"):
        attribute_call({key: value for key, value in ASKED.items() if key != name}, DEFAULT)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (AttributionRequest(1, [], "a"), "the question must be a str"),  # type: ignore[arg-type]
        (AttributionRequest("q", [3], "a"), "chunk 0 must be a str"),  # type: ignore[list-item]
    ],
)
def test_what_is_no_text_is_not_sent(request_: AttributionRequest, message: str) -> None:
    with pytest.raises(InputError, match=message):
        request_to_wire(request_)


def test_filters() -> None:
    data = filter_to_wire("q", ["a"], "question", "sentence")
    found = filter_call({**data, "threshold": 0.7, "top_n": 2, "min_chunks": 1}, DEFAULT)
    assert (found.signal, found.granularity, found.chunks) == (
        "question",
        "sentence",
        (Chunk("a"),),
    )
    assert found.rule == KeepRule(0.7, 2, 1)
    plain = filter_call({"question": "q", "chunks": []}, DEFAULT)
    assert (plain.signal, plain.granularity, plain.rule) == ("words", "chunk", KeepRule())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signal": "?"}, "signal must be one of"),
        ({"granularity": "word"}, "granularity must be one of"),
        ({"threshold": 2}, "threshold must be from 0 to 1, got 2"),
        ({"top_n": 0}, "top_n must be at least 1, got 0"),
        ({"answer": "a"}, "'answer' is no field"),
    ],
)
def test_what_is_wrong_with_a_filter_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        filter_call({"question": "q", "chunks": ["a"], **change}, DEFAULT)


def test_audits() -> None:
    cited = {"start": 0, "end": 8, "chunk_index": 0, "label": "1", "marker": None}
    data = {**ASKED, "citations": [cited], "numbers": {"1": 0, "x": 0}, "evidence": {}}
    found = audit_call(data, DEFAULT)
    assert found.citations == (GivenCitation(0, 8, 0, "1"),)
    assert found.numbers == {1: 0, "x": 0}
    assert found.evidence == AuditOptions()
    assert audit_call(ASKED, DEFAULT).citations is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"citations": [{"start": 0}]}, r"citations\[0\]\.end is missing"),
        ({"numbers": {"1": 4}}, r"numbers\.1 must name a chunk below 1, got 4"),
        ({"numbers": []}, "numbers must be an object"),
        ({"evidence": {"min_states": 2}}, "evidence: min_states must be from 0 to 1, got 2"),
        ({"evidence": {"depends": {"min_score": -1}}}, "evidence: min_score must be above 0"),
        ({"evidence": {"depends": {"least": 1}}}, r"'evidence\.depends\.least' is no field"),
        ({"stream": True}, "'stream' is no field"),
    ],
)
def test_what_is_wrong_with_an_audit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        audit_call({**ASKED, **change}, DEFAULT)
