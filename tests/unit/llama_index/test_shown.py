"""Payloads beside LlamaIndex's own metadata, and not among it."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.workflow import Event

from attribot_integrations.llama_index.shown import (
    ResponseMetadata,
    payload_under,
    payloads_of,
)


def shown() -> ResponseMetadata:
    return ResponseMetadata({"node": {"page": 1}}, payloads={"attribution": {"status": "ok"}})


def test_walking_through_entries_meets_no_payload() -> None:
    metadata = shown()
    assert list(metadata) == ["node"]
    assert dict(metadata.items()) == {"node": {"page": 1}}
    assert len(metadata) == 1


def test_payloads_are_found_by_their_key() -> None:
    metadata = shown()
    assert metadata["attribution"] == metadata.get("attribution") == {"status": "ok"}
    assert "attribution" in metadata
    assert metadata.get("other", 3) == 3
    assert "other" not in metadata
    with pytest.raises(KeyError, match="other"):
        metadata["other"]
    assert bool(ResponseMetadata(payloads={"attribution": {}}))
    assert not ResponseMetadata()


def test_copies_hold_both() -> None:
    metadata = shown()
    for made in (metadata.copy(), copy.deepcopy(metadata), pickle.loads(pickle.dumps(metadata))):
        assert isinstance(made, ResponseMetadata)
        assert (dict(made), made.payloads) == (dict(metadata), metadata.payloads)
    metadata.copy().payloads["attribution"] = {}
    assert metadata["attribution"] == {"status": "ok"}


def test_a_response_keeps_its_entries_when_payloads_come() -> None:
    response: Any = SimpleNamespace(metadata={"node": {"page": 1}})
    made = payloads_of(response)
    assert made == {}
    assert made is response.metadata.payloads
    assert dict(response.metadata) == {"node": {"page": 1}}
    assert payloads_of(response) is made


def test_what_has_no_place_is_left_as_it_is() -> None:
    plain = SimpleNamespace(answer="Ada.")
    assert payloads_of(plain) is None
    assert vars(plain) == {"answer": "Ada."}
    assert payloads_of(SimpleNamespace(metadata="text")) is None
    assert payloads_of("Ada.") is None


def test_an_events_payload_is_dumped_and_loaded_with_it() -> None:
    event = Event()
    made = payloads_of(event)
    assert made is not None
    made["attribution"] = {"status": "ok"}
    assert payload_under(event, "attribution") == {"status": "ok"}
    assert payload_under(event, None) is None
    loaded = Event.model_validate_json(event.model_dump_json())
    assert payload_under(loaded, "attribution") == {"status": "ok"}


def test_what_is_under_a_key() -> None:
    response = SimpleNamespace(metadata=shown())
    assert payload_under(response, "attribution") == {"status": "ok"}
    assert payload_under(response, None) is None
    assert payload_under(object(), "attribution") is None
