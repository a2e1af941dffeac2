"""What is kept of the way from an answer to its sources."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.answers.attempt import attempt
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution
from attribot_integrations.results.composing import joined, led_on
from attribot_integrations.results.hops import Hop, own_hops
from tests.integrations.overlap import OverlapEngine
from tests.unit.answers.answering import captured

CHUNKS = (Chunk("Ada is 90. 👍 Eve is 4."), Chunk("Bea is 7. Cleo is 8."), Chunk("Dora is 5."))
SUMMARY = "Bea: 7 👍. Cleo: 8."
DIRECT = Hop(0, 1.0, 4.0, True, 0, 10, "Ada is 90.", chunk_index=0)


def attribute(answer: str, *chunks: Chunk) -> Attribution:
    return OverlapEngine().attribute_request(AttributionRequest("Who?", chunks, answer))


def two_hops(answer: str = "Cleo is 8. Ada is 90.") -> Attribution:
    """An answer of which the first statement rests on a summary, the second on a chunk."""
    inner = attribute(SUMMARY, *CHUNKS)
    last = attribute(answer, CHUNKS[0], Chunk(SUMMARY))
    return led_on(last, CHUNKS, [0, None], {1: inner})


def three_hops() -> Attribution:
    """An answer made from two texts, of which the second was made from the first."""
    first = captured(
        chunks=CHUNKS,
        answer="Cleo has 8.",
        prompt="Bea is 7. Cleo is 8.",
        left_out=frozenset({0, 2}),
    )
    second = captured(
        chunks=CHUNKS,
        answer="Say Cleo 8, Dora 5.",
        prompt="Merge: Cleo has 8. Dora is 5.",
        steps=(first,),
        left_out=frozenset({0, 1}),
    )
    last = captured(
        chunks=CHUNKS,
        answer="Cleo is 8, Dora 5.",
        prompt="Say Cleo 8, Dora 5. Cleo has 8. Ada is 90. 👍 Eve is 4.",
        steps=(second, first),
        left_out=frozenset({1, 2}),
    )
    made = attempt(OverlapEngine(), last).attribution
    assert made is not None
    return made


def test_steps_and_hops_are_kept() -> None:
    made = two_hops()
    (step,) = made.steps
    assert step.text == SUMMARY
    assert [each.text for each in step.statements] == ["Bea: 7 👍.", "Cleo: 8."]
    assert [each.label for each in step.support] == ["supported", "supported"]
    assert [(each.statement_index, each.chunk_index, each.text) for each in step.hops] == [
        (0, 1, "Bea is 7."),
        (1, 1, "Cleo is 8."),
    ]
    first, second = made.hops
    assert (first.step_index, first.chunk_index, first.text) == (0, None, "Cleo: 8.")
    assert SUMMARY[first.start : first.end] == first.text
    assert second == replace(DIRECT, statement_index=1)


def test_without_steps_the_citations_are_the_hops() -> None:
    made = attribute("Ada is 90.", *CHUNKS)
    assert (made.steps, made.hops) == ((), ())
    assert own_hops(made) == (DIRECT,)


def test_a_step_that_several_texts_rest_on_is_kept_once() -> None:
    made = three_hops()
    assert [step.text for step in made.steps] == ["Cleo has 8.", "Say Cleo 8, Dora 5."]
    later = made.steps[1]
    assert {(each.step_index, each.chunk_index) for each in later.hops} == {(0, None), (None, 2)}
    assert {each.step_index for each in made.hops} == {0, 1}


def test_parts_bring_their_steps() -> None:
    answer = "1) Cleo is 8. Ada is 90.\n2) Ada is 90.\n3) Cleo is 8."
    plain, led = attribute("Ada is 90.", *CHUNKS), two_hops("Cleo is 8.")
    whole = joined("All?", answer, [(3, two_hops()), (28, plain), (42, led)])
    assert [step.text for step in whole.steps] == [SUMMARY]
    assert [(each.statement_index, each.step_index) for each in whole.hops] == [
        (0, 0),
        (1, None),
        (2, None),
        (3, 0),
    ]
    without = joined("All?", answer, [(28, plain)])
    assert (without.steps, without.hops) == ((), ())


def test_a_copied_statement_leads_to_the_text_it_was_copied_from() -> None:
    inner = attribute("Ada is 90.", *CHUNKS)
    last = attribute("Ada is 90.", Chunk("An answer: Ada is 90."))
    doubted = replace(last, support=(replace(last.support[0], label="unsupported"),), citations=())
    made = led_on(doubted, CHUNKS, [None], {0: inner})
    (hop,) = made.hops
    assert (hop.basis, hop.share, hop.text, hop.step_index) == ("copied", 1.0, "Ada is 90.", 0)
    assert made.steps[0].hops == own_hops(inner)


def test_what_a_verifier_finds_in_a_step_is_no_hop() -> None:
    inner = attribute(SUMMARY, *CHUNKS)
    last = attribute("Cleo is 8.", Chunk(SUMMARY))
    stated = replace(
        last, citations=tuple(replace(each, basis="states") for each in last.citations)
    )
    assert led_on(stated, CHUNKS, [None], {0: inner}).hops == ()


def test_json_holds_steps_and_hops() -> None:
    for made in (two_hops(), three_hops()):
        again = Attribution.from_json(made.to_json())
        assert (again.steps, again.hops) == (made.steps, made.hops)
        assert again.trace(0) == made.trace(0)


def test_json_from_before_there_were_steps_is_read() -> None:
    data = attribute("Ada is 90.", *CHUNKS).to_dict()
    del data["steps"], data["hops"]
    made = Attribution.from_dict(json.loads(json.dumps(data)))
    assert (made.steps, made.hops) == ((), ())
    assert [path.product for path in made.trace(0).paths] == [1.0]


def test_offsets_of_hops_count_utf_16_units() -> None:
    data = three_hops().to_dict(offsets="utf-16")
    data["steps"] += two_hops().to_dict(offsets="utf-16")["steps"]
    for step in data["steps"]:
        encoded = step["text"].encode("utf-16-le")
        for each in step["statements"]:
            cut = encoded[2 * each["start"] : 2 * each["end"]]
            assert cut.decode("utf-16-le") == each["text"]
    for hop in [*data["hops"], *(hop for step in data["steps"] for hop in step["hops"])]:
        index = hop["chunk_index"]
        text = (data["steps"][hop["step_index"]] if index is None else data["chunks"][index])[
            "text"
        ]
        cut = text.encode("utf-16-le")[2 * hop["start"] : 2 * hop["end"]]
        assert cut.decode("utf-16-le") == hop["text"]
    assert any(hop["start"] > 0 for hop in data["steps"][0]["hops"])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"chunk_index": None}, "a hop must lead to a chunk or to a step, got chunk_index=None"),
        ({"step_index": 0}, "a hop must lead to a chunk or to a step, got chunk_index=0"),
        ({"chunk_index": 3}, "a hop leads to chunk 3, but there are 3"),
        ({"chunk_index": None, "step_index": 1}, "a hop leads to step 1, but 1 were written"),
        ({"chunk_index": -1}, "a hop leads to chunk -1"),
    ],
)
def test_hops_that_lead_nowhere_are_refused(changes: Any, text: str) -> None:
    made = two_hops()
    with pytest.raises(InputError, match=text):
        replace(made, hops=(replace(DIRECT, **changes),))


def test_steps_that_lead_in_a_circle_are_refused() -> None:
    made = two_hops()
    hop = replace(DIRECT, chunk_index=None, step_index=0)
    with pytest.raises(InputError, match="a hop leads to step 0, but 0 were written before"):
        replace(made, steps=(replace(made.steps[0], hops=(hop,)),))
    data = json.loads(made.to_json())
    data["steps"][0]["hops"][0] |= {"chunk_index": None, "step_index": 0}
    with pytest.raises(InputError, match="the data is no attribution: a hop leads to step 0"):
        Attribution.from_dict(data)
