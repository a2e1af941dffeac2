"""Reading citations from whatever carries them."""

import copy
from typing import Any

import pytest
from llama_index.core.base.response.schema import Response

from attribot_integrations.errors import InputError
from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    format_with_markers,
    get_citations,
)
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import payload_of, rag


def answered() -> Any:
    return AttributedQueryEngine(rag(), StubEngine()).query("Ada")


def test_citations_of_a_response_its_payload_and_its_metadata() -> None:
    response = answered()
    found = get_citations(response)
    assert found == get_citations(payload_of(response)) == get_citations(response.metadata)
    (citation,) = found
    assert citation.metadata["title"] == "Title 0"
    with pytest.raises(TypeError):
        citation.metadata["title"] = "x"  # type: ignore[index]


def test_payloads_of_earlier_versions_rest_on_dependence() -> None:
    payload = copy.deepcopy(payload_of(answered()))
    for citation in payload["citations"]:
        del citation["basis"], citation["states"]
    for statement in payload["statements"]:
        del statement["remark"], statement["carried"], statement["certificate"], statement["path"]
    del payload["verifier"]
    (citation,) = get_citations({**payload, "version": 2})
    assert (citation.basis, citation.states) == ("depends", None)
    assert format_with_markers({**payload, "version": 2}) == "About Ada [1]"


def test_what_carries_no_citations_is_an_error() -> None:
    with pytest.raises(InputError, match="this Response carries no attribution under"):
        get_citations(Response("Hello"))
    with pytest.raises(InputError, match="metadata_key='other'"):
        get_citations(answered(), metadata_key="other")
    payload = payload_of(answered())
    with pytest.raises(InputError, match="the payload's version must be 1 to 3, got 7"):
        get_citations({**payload, "version": 7})
    with pytest.raises(InputError, match="the attribution is pending"):
        get_citations({**payload, "status": "pending"})
