"""Results are the same behind the wire; a result for anything else is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from attribot_integrations import AttributionRequest, Chunk
from attribot_integrations.context.kinds import ConversationPart
from attribot_integrations.errors import (
    ConfigurationError,
    EmptyAnswerError,
    MissingExtraError,
    ServerError,
)
from attribot_integrations.filtering import ChunkScores, SentenceRelevance
from attribot_integrations.results import Cost, ModelCost
from attribot_integrations.service.wire_results import (
    answer_to_wire,
    attribution_from_wire,
    attribution_to_wire,
    error_from_wire,
    error_to_wire,
    scores_from_wire,
    scores_to_wire,
    statements_to_wire,
)
from tests.unit.attributions import make_attribution

MARK = object()
CHUNKS = (Chunk("Since apples fall. Or do they?", "x", {"title": "T", "mark": MARK}), Chunk("c"))
REQUEST = AttributionRequest("Why?", CHUNKS, "Since apples fall. They do.", id="7")
MADE = replace(
    make_attribution(REQUEST.question, REQUEST.chunks, REQUEST.answer, id="7"), chunks=CHUNKS
)


def answered() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        json.dumps(answer_to_wire(attribution_to_wire(MADE), "tiny"), default=str)
    )
    return data


def test_attributions_come_back_with_the_callers_chunks() -> None:
    found = attribution_from_wire(answered(), REQUEST)
    assert np.array_equal(found.scores, MADE.scores)
    assert found.citations == MADE.citations
    assert found.chunks[0].metadata["mark"] is MARK


def test_what_the_service_found_in_the_conversation_stays() -> None:
    part = ConversationPart("user", 1, "user")
    said = Chunk("Hi.", "message-0", said=part)
    data = answered()
    turn: dict[str, Any] = {"text": "Hi.", "id": "message-0", "metadata": {}, "said": asdict(part)}
    data["result"]["chunks"].append(turn)
    found = attribution_from_wire(data, REQUEST)
    assert found.chunks == (*CHUNKS, said)
    turn["said"] = None
    with pytest.raises(ServerError, match="for 3 chunks, not 2"):
        attribution_from_wire(data, REQUEST)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.pop("result"), "holds no result, but None"),
        (lambda data: data.update(wire=2), "speaks another version than this client: wire must be"),
        (lambda data: data.pop("wire"), "speaks another version"),
        (lambda data: data["result"].update(question="Who?"), "is for another question: 'Who\\?'"),
        (
            lambda data: data["result"].update(answer="Since pears fall. They do."),
            "is for another answer",
        ),
        (lambda data: data["result"].update(id="8"), "is for another id: '8', not '7'"),
        (lambda data: data["result"]["chunks"].pop(), "is for 1 chunks, not 2"),
        (lambda data: data["result"]["chunks"][1].update(text="d"), "for another chunk 1: 'd'"),
        (lambda data: data["result"].pop("scores"), "gives no whole attribution"),
        (lambda data: data["result"]["scores"].pop(), "gives no whole attribution"),
        (lambda data: data["result"]["scores"][0].__setitem__(0, None), "no whole attribution"),
        (lambda data: data["result"]["scores"][0].__setitem__(0, 1e300), "no whole attribution"),
        (lambda data: data["result"].update(schema=99), "the schema version must be"),
    ],
)
def test_wrong_answers_are_refused(change: Callable[[Any], None], message: str) -> None:
    data = answered()
    change(data)
    with pytest.raises(ServerError, match=message):
        attribution_from_wire(data, REQUEST)


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ServerError, match=r"gives no JSON object, but \[\]"):
        attribution_from_wire([], REQUEST)


def test_statements_tell_their_citations() -> None:
    first, second = statements_to_wire(MADE)
    assert (first["text"], second["text"]) == ("Since apples fall.", "They do.")
    assert [(one["number"], one["chunk_id"]) for one in first["citations"]] == [(1, "x")]
    assert second["citations"] == []


SCORES = ChunkScores(
    "Why?",
    CHUNKS,
    np.array([0.9, 0.25]),
    (SentenceRelevance(0, 0, 8, 0.9),),
    "draft",
    "Since a.",
    Cost(0.5, (ModelCost("m", 1, 2, 3, 4),)),
)


def test_scores_of_chunks_come_back() -> None:
    data = json.loads(json.dumps(answer_to_wire(scores_to_wire(SCORES, [0]), "tiny")))
    found = scores_from_wire(data, "Why?", CHUNKS)
    assert data["result"]["kept"] == [0]
    assert np.array_equal(found.relevance, SCORES.relevance)
    assert (found.sentences, found.draft, found.cost) == (SCORES.sentences, "Since a.", SCORES.cost)
    assert found.chunks is not None
    assert found.chunks[0].metadata["mark"] is MARK


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relevance": [0.9]}, "gives 1 scores for the 2 chunks"),
        ({"relevance": [0.9, 1.5]}, "not from 0 to 1: 1.5"),
        ({"relevance": None}, "gives no whole scores"),
        ({"question": "Who?"}, "is for another question"),
        (
            {"sentences": [{"chunk_index": 0, "start": 0, "end": 99, "relevance": 1.0}]},
            "names a sentence that is in no chunk",
        ),
    ],
)
def test_wrong_scores_are_refused(change: dict[str, Any], message: str) -> None:
    data = answer_to_wire({**scores_to_wire(SCORES, [0]), **change}, "tiny")
    with pytest.raises(ServerError, match=message):
        scores_from_wire(data, "Why?", CHUNKS)


def test_errors_come_back_as_what_they_are() -> None:
    for error in (EmptyAnswerError("nothing"), ConfigurationError("method"), ServerError("busy")):
        found = error_from_wire(error_to_wire(error))
        assert type(found) is type(error)
        assert str(found) == str(error)


def test_what_nobody_foresaw_is_not_told() -> None:
    told = error_to_wire(RuntimeError("/home/me/secret"))
    assert "secret" not in json.dumps(told)
    assert error_from_wire(told) is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"error": "text"},
        {"error": {"type": "SystemExit", "message": "x"}},
        {"error": {"type": "InputError", "message": 3}},
        {"error": {"type": "AttribotError", "message": "x"}},
        error_to_wire(MissingExtraError("a", "b")),
    ],
)
def test_what_is_no_error_of_ours_is_none(data: Any) -> None:
    assert error_from_wire(data) is None
