"""The way from a statement to its passages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError
from attribot_integrations.results import Attribution
from attribot_integrations.results.composing import led_on
from attribot_integrations.results.hops import Hop, Step
from attribot_integrations.results.parts import Statement
from attribot_integrations.results.support import Support
from tests.unit.results.test_hops import CHUNKS, SUMMARY, attribute, three_hops, two_hops


def carried(made: Attribution, index: int) -> dict[tuple[int | None, int, int], float]:
    """What each passage carries of a statement, over all ways that lead to it."""
    found: dict[tuple[int | None, int, int], float] = defaultdict(float)
    for path in made.trace(index).paths:
        if path.passage is not None:
            end = path.passage
            found[end.chunk_index, end.start, end.end] += path.product
    return dict(found)


def cited(made: Attribution, index: int) -> dict[tuple[int | None, int, int], float]:
    return {
        (each.chunk_index, each.chunk_start, each.chunk_end): each.share
        for each in made.citations_of(index)
    }


def test_without_steps_a_trace_is_the_citations() -> None:
    made = attribute("Ada is 90, Cleo 8.", *CHUNKS)
    trace = made.trace(0)
    assert (trace.kind, trace.text, trace.label, trace.hops) == (
        "statement",
        made.answer,
        "supported",
        1,
    )
    assert [(each.text, each.share, each.score, each.exact) for each in trace.below] == [
        (each.text, each.share, each.score, True) for each in made.citations_of(0)
    ]
    assert [each.chunk for each in trace.below] == [CHUNKS[0], CHUNKS[1]]
    assert [each.number for each in trace.below] == [1, 2]
    assert all(path.exact and path.weakest is path.passage for path in trace.paths)
    assert made.trace(made.statements[0]) == trace


def test_a_trace_leads_through_steps() -> None:
    made = two_hops()
    (step,) = made.trace(0).below
    assert (step.kind, step.text, step.step_index, step.label) == (
        "step",
        "Cleo: 8.",
        0,
        "supported",
    )
    (path,) = made.trace(0).paths
    assert [each.text for each in path.texts] == ["Cleo: 8.", "Cleo is 8."]
    assert path.passage is not None
    assert path.passage.chunk == CHUNKS[1]
    assert not path.exact
    assert made.trace(1).hops == 1


@pytest.mark.parametrize("make", [two_hops, three_hops])
def test_what_passages_carry_is_the_share_of_their_citations(make: object) -> None:
    made = make()  # type: ignore[operator]
    for statement in made.statements:
        assert carried(made, statement.index) == pytest.approx(cited(made, statement.index))


def test_products_and_the_weakest_link() -> None:
    trace = three_hops().trace(0)
    assert trace.hops == 3
    for path in trace.paths:
        product = 1.0
        for text in path.texts:
            product *= text.share
            assert text.product == pytest.approx(product)
        assert path.product == pytest.approx(product)
        assert path.weakest.share == min(text.share for text in path.texts)
    products = [path.product for path in trace.paths]
    assert products == sorted(products, reverse=True)
    assert len(products) > 2


def test_a_way_that_ends_in_a_step_says_so() -> None:
    inner = attribute("Zoe: 3.", *CHUNKS)
    last = attribute("Zoe is 3, Ada 90.", CHUNKS[0], Chunk("Zoe: 3."))
    made = led_on(last, CHUNKS, [0, None], {1: inner})
    ended = next(path for path in made.trace(0).paths if path.passage is None)
    assert (ended.texts[-1].text, ended.texts[-1].label) == ("Zoe: 3.", "unsupported")
    assert ended.texts[-1].below == ()


def test_what_the_model_knew_anyway_leads_nowhere() -> None:
    inner = attribute(SUMMARY, *CHUNKS)
    known = replace(inner, support=tuple(replace(s, label="parametric") for s in inner.support))
    made = led_on(attribute("Cleo is 8.", Chunk(SUMMARY)), CHUNKS, [None], {0: known})
    (path,) = made.trace(0).paths
    assert (path.passage, path.texts[-1].label) == (None, "parametric")


def test_a_copied_statement_leads_through_its_original() -> None:
    inner = attribute("Ada is 90.", *CHUNKS)
    last = attribute("Ada is 90.", Chunk("An answer: Ada is 90."))
    doubted = replace(last, support=(replace(last.support[0], label="unsupported"),), citations=())
    trace = led_on(doubted, CHUNKS, [None], {0: inner}).trace(0)
    assert (trace.label, trace.below[0].basis) == ("supported", "copied")
    assert [path.product for path in trace.paths] == [1.0]


def test_a_statement_without_support_has_no_way_to_sources() -> None:
    made = two_hops()
    denied = replace(made, support=tuple(replace(s, label="unsupported") for s in made.support))
    assert [denied.trace(each).below for each in denied.statements] == [(), ()]
    assert denied.trace(0).paths == ()
    stated = replace(
        attribute("Ada is 90.", *CHUNKS), support=(Support(0, "parametric", -1.0, -1.0),)
    )
    assert stated.trace(0).below == ()
    cites = replace(stated, citations=(replace(stated.citations[0], basis="both"),))
    assert [each.basis for each in cites.trace(0).below] == ["both"]


def test_small_shares_are_left_out_and_counted() -> None:
    made = attribute("Ada 90 and 90, Cleo 8.", *CHUNKS)
    assert [each.share for each in made.trace(0).below] == pytest.approx([0.6, 0.4])
    trace = made.trace(0, least=0.5)
    assert [each.share for each in trace.below] == pytest.approx([0.6])
    assert trace.left_out == 1


def test_a_long_chain_of_many_ways_stays_small() -> None:
    """Each of 30 texts rests on three sentences of the one before: 3 ** 30 ways."""
    text = "A a. B b. C c."
    statements = tuple(
        Statement(i, 5 * i, 5 * i + 4, text[5 * i : 5 * i + 4], (i, i + 1)) for i in range(3)
    )
    first = tuple(Hop(i, 1.0, 1.0, True, 0, 10, "Ada is 90.", chunk_index=0) for i in range(3))
    steps = [Step(text, statements, (), first)]
    for place in range(30):
        hops = tuple(
            Hop(i, 1 / 3, 1.0, True, each.start, each.end, each.text, step_index=place)
            for i in range(3)
            for each in statements
        )
        steps.append(Step(text, statements, (), hops))
    made = attribute("Ada is 90.", *CHUNKS)
    top = Hop(0, 1.0, 1.0, True, 0, 4, "A a.", step_index=30)
    trace = replace(made, steps=tuple(steps), hops=(top,)).trace(0)
    assert len(trace.paths) <= 100
    assert trace.paths[0].passage is None, "all ways get too weak"
    assert any(path.texts[-1].left_out == 3 for path in trace.paths)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_statement_that_is_not_there(index: int) -> None:
    with pytest.raises(InputError, match=f"there is no statement {index}, the answer has 2"):
        two_hops().trace(index)


@pytest.mark.parametrize("least", [0.0, -0.1, 1.5, float("nan")])
def test_a_least_share_that_is_none(least: float) -> None:
    with pytest.raises(InputError, match="least must be above 0 and at most 1, got"):
        two_hops().trace(0, least=least)
