"""Attributions made of several."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attribot_integrations.answers.attempt import attempt
from attribot_integrations.context.sources import Chunk
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution, Certificate
from attribot_integrations.results.composing import NOTHING_BEHIND, copied_from, joined, led_on
from tests.integrations.overlap import OverlapEngine
from tests.unit.answers.answering import captured

CHUNKS = (Chunk("Ada is 90."), Chunk("Bea is 7. Cleo is 8."), Chunk("Dora is 5."))


def attribute(answer: str, *chunks: Chunk) -> Attribution:
    return OverlapEngine().attribute_request(AttributionRequest("Who?", chunks, answer))


def test_intermediate_answers_lead_on_to_chunks() -> None:
    summary = "Bea: 7, Cleo: 8."
    inner = attribute(summary, *CHUNKS)
    last = attribute("Cleo is 8. Ada is 90.", CHUNKS[0], Chunk(summary))
    whole = led_on(last, CHUNKS, [0, None], {1: inner}, "id")
    assert (whole.id, whole.chunks, whole.answer) == ("id", CHUNKS, "Cleo is 8. Ada is 90.")
    first = whole.citations_of(0)
    assert {each.text for each in first} == {"Bea is 7.", "Cleo is 8."}
    assert {each.chunk_index for each in first} == {1}
    assert not any(each.exact for each in first)
    given = last.citations_of(0)[0]
    assert sum(each.score for each in first) == pytest.approx(given.score)
    (second,) = whole.citations_of(1)
    assert (second.chunk_index, second.text, second.exact) == (0, "Ada is 90.", True)
    assert whole.support == last.support
    assert set(whole.estimands) == {"target_loo", "through"}
    assert whole.source_scores.sum() == pytest.approx(last.source_scores.sum())
    assert Attribution.from_json(whole.to_json()).citations == whole.citations
    assert [each.number for each in whole.shown_citations] == [1, 1, 2]


def test_what_rests_on_nothing_is_not_judged() -> None:
    summary = "Ed is 3."
    last = attribute("Ed is 3.", CHUNKS[0], Chunk(summary))
    for inner in (attribute(summary, *CHUNKS), None):
        whole = led_on(last, CHUNKS, [0, None], {} if inner is None else {1: inner})
        assert whole.citations == ()
        assert [(each.label, each.reason) for each in whole.support] == [
            ("unknown", NOTHING_BEHIND)
        ]
        assert any(NOTHING_BEHIND in note for note in whole.notes)


def verified(made: Attribution, **changes: Any) -> Attribution:
    """Add what a verifier says, and what the citations of each statement carry."""
    sets = {
        each.statement_index: made.citations_of(each.statement_index) for each in made.citations
    }
    return replace(
        made,
        citations=tuple(replace(each, states=0.75, **changes) for each in made.citations),
        stated=np.full((len(made.sources), len(made.statements)), 0.75),
        verifier="lexical",
        certificates=tuple(
            Certificate(index, tuple(each.source_id for each in cited), 4.0, 3.0, 2.0)
            for index, cited in sets.items()
        ),
    )


def test_what_a_verifier_finds_in_an_intermediate_answer_is_not_passed_on() -> None:
    summary = "Bea: 7, Cleo: 8."
    inner = attribute(summary, *CHUNKS)
    last = verified(attribute("Cleo is 8. Ada is 90.", CHUNKS[0], Chunk(summary)), basis="both")
    whole = led_on(last, CHUNKS, [0, None], {1: inner}, "id")
    assert {(each.basis, each.states) for each in whole.citations_of(0)} == {("depends", None)}
    assert [(each.basis, each.states) for each in whole.citations_of(1)] == [("both", 0.75)]
    assert (whole.stated, whole.verifier) == (None, "lexical")
    (kept,) = whole.certificates  # that of the statement that rests on chunks alone
    assert kept.statement_index == 1
    assert kept.source_ids == tuple(each.source_id for each in whole.citations_of(1))
    only_stated = verified(last, basis="states")
    assert led_on(only_stated, CHUNKS, [0, None], {1: inner}).citations_of(0) == ()
    stated_behind = verified(inner, basis="states")
    assert led_on(last, CHUNKS, [0, None], {1: stated_behind}).citations_of(0) == ()


def test_parts_keep_both_kinds_of_evidence() -> None:
    answer = "1) Ada is 90.\n2) Cleo is 8."
    parts = [
        (start, verified(attribute(answer[start : start + size], *CHUNKS), basis="both"))
        for start, size in ((3, 10), (17, 10))
    ]
    whole = joined("All?", answer, parts, "id")
    assert {(each.basis, each.states) for each in whole.citations} == {("both", 0.75)}
    assert [each.statement_index for each in whole.certificates] == [0, 1]
    for each in whole.certificates:
        own = whole.citations_of(each.statement_index)
        assert each.source_ids == tuple(citation.source_id for citation in own)
        assert each.held == 0.75
    assert whole.stated is None
    assert Attribution.from_json(whole.to_json()).certificates == whole.certificates


def test_chunks_keep_their_places() -> None:
    last = attribute("Dora is 5.", CHUNKS[2])
    whole = led_on(last, CHUNKS, [2], {})
    (citation,) = whole.citations
    assert (citation.chunk_index, citation.exact) == (2, True)
    assert whole.row(citation.source_id) == 0
    np.testing.assert_array_equal(whole.scores, last.scores)


def test_parts_are_joined() -> None:
    answer = "1) Ada is 90.\n2) Cleo is 8."
    parts = [
        (start, attribute(answer[start : start + size], *CHUNKS))
        for start, size in ((3, 10), (17, 10))
    ]
    whole = joined("All?", answer, parts, "id")
    assert [each.text for each in whole.statements] == ["Ada is 90.", "Cleo is 8."]
    assert [answer[each.start : each.end] for each in whole.statements] == [
        "Ada is 90.",
        "Cleo is 8.",
    ]
    assert [
        (each.chunk_index, answer[each.answer_start : each.answer_end]) for each in whole.citations
    ] == [
        (0, "Ada is 90."),
        (1, "Cleo is 8."),
    ]
    assert [answer[slice(*span)] for span in whole.token_spans] == [
        "Ada",
        "is",
        "90",
        "Cleo",
        "is",
        "8",
    ]
    assert len(whole.token_log_probs) == len(whole.token_spans) == 6
    assert [each.label for each in whole.support] == ["supported", "supported"]
    assert whole.log_likelihood == pytest.approx(sum(part.log_likelihood for _, part in parts))


def test_an_attempt_leads_through_steps_and_asks_for_each_once() -> None:
    engine = OverlapEngine()
    step = captured(
        chunks=CHUNKS,
        answer="Cleo has 8.",
        prompt="Bea is 7. Cleo is 8.",
        left_out=frozenset({0, 2}),
    )
    second = captured(
        chunks=CHUNKS, answer="Say Cleo 8.", prompt="Merge: Cleo has 8.", steps=(step,),
        left_out=frozenset({0, 1, 2}),
    )  # fmt: skip
    last = captured(
        chunks=CHUNKS,
        answer="Cleo is 8.",
        prompt="Say Cleo 8. Cleo has 8. Ada is 90.",
        steps=(second, step),
        left_out=frozenset({1, 2}),
    )
    outcome = attempt(engine, last)
    assert (outcome.status, outcome.reason, outcome.prompt_used) == ("ok", None, "captured")
    assert outcome.attribution is not None
    assert [each.text for each in outcome.attribution.citations] == ["Cleo is 8."]
    assert [request.answer for request in engine.requests] == [
        "Cleo is 8.",
        "Say Cleo 8.",
        "Cleo has 8.",
    ]


def test_what_was_left_out_and_stands_there_in_other_dress_is_scored() -> None:
    engine = OverlapEngine()
    answer = captured(
        chunks=(Chunk("Ada\nis 90."), CHUNKS[2]),
        answer="Ada is 90.",
        prompt=r"Context: ['Ada\nis 90.']",
        left_out=frozenset({0, 1}),
    )
    outcome = attempt(engine, answer)
    assert outcome.attribution is not None
    assert {each.chunk_index for each in outcome.attribution.citations} == {0}


def test_a_copied_statement_has_the_label_of_the_call_that_wrote_it() -> None:
    inner = attribute("Ada is 90.", *CHUNKS)
    last = attribute("Ada is 90. Zoe is 3.", Chunk("An answer: Ada is 90."))
    doubted = replace(
        last,
        support=tuple(replace(each, label="unsupported") for each in last.support),
        citations=(),
    )
    assert copied_from(doubted, "Ada is 90.")
    assert not copied_from(last, "Zoe is 4.")
    whole = led_on(doubted, CHUNKS, [None], {0: inner})
    assert [each.label for each in whole.support] == ["supported", "unsupported"]
    (citation,) = whole.citations
    assert (citation.chunk_index, citation.statement_index, citation.exact) == (0, 0, False)
    assert (citation.answer_start, citation.answer_end) == (0, 10)
