"""Audits as JSON, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attribot_integrations.auditing.audit_data import AUDIT_VERSION, audit_from_dict, audit_to_dict
from attribot_integrations.auditing.auditor import audit_attribution
from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError
from tests.unit.auditing.hand_made import hand_made


def test_they_come_back_as_they_were() -> None:
    chunks: list[str | Chunk] = [
        Chunk("The harbour opened.", "a", {"page": 3}),
        "The bridge shut.",
    ]
    attribution = hand_made(
        "It opened [1][2]. It shut [7].", {(0, 0): 5, (1, 1): 4}, chunks, stated={(0, 0): 0.75}
    )
    for given in (None, [GivenCitation(0, 9, 0, "a", None, {"type": "char_location"})]):
        found = audit_attribution(attribution, given)
        data = json.loads(json.dumps(audit_to_dict(found), allow_nan=False))
        assert data["audit_schema"] == AUDIT_VERSION
        assert audit_from_dict(data) == found
        assert audit_from_dict({**data, "attribution": 3, "new": 1}).attribution is None


def test_what_json_cannot_hold_becomes_text() -> None:
    chunks = [Chunk("The harbour opened.", metadata={"at": object(), "of": float("nan")})]
    given = [GivenCitation(0, 9, 0, "a", None, {"odd": {1, 2}})]
    data = audit_to_dict(audit_attribution(hand_made("It opened.", {}, chunks), given))
    json.dumps(data, allow_nan=False)
    assert data["citations"][0]["given"]["raw"] == {"odd": "{1, 2}"}


def test_figures_and_faults_are_there_for_readers() -> None:
    data = audit_to_dict(audit_attribution(hand_made("It opened [2].", {(0, 0): 5})))
    assert (data["precision"], data["recall"], data["f1"]) == (0, 0, 0)
    assert data["faults"] == [
        {"kind": "wrong_number", "statement_index": 0, "citation": 0, "chunk": 0}
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audit_schema": 9}, "schema version must be 1, got 9"),
        ({"answer": 3}, "the data is no audit: answer must be text, got 3"),
        ({"citations": [{}]}, r"citations\[0\].given is missing"),
    ],
)
def test_other_data_is_refused(change: dict[str, Any], message: str) -> None:
    data = audit_to_dict(audit_attribution(hand_made("It opened [2].", {})))
    with pytest.raises(InputError, match=message):
        audit_from_dict({**data, **change})
    with pytest.raises(InputError, match="a mapping is needed"):
        audit_from_dict([])  # type: ignore[arg-type]
