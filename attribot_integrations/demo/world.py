"""Draws made-up entities, facts about them, and the chunks that state the facts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from attribot_integrations.demo.relations import (
    COMPANY_SUFFIXES,
    FILLERS,
    NAMES,
    PRODUCT_KINDS,
    RELATIONS_OF,
    EntityType,
    Relation,
)

SentenceRef = tuple[int, int]
"""A sentence, as its chunk's index and its own index in the chunk."""

_TYPE_WEIGHTS: Final = {
    EntityType.PERSON: 4,
    EntityType.COMPANY: 3,
    EntityType.PLACE: 2,
    EntityType.PRODUCT: 2,
}
_CROWDED: Final = 0.3
"""Share of contexts that are mostly about entities of one type, which are easily confused."""
_LINKED: Final = 0.6
"""Share of entity values that another chunk is about, which makes two-hop questions possible."""
_FILLER: Final = 0.08


@dataclass(frozen=True)
class Entity:
    """A made-up person, company, place or product."""

    type: EntityType
    name: str


@dataclass(frozen=True)
class Fact:
    """A value that an entity has."""

    subject: str
    relation: Relation
    value: str

    def ask(self, rng: random.Random, subject: str | None = None) -> str:
        """Return a question for the value, about the subject or another phrase for it."""
        return capitalised(rng.choice(self.relation.questions).format(s=subject or self.subject))

    @property
    def answer(self) -> str:
        """The canonical answer without its full stop."""
        return self.relation.answer.format(s=self.subject, v=self.value)


@dataclass(frozen=True)
class Sentence:
    """A sentence of the context; one without a fact is a filler."""

    text: str
    fact: Fact | None = None
    wording: int = 0
    """Which of the relation's statements it is."""


@dataclass(frozen=True)
class World:
    """Entities, and chunks of sentences about them, before any question is asked."""

    entities: tuple[Entity, ...]
    chunks: tuple[tuple[Sentence, ...], ...]

    def stated(self) -> dict[Fact, tuple[SentenceRef, ...]]:
        """Every fact of the context with the sentences that state it."""
        places: dict[Fact, tuple[SentenceRef, ...]] = {}
        for chunk_index, chunk in enumerate(self.chunks):
            for sentence_index, sentence in enumerate(chunk):
                if sentence.fact is not None:
                    earlier = places.get(sentence.fact, ())
                    places[sentence.fact] = (*earlier, (chunk_index, sentence_index))
        return places


class NamePool:
    """Names for the entities of one context; no word is used twice."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._words = rng.sample(NAMES, len(NAMES))

    def draw(self, entity_type: EntityType) -> str:
        """Return a new name for an entity of a type."""
        word = self._words.pop()
        if entity_type is EntityType.PERSON:
            return f"{word} {self._words.pop()}"
        if entity_type is EntityType.COMPANY:
            return f"{word} {self._rng.choice(COMPANY_SUFFIXES)}"
        if entity_type is EntityType.PRODUCT:
            return f"the {word} {self._rng.choice(PRODUCT_KINDS)}"
        return word


def draw_world(
    rng: random.Random, pool: NamePool, size: int, sentences: tuple[int, int], repeats: int
) -> World:
    """Draw a world.

    Args:
        rng: The source of randomness.
        pool: Where names come from.
        size: Number of chunks; each is about one entity.
        sentences: The least and greatest number of sentences in a chunk.
        repeats: Number of facts that another chunk states once more, where there are two chunks.
    """
    types = rng.choices(list(_TYPE_WEIGHTS), list(_TYPE_WEIGHTS.values()), k=size)
    if rng.random() < _CROWDED:
        types = [types[0] if rng.random() < 0.75 else other for other in types]
    entities = tuple(Entity(kind, pool.draw(kind)) for kind in types)
    chunks = [
        _draw_chunk(rng, entity, entities, pool, rng.randint(*sentences)) for entity in entities
    ]
    if size > 1:
        _repeat_facts(rng, chunks, repeats)
    return World(entities, tuple(tuple(chunk) for chunk in chunks))


def capitalised(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _draw_chunk(
    rng: random.Random,
    subject: Entity,
    entities: Sequence[Entity],
    pool: NamePool,
    length: int,
) -> list[Sentence]:
    chunk: list[Sentence] = []
    for index, relation in enumerate(rng.sample(RELATIONS_OF[subject.type], length)):
        if index and rng.random() < _FILLER:
            chunk.append(Sentence(capitalised(rng.choice(FILLERS).format(s=subject.name))))
            continue
        fact = Fact(subject.name, relation, _draw_value(rng, relation, subject, entities, pool))
        chunk.append(_state(fact, rng.randrange(len(relation.statements))))
    return chunk


def _draw_value(
    rng: random.Random,
    relation: Relation,
    subject: Entity,
    entities: Sequence[Entity],
    pool: NamePool,
) -> str:
    kind = relation.values
    if not isinstance(kind, EntityType):
        return rng.choice(kind)
    known = [other.name for other in entities if other.type is kind and other != subject]
    if known and rng.random() < _LINKED:
        return rng.choice(known)
    return pool.draw(kind)


def _state(fact: Fact, wording: int) -> Sentence:
    text = fact.relation.statements[wording].format(s=fact.subject, v=fact.value)
    return Sentence(capitalised(text), fact, wording)


def _repeat_facts(rng: random.Random, chunks: list[list[Sentence]], count: int) -> None:
    """State some facts once more, in other words and in another chunk."""
    stated = [
        (home, sentence.fact, sentence.wording)
        for home, chunk in enumerate(chunks)
        for sentence in chunk
        if sentence.fact is not None
    ]
    for home, fact, wording in rng.sample(stated, min(count, len(stated))):
        others = [other for other in range(len(fact.relation.statements)) if other != wording]
        sentence = _state(fact, rng.choice(others))
        target = chunks[rng.choice([index for index in range(len(chunks)) if index != home])]
        target.insert(rng.randint(0, len(target)), sentence)
