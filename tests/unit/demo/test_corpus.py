from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations.context.sources import split_sentences
from attribot_integrations.demo.corpus import (
    CHOICE_SEEDS,
    KINDS,
    REPORT_SEEDS,
    TRAINING_SEEDS,
    DemoExample,
    DemoQuestion,
    Kind,
    demo_examples,
    generate_example,
)
from attribot_integrations.demo.relations import NAMES, REFUSAL, EntityType
from attribot_integrations.demo.world import NamePool, draw_world

seeds = st.integers(0, 2**32)


def gold_texts(example: DemoExample, question: DemoQuestion) -> list[list[str]]:
    return [[example.chunks[c][s] for c, s in places] for places in question.gold]


@given(seeds)
def test_same_seed_gives_the_same_example(seed: int) -> None:
    first, second = (generate_example(random.Random(seed)) for _ in range(2))
    assert first == second


def test_examples_do_not_depend_on_the_hash_seed() -> None:
    program = (
        "from attribot_integrations.demo.corpus import demo_examples\n"
        "print(demo_examples(3, 5, questions=6))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert outputs == {f"{demo_examples(3, 5, questions=6)}\n"}


def test_longer_draws_begin_with_shorter_ones() -> None:
    assert demo_examples(5, 7)[:3] == demo_examples(3, 7)


def test_seeds_for_training_choice_and_report_are_disjoint() -> None:
    ranges = [set(TRAINING_SEEDS), set(CHOICE_SEEDS), set(REPORT_SEEDS)]
    assert len(set().union(*ranges)) == sum(map(len, ranges))
    drawn = [demo_examples(20, purpose.start) for purpose in (TRAINING_SEEDS, CHOICE_SEEDS)]
    drawn.append(demo_examples(20))
    contexts = [example.chunks for examples in drawn for example in examples]
    assert len(set(contexts)) == len(contexts)


@given(seeds, st.sampled_from(KINDS), st.integers(3, 12))
def test_answers_can_be_read_in_the_gold_sentences(seed: int, kind: Kind, size: int) -> None:
    example = generate_example(random.Random(seed), chunks=(size, size), kinds=(kind,))
    (question,) = example.questions
    assert question.kind == kind
    assert len(example.chunks) == size
    assert len(question.gold) == len(question.values)
    for texts, value in zip(gold_texts(example, question), question.values, strict=True):
        assert texts
        assert value in question.answer
        assert all(value in text for text in texts)


@given(seeds)
def test_wanted_kinds_are_asked_in_order(seed: int) -> None:
    example = generate_example(random.Random(seed), kinds=KINDS)
    assert tuple(question.kind for question in example.questions) == KINDS


@given(seeds)
def test_absent_facts_are_refused_and_stated_nowhere(seed: int) -> None:
    (question,) = generate_example(random.Random(seed), kinds=("absent",)).questions
    assert question.answer == REFUSAL
    assert question.gold == ()


@given(seeds)
def test_repeated_facts_stand_in_two_chunks_in_other_words(seed: int) -> None:
    example = generate_example(random.Random(seed), kinds=("repeated",))
    (question,) = example.questions
    ((first, second),) = question.gold
    assert first[0] != second[0]
    texts = gold_texts(example, question)[0]
    assert texts[0] != texts[1]


@given(seeds)
def test_two_hop_questions_do_not_name_the_bridge(seed: int) -> None:
    example = generate_example(random.Random(seed), kinds=("two_hop",))
    (question,) = example.questions
    bridge = question.values[0]
    assert bridge not in question.question
    assert question.answer.count(bridge) == 2
    assert all(bridge in text for text in gold_texts(example, question)[1])


@given(seeds)
def test_double_questions_have_two_sentences_and_two_facts(seed: int) -> None:
    (question,) = generate_example(random.Random(seed), kinds=("double",)).questions
    assert question.question.count("?") == 2
    assert question.answer.count(".") == 2
    assert len(set(question.gold)) == 2


@given(seeds, st.integers(1, 12))
def test_every_sentence_names_the_subject_of_its_fact(seed: int, size: int) -> None:
    rng = random.Random(seed)
    world = draw_world(rng, NamePool(rng), size, (2, 3), repeats=2)
    for chunk in world.chunks:
        for sentence in chunk:
            if sentence.fact is None:
                assert any(entity.name in sentence.text for entity in world.entities)
            else:
                assert sentence.fact.subject in sentence.text
                assert sentence.fact.value in sentence.text


@given(seeds)
def test_no_two_entities_share_a_word(seed: int) -> None:
    pool = NamePool(random.Random(seed))
    names = [pool.draw(kind) for kind in EntityType for _ in range(10)]
    words = [word for name in names for word in name.split() if word in NAMES]
    assert len(set(words)) == len(words) == 50


@given(seeds)
def test_facts_that_are_not_repeated_are_stated_once(seed: int) -> None:
    rng = random.Random(seed)
    world = draw_world(rng, NamePool(rng), 12, (2, 3), repeats=0)
    subjects = [(fact.subject, fact.relation.noun) for fact in world.stated()]
    assert len(set(subjects)) == len(subjects)
    assert all(len(places) == 1 for places in world.stated().values())


def test_facts_are_drawn_afresh() -> None:
    values: dict[str, set[str]] = {}
    for example in demo_examples(400, kinds=("single",)):
        noun = example.questions[0].answer.split(" of ")[0]
        values.setdefault(noun, set()).update(example.questions[0].values)
    assert all(len(of_noun) > 3 for of_noun in values.values())


def test_mixture_holds_all_kinds() -> None:
    kinds = Counter(q.kind for example in demo_examples(100) for q in example.questions)
    assert set(kinds) == set(KINDS)
    assert max(kinds, key=kinds.__getitem__) == "single"


def test_impossible_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="allows questions"):
        generate_example(random.Random(0), chunks=(1, 1), kinds=("repeated",))


def test_the_splitter_finds_the_sentences() -> None:
    chunks, missed = 0, []
    for seed in range(150):
        example = generate_example(random.Random(seed), kinds=KINDS)
        for text, sentences in zip(example.chunk_texts, example.chunks, strict=True):
            chunks += 1
            if [text[start:end] for start, end in split_sentences(text)] != list(sentences):
                missed.append(text)
        for question in example.questions:
            count = 2 if question.kind == "double" else 1
            assert len(split_sentences(question.answer)) == count
    # The splitter does not divide "… in May. Everywhere …", which is rare.
    assert chunks > 1000
    assert len(missed) < 0.002 * chunks, missed


@settings(max_examples=20)
@given(seeds)
def test_chunk_texts_join_sentences_by_one_space(seed: int) -> None:
    example = generate_example(random.Random(seed))
    for text, sentences in zip(example.chunk_texts, example.chunks, strict=True):
        assert text == " ".join(sentences)
