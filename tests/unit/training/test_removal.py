from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.demo.corpus import KINDS, DemoExample, Kind, generate_example
from attribot_integrations.demo.relations import REFUSAL
from attribot_integrations.demo.world import SentenceRef
from training.removal import remove_sentences


def example_of(seed: int, kind: Kind) -> DemoExample:
    return generate_example(random.Random(seed), chunks=(4, 6), kinds=(kind,))


def all_sentences(example: DemoExample) -> set[SentenceRef]:
    return {(c, s) for c, chunk in enumerate(example.chunks) for s in range(len(chunk))}


@given(st.integers(0, 10_000), st.sampled_from(KINDS))
def test_removing_nothing_changes_nothing(seed: int, kind: Kind) -> None:
    example = example_of(seed, kind)
    assert remove_sentences(example, ()) == example


@given(st.integers(0, 10_000), st.sampled_from(KINDS))
def test_removing_the_rest_keeps_the_answer(seed: int, kind: Kind) -> None:
    example = example_of(seed, kind)
    (question,) = example.questions
    gold = {ref for places in question.gold for ref in places}
    thinned = remove_sentences(example, all_sentences(example) - gold)
    (kept,) = thinned.questions
    assert (kept.answer, kept.values) == (question.answer, question.values)
    assert sum(map(len, thinned.chunks)) == len(gold)
    for before, after in zip(question.gold, kept.gold, strict=True):
        assert [example.chunks[c][s] for c, s in before] == [thinned.chunks[c][s] for c, s in after]


@given(st.integers(0, 10_000), st.sampled_from(("single", "two_hop")), st.integers(0, 1))
def test_a_lost_fact_is_refused(seed: int, kind: Kind, which: int) -> None:
    example = example_of(seed, kind)
    gold = example.questions[0].gold
    (question,) = remove_sentences(example, gold[which % len(gold)]).questions
    assert (question.kind, question.answer, question.gold) == ("absent", REFUSAL, ())


@given(st.integers(0, 10_000), st.integers(0, 1))
def test_each_of_two_questions_is_answered_or_refused_by_itself(seed: int, which: int) -> None:
    example = example_of(seed, "double")
    (question,) = example.questions
    (left,) = remove_sentences(example, question.gold[which]).questions
    sentences = question.answer.removesuffix(".").split(". ")
    expected = [f"{sentence}." for sentence in sentences]
    expected[which] = REFUSAL
    assert left.answer == " ".join(expected)
    assert left.values == (question.values[1 - which],)


def test_one_statement_of_a_repeated_fact_is_enough() -> None:
    example = example_of(1, "repeated")
    (question,) = example.questions
    (left,) = remove_sentences(example, question.gold[0][:1]).questions
    assert left.answer == question.answer
    assert len(left.gold[0]) == 1
