"""Seeded generator of contexts, questions and answers about made-up entities.

Facts are drawn afresh for every context, so nothing but the context can give the answer. An example
depends on its random generator alone. No model library is imported here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final, Literal, get_args

from attribot_integrations.demo.relations import REFUSAL, RELATIONS_OF
from attribot_integrations.demo.world import (
    Entity,
    Fact,
    NamePool,
    SentenceRef,
    World,
    draw_world,
)

Kind = Literal["single", "two_hop", "double", "repeated", "absent"]
"""A kind of question: one fact; a fact about the value of another; two facts; a fact stated twice;
a fact that the context does not hold."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

TRAINING_SEEDS: Final = range(0, 1_000)
"""Seeds of training examples."""
CHOICE_SEEDS: Final = range(1_000, 2_000)
"""Seeds of the examples that models and settings are chosen with."""
REPORT_SEEDS: Final = range(2_000, 3_000)
"""Seeds of the examples that figures are reported on."""

_MIXTURE: Final[dict[Kind, float]] = {
    "single": 0.48,
    "two_hop": 0.2,
    "double": 0.12,
    "repeated": 0.08,
    "absent": 0.12,
}
_STRANGER: Final = 0.25
"""Share of absent facts about an entity that the context does not mention."""
_ATTEMPTS: Final = 500

_Stated = Mapping[Fact, tuple[SentenceRef, ...]]


@dataclass(frozen=True)
class DemoQuestion:
    """A question about a context, with its answer and where it comes from."""

    kind: Kind
    """The kind of question."""
    question: str
    """The question's text."""
    answer: str
    """The canonical answer."""
    gold: tuple[tuple[SentenceRef, ...], ...]
    """One entry for each needed fact: the sentences that state it, any of which is enough."""
    values: tuple[str, ...]
    """The value of each needed fact."""


@dataclass(frozen=True)
class DemoExample:
    """A context and questions about it."""

    chunks: tuple[tuple[str, ...], ...]
    """The sentences of each chunk."""
    questions: tuple[DemoQuestion, ...]
    """The questions, each on its own."""

    @property
    def chunk_texts(self) -> tuple[str, ...]:
        """The chunks as texts, their sentences joined by one space."""
        return tuple(" ".join(sentences) for sentences in self.chunks)


def generate_example(
    rng: random.Random,
    *,
    chunks: tuple[int, int] = (4, 12),
    kinds: Sequence[Kind] | None = None,
    questions: int = 6,
    sentences: tuple[int, int] = (2, 3),
) -> DemoExample:
    """Draw a context and questions about it.

    Args:
        rng: The source of randomness; the example depends on nothing else.
        chunks: The least and greatest number of chunks.
        kinds: The kinds of question, one question each, in order. Without it, questions are drawn
            from a fixed mixture of kinds, as far as the context allows.
        questions: The number of questions, where `kinds` is not given.
        sentences: The least and greatest number of sentences in a chunk, repetitions not counted.

    Raises:
        ValueError: If no context of this size allows the wanted kinds.
    """
    for _ in range(_ATTEMPTS):
        size = rng.randint(*chunks)
        wanted = list(kinds) if kinds is not None else _draw_kinds(rng, questions)
        pool = NamePool(rng)
        world = draw_world(rng, pool, size, sentences, repeats=wanted.count("repeated"))
        asked = _Questioner(rng, world, pool).ask(wanted, substitute=kinds is None)
        if asked is not None:
            texts = (tuple(sentence.text for sentence in chunk) for chunk in world.chunks)
            return DemoExample(tuple(texts), asked)
    raise ValueError(f"no context of {chunks} chunks allows questions of the kinds {kinds}")


def demo_examples(
    count: int,
    seed: int = REPORT_SEEDS.start,
    *,
    chunks: tuple[int, int] = (4, 12),
    kinds: Sequence[Kind] | None = None,
    questions: int = 6,
) -> tuple[DemoExample, ...]:
    """Draw examples, by default from a seed that no training or choice of a model has used.

    A longer draw begins with the examples of a shorter one. See `generate_example` for the
    arguments.
    """
    return tuple(
        generate_example(
            random.Random(f"{seed}:{index}"), chunks=chunks, kinds=kinds, questions=questions
        )
        for index in range(count)
    )


def _draw_kinds(rng: random.Random, count: int) -> list[Kind]:
    return rng.choices(list(_MIXTURE), list(_MIXTURE.values()), k=count)


class _Questioner:
    """Asks about one world."""

    def __init__(self, rng: random.Random, world: World, pool: NamePool) -> None:
        self._rng, self._world, self._pool = rng, world, pool
        self._stated: _Stated = world.stated()
        self._once = [fact for fact, places in self._stated.items() if len(places) == 1]
        self._twice = [fact for fact, places in self._stated.items() if len(places) > 1]
        pairs = permutations(self._stated, 2)
        self._links = [(first, second) for first, second in pairs if first.value == second.subject]
        rng.shuffle(self._once)
        rng.shuffle(self._twice)
        rng.shuffle(self._links)

    def ask(self, kinds: Sequence[Kind], *, substitute: bool) -> tuple[DemoQuestion, ...] | None:
        """Return one question of each kind, or None where the world does not allow that.

        With `substitute`, a question about one fact takes the place of a kind that the world does
        not allow, and one fact may be asked for several times.
        """
        asked = []
        for kind in kinds:
            question = self._ask(kind)
            if question is None and self._once and (kind == "single" or substitute):
                fact = self._rng.choice(self._once) if substitute else self._once.pop()
                question = self._one("single", fact)
            if question is None:
                return None
            asked.append(question)
        return tuple(asked)

    def _ask(self, kind: Kind) -> DemoQuestion | None:
        if kind == "absent":
            return self._absent()
        if kind == "two_hop" and self._links:
            return self._two_hop(*self._links.pop())
        if kind == "double" and len(self._once) > 1:
            first, second = self._rng.sample(self._once, 2)
            return self._double(first, second)
        if kind == "repeated" and self._twice:
            return self._one("repeated", self._twice.pop())
        return None

    def _one(self, kind: Kind, fact: Fact) -> DemoQuestion:
        question = fact.ask(self._rng)
        return DemoQuestion(kind, question, f"{fact.answer}.", *self._evidence(fact))

    def _double(self, first: Fact, second: Fact) -> DemoQuestion:
        question = f"{first.ask(self._rng)} {second.ask(self._rng)}"
        answer = f"{first.answer}. {second.answer}."
        return DemoQuestion("double", question, answer, *self._evidence(first, second))

    def _two_hop(self, first: Fact, second: Fact) -> DemoQuestion:
        question = second.ask(self._rng, first.relation.phrase.format(s=first.subject))
        then = second.answer[:1].lower() + second.answer[1:]
        answer = f"{first.answer}, and {then}."
        return DemoQuestion("two_hop", question, answer, *self._evidence(first, second))

    def _evidence(
        self, *facts: Fact
    ) -> tuple[tuple[tuple[SentenceRef, ...], ...], tuple[str, ...]]:
        return tuple(self._stated[fact] for fact in facts), tuple(fact.value for fact in facts)

    def _absent(self) -> DemoQuestion:
        """Ask for a fact that no sentence states.

        Its subject is an entity of the context, named or described through another one, or a
        stranger.
        """
        rng = self._rng
        subject = rng.choice(self._world.entities)
        if rng.random() < _STRANGER:
            subject = self._stranger(subject)
        known = {fact.relation.noun for fact in self._stated if fact.subject == subject.name}
        missing = [
            relation for relation in RELATIONS_OF[subject.type] if relation.noun not in known
        ]
        if not missing:  # all that there is to say about it was said
            subject = self._stranger(subject)
            missing = list(RELATIONS_OF[subject.type])
        leading = [fact for fact in self._stated if fact.value == subject.name]
        asked = Fact(subject.name, rng.choice(missing), "")
        phrase = None
        if leading and rng.random() < 0.5:
            bridge = rng.choice(leading)
            phrase = bridge.relation.phrase.format(s=bridge.subject)
        return DemoQuestion("absent", asked.ask(rng, phrase), REFUSAL, (), ())

    def _stranger(self, like: Entity) -> Entity:
        return Entity(like.type, self._pool.draw(like.type))
