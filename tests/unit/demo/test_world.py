"""Worlds of made-up facts: who is in them, and which sentence states what."""

from __future__ import annotations

import random

import pytest

from attribot_integrations.demo.relations import RELATIONS, EntityType
from attribot_integrations.demo.world import (
    Entity,
    Fact,
    NamePool,
    Sentence,
    World,
    capitalised,
    draw_world,
)


def world(seed: int, size: int = 6, repeats: int = 2) -> World:
    rng = random.Random(seed)
    return draw_world(rng, NamePool(rng), size, (2, 4), repeats)


def test_names_have_the_form_of_their_type() -> None:
    pool = NamePool(random.Random(0))
    assert len(pool.draw(EntityType.PERSON).split()) == 2
    assert len(pool.draw(EntityType.COMPANY).split()) == 2
    assert pool.draw(EntityType.PRODUCT).startswith("the ")
    assert len(pool.draw(EntityType.PLACE).split()) == 1


def test_no_word_is_drawn_twice() -> None:
    pool = NamePool(random.Random(1))
    words = [word for _ in range(60) for word in pool.draw(EntityType.PERSON).split()]
    assert len(words) == len(set(words)) == 120


@pytest.mark.parametrize("seed", range(5))
def test_each_chunk_is_about_its_entity(seed: int) -> None:
    drawn = world(seed, repeats=0)
    assert len(drawn.chunks) == len(drawn.entities) == 6
    for entity, chunk in zip(drawn.entities, drawn.chunks, strict=True):
        assert 2 <= len(chunk) <= 4
        assert all(entity.name.lower() in sentence.text.lower() for sentence in chunk)
        facts = [sentence.fact for sentence in chunk if sentence.fact]
        assert {fact.subject for fact in facts} <= {entity.name}
        assert len({fact.relation for fact in facts}) == len(facts)
        assert chunk[0].fact is not None  # a filler never begins


@pytest.mark.parametrize("seed", range(5))
def test_so_many_facts_are_stated_once_more_elsewhere_in_other_words(seed: int) -> None:
    drawn = world(seed, repeats=3)
    twice = [places for places in drawn.stated().values() if len(places) == 2]
    assert len(twice) == 3
    for (chunk, sentence), (other, place) in twice:
        assert chunk != other
        first, second = drawn.chunks[chunk][sentence], drawn.chunks[other][place]
        assert first.fact == second.fact
        assert first.wording != second.wording
        assert first.text != second.text


def test_a_single_chunk_repeats_nothing() -> None:
    places = world(3, size=1, repeats=5).stated().values()
    assert places
    assert all(len(each) == 1 for each in places)


def test_the_same_seed_gives_the_same_world() -> None:
    assert world(7) == world(7)
    assert world(7) != world(8)


def test_places_of_a_fact_by_hand() -> None:
    fact = Fact("Galba", RELATIONS[0], "blue")
    filler = Sentence("Galba is quiet.")
    chunks = ((filler, Sentence("a", fact)), (Sentence("b", fact, 1),))
    drawn = World((Entity(EntityType.PLACE, "Galba"),), chunks)
    assert drawn.stated() == {fact: ((0, 1), (1, 0))}


def test_a_fact_can_be_asked_and_answered() -> None:
    fact = Fact("the Galba lamp", RELATIONS[0], "Corlin")
    assert "the Galba lamp" in fact.answer
    assert "Corlin" in fact.answer
    asked = fact.ask(random.Random(0), subject="the lamp of Tarn")
    assert "the lamp of Tarn" in asked or "The lamp of Tarn" in asked
    assert asked.endswith("?")
    assert asked[0].isupper()


@pytest.mark.parametrize(("text", "expected"), [("the pier", "The pier"), ("", ""), ("É", "É")])
def test_capitals(text: str, expected: str) -> None:
    assert capitalised(text) == expected
