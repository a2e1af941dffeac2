"""Payloads beside LlamaIndex's own metadata, and not among it."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from attribot_integrations.llama_index.shown import (
    ResponseMetadata,
    payload_under,
    show_payload,
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
    made = show_payload(response)
    assert made is not None
    assert made is response.metadata
    assert dict(made) == {"node": {"page": 1}}
    assert show_payload(response) is made
    assert show_payload(SimpleNamespace(metadata="text")) is None
    assert show_payload(object()) is None


def test_what_is_under_a_key() -> None:
    response = SimpleNamespace(metadata=shown())
    assert payload_under(response, "attribution") == {"status": "ok"}
    assert payload_under(response, None) is None
    assert payload_under(object(), "attribution") is None
