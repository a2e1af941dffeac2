"""Attributions as dicts and JSON."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attribot_integrations.context.kinds import ConversationPart
from attribot_integrations.context.locating import ChunkLocation
from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.errors import InputError
from attribot_integrations.results import (
    Alternatives,
    Attribution,
    Citation,
    Cost,
    ModelCost,
    Statement,
)
from attribot_integrations.results.serialization import SCHEMA_VERSION
from attribot_integrations.results.support import Support
from tests.unit.render.samples import weighed


def attribution(**changes: Any) -> Attribution:
    chunks = (Chunk("A one. A two.", id="a", metadata={"page": 3}), Chunk(""))
    made = Attribution(
        question="Who?",
        answer="One é.",
        chunks=chunks,
        sources=SourceSet.build(chunks).sentences,
        statements=(Statement(0, 0, 6, "One é.", (0, 2)),),
        scores=np.array([[0.5, 1.25], [0.1, -2.0]], dtype=np.float32),
        exact=np.array([True, False]),
        estimands=("target_loo", "proxy_loo"),
        token_spans=((0, 3), (3, 6)),
        token_log_probs=np.array([-0.5, -0.25], dtype=np.float32),
        token_log_probs_without_context=np.array([-3.0, -1.0], dtype=np.float32),
        citations=(Citation(1, 0, 0, 0, "a", 0, 6, 0, 6, "A one.", 1.75, True, 0.75, (1,), 2.5),),
        method="exact",
        cost=Cost(1.5, (ModelCost("tiny", 10, 20, 3, 40),)),
        locations=(
            ChunkLocation(0, "partial", ((0, 3, 16),), "escaped", ((0, 5), (7, 9)), traces=True),
            ChunkLocation(1, "blank"),
        ),
        id="request 1",
        alternatives=(Alternatives(0, (0, 1), (2.5, 2.25), 3.0),),
        support=(Support(0, "supported", -0.75, -4.0, 0.875),),
    )
    return replace(made, **changes)


def test_what_was_said_comes_back() -> None:
    said = ConversationPart("tool", 2, "tool", "find")
    chunks = (Chunk("A one. A two.", said=said), Chunk(""))
    (citation,) = attribution().citations
    made = attribution(chunks=chunks, citations=(replace(citation, said=said),))
    data = made.to_dict()
    told = {"kind": "tool", "turn": 2, "role": "tool", "name": "find"}
    assert data["chunks"][0]["said"] == data["citations"][0]["said"] == told
    found = Attribution.from_json(made.to_json())
    assert (found.chunks, found.citations) == (made.chunks, made.citations)
    assert (found.citations[0].kind, attribution().citations[0].kind) == ("tool", "retrieved")
    data["chunks"][0]["said"]["kind"] = "retrieved"
    with pytest.raises(InputError, match="must be of a kind of"):
        Attribution.from_dict(data)


def test_dict_holds_plain_values() -> None:
    assert attribution().to_dict() == {
        "schema": 2,
        "id": "request 1",
        "question": "Who?",
        "answer": "One é.",
        "chunks": [
            {"text": "A one. A two.", "id": "a", "metadata": {"page": 3}},
            {"text": "", "id": None, "metadata": {}},
        ],
        "sources": [
            {
                "id": 0,
                "level": "sentence",
                "chunk_index": 0,
                "sentence_index": 0,
                "start": 0,
                "end": 6,
                "text": "A one.",
                "sentence_ids": [0],
                "part": "text",
            },
            {
                "id": 1,
                "level": "sentence",
                "chunk_index": 0,
                "sentence_index": 1,
                "start": 7,
                "end": 13,
                "text": "A two.",
                "sentence_ids": [1],
                "part": "text",
            },
        ],
        "statements": [
            {"index": 0, "start": 0, "end": 6, "text": "One é.", "tokens": [0, 2], "path": None}
        ],
        "citations": [
            {
                "number": 1,
                "statement_index": 0,
                "source_id": 0,
                "chunk_index": 0,
                "chunk_id": "a",
                "answer_start": 0,
                "answer_end": 6,
                "chunk_start": 0,
                "chunk_end": 6,
                "text": "A one.",
                "score": 1.75,
                "exact": True,
                "share": 0.75,
                "alternatives": [1],
                "sufficiency": 2.5,
                "part": "text",
                "basis": "depends",
                "states": None,
                "said": None,
            }
        ],
        "alternatives": [
            {
                "statement_index": 0,
                "source_ids": [0, 1],
                "sufficiency": [2.5, 2.25],
                "joint_score": 3.0,
            }
        ],
        "support": [
            {
                "statement_index": 0,
                "label": "supported",
                "log_likelihood": -0.75,
                "log_likelihood_without_context": -4.0,
                "probability": 0.875,
                "reason": None,
            }
        ],
        "scores": [[0.5, 1.25], [float(np.float32(0.1)), -2.0]],
        "exact": [True, False],
        "estimands": ["target_loo", "proxy_loo"],
        "token_spans": [[0, 3], [3, 6]],
        "token_log_probs": [-0.5, -0.25],
        "token_log_probs_without_context": [-3.0, -1.0],
        "method": "exact",
        "cost": {
            "seconds": 1.5,
            "models": [
                {
                    "model": "tiny",
                    "parameters": 10,
                    "tokens": 20,
                    "passes": 3,
                    "naive_tokens": 40,
                }
            ],
        },
        "sufficiency": None,
        "audit": None,
        "locations": [
            {
                "chunk_index": 0,
                "outcome": "partial",
                "places": [[0, 3, 16]],
                "dress": "escaped",
                "shown": [[0, 5], [7, 9]],
                "traces": True,
            },
            {
                "chunk_index": 1,
                "outcome": "blank",
                "places": [],
                "dress": "exact",
                "shown": [],
                "traces": False,
            },
        ],
        "stopped": None,
        "stated": None,
        "verifier": None,
        "unverified": None,
        "certificates": [],
        "steps": [],
        "hops": [],
        "carried": [None],
        "remarks": [None],
        "notes": ["Not scored, no place of their own in the prompt: chunk 2 (blank)."],
    }
    assert SCHEMA_VERSION == 2


VERSION_1 = """
{
  "schema": 1, "id": "request 1", "question": "Who?", "answer": "One é.",
  "chunks": [
    {"text": "A one. A two.", "id": "a", "metadata": {"page": 3}},
    {"text": "", "id": null, "metadata": {}}
  ],
  "sources": [
    {"id": 0, "level": "sentence", "chunk_index": 0, "sentence_index": 0, "start": 0, "end": 6,
     "text": "A one.", "sentence_ids": [0], "part": "text"},
    {"id": 1, "level": "sentence", "chunk_index": 0, "sentence_index": 1, "start": 7, "end": 13,
     "text": "A two.", "sentence_ids": [1], "part": "text"}
  ],
  "statements": [{"index": 0, "start": 0, "end": 6, "text": "One é.", "tokens": [0, 2]}],
  "citations": [
    {"number": 1, "statement_index": 0, "source_id": 0, "chunk_index": 0, "chunk_id": "a",
     "answer_start": 0, "answer_end": 6, "chunk_start": 0, "chunk_end": 6, "text": "A one.",
     "score": 1.75, "exact": true, "share": 0.75, "alternatives": [1], "sufficiency": 2.5,
     "part": "text"}
  ],
  "alternatives": [
    {"statement_index": 0, "source_ids": [0, 1], "sufficiency": [2.5, 2.25], "joint_score": 3.0}
  ],
  "support": [
    {"statement_index": 0, "label": "supported", "log_likelihood": -0.75,
     "log_likelihood_without_context": -4.0, "probability": 0.875, "reason": null}
  ],
  "scores": [[0.5, 1.25], [0.10000000149011612, -2.0]],
  "exact": [true, false], "estimands": ["target_loo", "proxy_loo"],
  "token_spans": [[0, 3], [3, 6]], "token_log_probs": [-0.5, -0.25],
  "token_log_probs_without_context": [-3.0, -1.0], "sufficiency": null, "audit": null,
  "method": "exact",
  "cost": {
    "seconds": 1.5,
    "models": [
      {"model": "tiny", "parameters": 10, "tokens": 20, "passes": 3, "naive_tokens": 40}
    ]
  },
  "locations": [
    {"chunk_index": 0, "outcome": "partial", "places": [[0, 3, 16]], "dress": "escaped",
     "shown": [[0, 5], [7, 9]], "traces": true},
    {"chunk_index": 1, "outcome": "blank", "places": [], "dress": "exact", "shown": [],
     "traces": false}
  ],
  "stopped": null,
  "notes": ["Not scored, no place of their own in the prompt: chunk 2 (blank)."]
}
"""
"""What `to_json` wrote before there were two kinds of evidence."""


def test_version_1_can_be_read() -> None:
    read = Attribution.from_json(VERSION_1)
    assert read.to_dict() == attribution().to_dict()
    assert [(each.basis, each.states) for each in read.citations] == [("depends", None)]
    assert (read.stated, read.verifier, read.certificates) == (None, None, ())
    assert read.shown_citations == read.citations
    assert json.loads(read.to_json())["schema"] == SCHEMA_VERSION


def test_both_kinds_of_evidence_survive() -> None:
    made = weighed()
    data = json.loads(made.to_json())
    assert data["remarks"] == list(made.remarks)
    assert data["carried"] == list(made.carried)
    assert data["certificates"][0] == {
        "statement_index": 0,
        "source_ids": [0, 4],
        "gain": 10.0,
        "hold": 9.6,
        "drop": 9.5,
        "held": 0.96,
    }
    again = Attribution.from_json(made.to_json())
    assert again.citations == made.citations
    assert again.certificates == made.certificates
    assert again.verifier == "lexical"
    assert again.stated is not None
    np.testing.assert_array_equal(again.stated, made.stated)


def test_json_keeps_the_types() -> None:
    made = attribution()
    again = Attribution.from_json(made.to_json())
    assert again.to_dict() == made.to_dict() == json.loads(made.to_json())
    assert again.scores.dtype == np.float32
    assert again.exact.dtype == np.bool_
    assert not again.scores.flags.writeable
    for name in ("chunks", "sources", "statements", "citations", "locations", "token_spans"):
        assert getattr(again, name) == getattr(made, name)
    assert again.cost == made.cost
    assert again.estimands == made.estimands


def test_json_is_readable_text() -> None:
    assert "One é." in attribution().to_json()
    assert "\n" not in attribution().to_json()
    assert attribution().to_json(indent=2).startswith('{\n  "schema": 2,')


def test_no_sources_survive() -> None:
    made = attribution(
        sources=(), scores=np.zeros((0, 2), np.float32), exact=np.zeros(0, np.bool_), citations=()
    )
    assert Attribution.from_json(made.to_json()).scores.shape == (0, 2)


def test_metadata_that_json_cannot_hold_is_written_as_text() -> None:
    metadata = {
        "day": datetime.date(2024, 5, 1),
        "score": np.float32(0.5),
        "missing": float("nan"),
        "limit": float("inf"),
        "nested": {("a", 1): {2}, 3: [datetime.date(2024, 5, 1), (1, None)]},
        "kept": [1, 2.5, True, None, "x"],
    }
    again = Attribution.from_json(attribution(chunks=(Chunk("A", metadata=metadata),)).to_json())
    assert again.chunks[0].metadata == {
        "day": "2024-05-01",
        "score": "0.5",
        "missing": "nan",
        "limit": "inf",
        "nested": {"('a', 1)": "{2}", "3": ["2024-05-01", [1, None]]},
        "kept": [1, 2.5, True, None, "x"],
    }
    assert metadata["day"] == datetime.date(2024, 5, 1)


def test_lone_surrogates_are_written_as_replacement_characters() -> None:
    made = attribution(
        question="\ud83d\ude00?", chunks=(Chunk("\ud800", metadata={"a": "\udfff"}),)
    )
    text = made.to_json().encode("utf-8").decode("utf-8")
    again = Attribution.from_json(text)
    assert again.question == "\ufffd\ufffd?"
    assert again.chunks[0] == Chunk("\ufffd", metadata={"a": "\ufffd"})
    assert Attribution.from_dict(made.to_dict()).question == "\ud83d\ude00?"


@pytest.mark.parametrize("version", [None, 0, 3, "1"])
def test_other_schema_versions_are_refused(version: object) -> None:
    with pytest.raises(InputError, match=f"the schema version must be 1 to 2, got {version!r}"):
        Attribution.from_dict({**attribution().to_dict(), "schema": version})


def change(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.update({name: value})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data.pop("answer"), "answer is missing"),
        (lambda data: data["cost"]["models"][0].pop("tokens"), "cost.models[0].tokens is missing"),
        (change("chunks", [{"txt": "a"}]), "chunks[0].text is missing"),
        (change("chunks", ["a"]), "chunks[0] must be an object, got 'a'"),
        (
            change("chunks", [{"text": "a", "metadata": "b"}]),
            "chunks[0].metadata must be an object, got 'b'",
        ),
        (change("question", 5), "question must be text, got 5"),
        (change("id", 5), "id must be text, got 5"),
        (change("sources", None), "sources must be a list, got None"),
        (lambda data: data["sources"][1].update(start="0"), "sources[1].start must be an integer"),
        (lambda data: data["sources"][1].update(end=True), "sources[1].end must be an integer"),
        (lambda data: data["sources"][1].update(level="word"), "sources[1].level must be one of ["),
        (
            lambda data: data["citations"][0].update(score=None),
            "citations[0].score must be a finite",
        ),
        (lambda data: data["citations"][0].update(exact=1), "citations[0].exact must be a boolean"),
        (change("scores", "high"), "scores must hold float32 values, got 'high'"),
        (change("scores", [[1.0], [1.0, 2.0]]), "scores must be an array: "),
        (change("scores", [1.0, 2.0, 3.0]), "scores must have the shape [sources, answer tokens]"),
        (
            change("scores", [[1.0, 2.0]]),
            "scores must have the shape [sources, answer tokens] = (2, 2), not (1, 2)",
        ),
        (change("scores", [[1e99, 0], [0, 0]]), "scores must hold finite numbers"),
        (change("exact", [1, 0]), "exact must hold bool values, got [1, 0]"),
        (change("exact", [True]), "exact must have the shape [sources] = (2,), not (1,)"),
        (change("estimands", ["loo"] * 2), "estimands[0] must be one of ['target_loo', "),
        (change("token_spans", [[0, 3, 6]]), "token_spans[0] must hold 2 items, got [0, 3, 6]"),
        (change("token_spans", 3), "token_spans must be a list, got 3"),
        (change("token_log_probs", ["a"]), "token_log_probs must hold float32 values, got ['a']"),
        (change("cost", []), "cost must be an object, got []"),
        (change("cost", {"seconds": 1.0, "models": [{}]}), "cost.models[0].model is missing"),
        (change("locations", [[]]), "locations[0] must be an object, got []"),
        (lambda data: data["citations"][0].update(basis="says"), "citations[0].basis must be one"),
        (lambda data: data["citations"][0].update(states="high"), "citations[0].states must be a"),
        (change("stated", [[1.0]]), "stated must have the shape [sources, statements] = (2, 1)"),
        (change("certificates", [{}]), "certificates[0].statement_index is missing"),
    ],
)
def test_spoiled_data_is_refused(spoil: Callable[[dict[str, Any]], None], message: str) -> None:
    data = attribution().to_dict()
    spoil(data)
    with pytest.raises(InputError, match=re.escape(f"the data is no attribution: {message}")):
        Attribution.from_dict(data)


@pytest.mark.parametrize("data", [[], "text", None, 3])
def test_data_that_is_no_mapping_is_refused(data: Any) -> None:
    message = f"the data is no attribution: a mapping is needed, not {data!r}"
    with pytest.raises(InputError, match=re.escape(message)):
        Attribution.from_dict(data)


def test_unknown_fields_are_ignored_and_optional_ones_may_be_missing() -> None:
    data = attribution().to_dict()
    data["citations"][0]["colour"] = data["mood"] = "blue"
    for later in ("alternatives", "support", "sufficiency"):
        del data[later]
    expected = attribution(alternatives=(), support=(), sufficiency=None)
    assert Attribution.from_dict(data).to_dict() == expected.to_dict()


def test_text_that_is_no_attribution_is_refused() -> None:
    with pytest.raises(InputError, match="the text is no JSON: Expecting value"):
        Attribution.from_json("no JSON")
    with pytest.raises(InputError, match="the JSON must be an object, got list"):
        Attribution.from_json("[]")
