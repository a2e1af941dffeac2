"""The OpenAPI page says what is read: its examples are, and what it refuses is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from attribot_integrations import AttributionRequest, Chunk, EngineOptions
from attribot_integrations.context import ContextTemplate
from attribot_integrations.methods import CertifySets
from attribot_integrations.service.api_schema import (
    ATTRIBUTE,
    AUDIT,
    FILTER,
    answer_schema,
    error_responses,
    request_body,
)
from attribot_integrations.service.application import service_app
from attribot_integrations.service.wire import (
    attribute_call,
    audit_call,
    filter_call,
    filter_to_wire,
    request_to_wire,
)
from attribot_integrations.service.wire_prompts import render_prompt
from attribot_integrations.service.wire_results import answer_to_wire, attribution_to_wire
from tests.unit.attributions import make_attribution
from tests.unit.service.running import engine

CALLS: list[tuple[dict[str, Any], Any]] = [
    (ATTRIBUTE, attribute_call),
    (FILTER, filter_call),
    (AUDIT, audit_call),
]


@pytest.mark.parametrize(("schema", "read"), CALLS)
def test_examples_are_read(schema: dict[str, Any], read: Any) -> None:
    Draft202012Validator.check_schema(schema)
    for example in schema["examples"]:
        Draft202012Validator(schema).validate(example)
        read(example, EngineOptions())


def test_what_a_client_sends_is_in_the_schema() -> None:
    chunk = Chunk("T: a.", "1", {"title": "T"}, (3, 5), ((0, 3),))
    options = EngineOptions(certificates=CertifySets(), max_seconds=3, method="exact")
    rendered = render_prompt(ContextTemplate(system="Be short."), "q", [chunk])
    for prompt in ("T: a.", [{"role": "user", "content": "T: a."}], rendered):
        request = AttributionRequest("q", [chunk, "b"], "a.", prompt, "7", [1], [(0, 2)])
        Draft202012Validator(ATTRIBUTE).validate(request_to_wire(request, options))
    Draft202012Validator(FILTER).validate(filter_to_wire("q", [chunk], "both", "sentence"))


def test_an_answer_is_in_the_schema() -> None:
    made = attribution_to_wire(make_attribution("q", ["a."], "a."))
    answer = json.loads(json.dumps(answer_to_wire(made, "tiny")))
    Draft202012Validator(answer_schema("attribution")).validate(answer)


def test_errors_have_their_statuses() -> None:
    assert 401 in error_responses(token=True)
    assert 401 not in error_responses(token=False)
    assert request_body(FILTER)["requestBody"]["required"]


def test_the_page_names_all_routes() -> None:
    app = service_app(engine())
    page = app.openapi()
    assert {*page["paths"]} == {
        "/v1/attribute",
        "/v1/filter",
        "/v1/audit",
        "/v1/model",
        "/health",
        "/ready",
        "/metrics",
    }
    content = page["paths"]["/v1/audit"]["post"]["requestBody"]["content"]["application/json"]
    assert content["example"]["answer"].endswith("[2].")
    app.state.batches.close()
