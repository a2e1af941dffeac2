"""From a question, chunks and an answer to an audit."""

from __future__ import annotations

import pytest

from attribot_integrations.auditing.auditor import (
    WITHOUT_VERIFIER,
    audit,
    audit_attribution,
    audit_request,
)
from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError
from attribot_integrations.requests import AttributionRequest
from attribot_integrations.results.wording import wording_of
from tests.unit.auditing.hand_made import CHUNKS, HandMadeEngine, hand_made

TWO = {(0, 0): 5.0, (1, 1): 5.0}


def test_marks_are_read_and_judged() -> None:
    engine = HandMadeEngine(TWO)
    found = audit("What?", CHUNKS, "It opened [1]. It shut [3].", engine=engine, id="a")
    assert [each.verdict for each in found.citations] == ["depends", "neither"]
    assert found.labels == ("1", "2", "3", "4")
    assert found.judge == "models/target"
    assert found.notes == (WITHOUT_VERIFIER,)
    assert found.attribution is not None
    assert engine.asked == [AttributionRequest("What?", CHUNKS, found.answer, None, "a")]


@pytest.mark.parametrize(
    "answer",
    [
        "It opened [p0]. It shut [p1].",
        "It opened (p0). It shut (p1).",
        "It opened.[see](https://e.org/p0) It shut [p1].",
        f"It opened [here](https://e.org/{'a' * 90}). It shut [p1].",
        "It opened (1). It shut (2).",
    ],
)
def test_no_mark_is_scored(answer: str) -> None:
    chunks = [
        Chunk("The harbour opened.", "p0", {"url": "https://e.org/p0"}),
        Chunk("The bridge shut.", "p1"),
        Chunk("More.", "p2", {"url": f"https://e.org/{'a' * 90}"}),
    ]
    engine = HandMadeEngine({(0, 0): 5, (1, 1): 5, (2, 0): 5})
    found = audit("What?", chunks, answer, engine=engine)
    (request,) = engine.asked
    assert len(request.answer) == len(answer)
    assert wording_of(request.answer).text in (
        "It opened. It shut.",
        "It opened It shut.",
    )
    assert found.answer == answer
    assert [each.verdict for each in found.citations] == ["depends", "depends"]
    assert all(each.given.chunk_index is not None for each in found.citations)
    assert found.attribution is not None
    for statement in found.attribution.statements:
        assert statement.text == answer[statement.start : statement.end]


def test_a_marker_that_a_provider_gives_is_not_scored() -> None:
    engine = HandMadeEngine(TWO)
    answer = "It opened {{ref-a}}. It shut."
    given = [GivenCitation(0, 9, 0, "a", (10, 19))]
    found = audit("What?", CHUNKS, answer, engine=engine, citations=given)
    assert "ref" not in wording_of(engine.asked[0].answer).text
    assert found.answer == answer


def test_given_citations_stand_in_the_place_of_marks() -> None:
    attribution = hand_made("It opened [4]. It shut.", TWO)
    given = [GivenCitation(15, 22, 1, "b"), GivenCitation(0, 9, 0, "a")]
    found = audit_attribution(attribution, given)
    assert [each.given.label for each in found.citations] == ["a", "b"]
    assert found.faults == ()


def test_numbers_of_the_prompt_may_be_given() -> None:
    request = AttributionRequest("What?", CHUNKS, "It opened [7]. It shut [8].")
    found = audit_request(request, engine=HandMadeEngine(TWO), numbers={7: 0, 8: 1})
    assert found.faults == ()
    assert found.labels[:2] == ("7", "8")


def test_references_below_an_answer_need_no_citation() -> None:
    answer = "It opened [1].\n\nSources:\n[1] The guide"
    found = audit_attribution(hand_made(answer, {(0, 0): 5}))
    assert len(found.statements) == 1
    assert found.recall == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (GivenCitation(0, 99, 0, "1"), "spans of the answer's 10 characters"),
        (GivenCitation(5, 2, 0, "1"), "spans of the answer's 10 characters"),
        (GivenCitation(0, 2, 0, "1", (3, 99)), "spans of the answer's 10 characters"),
        (GivenCitation(0, 2, 4, "1"), "chunks from 0 to 3, got 4"),
    ],
)
def test_impossible_citations_are_refused(given: GivenCitation, message: str) -> None:
    with pytest.raises(InputError, match=message):
        audit_attribution(hand_made("It opened.", {}), [given])
