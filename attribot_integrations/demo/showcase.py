"""The fixed facts and questions of the demo pipelines, without any framework."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from attribot_integrations.context.sources import Chunk
from attribot_integrations.demo.corpus import CHOICE_SEEDS, Kind, generate_example
from attribot_integrations.demo.relations import NAMES, RELATIONS

__all__ = ["DemoFacts", "demo_facts", "rank", "unanswerable_question"]

_CHUNKS: Final = 9
_KINDS: Final[tuple[Kind, ...]] = ("single", "single", "single", "double")
_SEED: Final = CHOICE_SEEDS.start + 12  # one whose questions the bundled target answers

# What is asked for in vain, and the names of whom it is asked about, the preferred ones first.
_MISSING: Final = next(relation for relation in RELATIONS if relation.noun == "pet")
_STRANGERS: Final = ("Corlin", "Corpo", *NAMES)


@dataclass(frozen=True)
class DemoFacts:
    """Made-up facts, and what can be asked about them."""

    chunks: tuple[Chunk, ...]
    """The facts, with ids and titles."""
    questions: tuple[str, ...]
    """Questions that the chunks answer; the last one asks for two facts."""
    unanswerable: str
    """A question like these, about a person whom no chunk mentions."""


def demo_facts() -> DemoFacts:
    """Return the same facts and questions every time."""
    example = generate_example(random.Random(_SEED), chunks=(_CHUNKS, _CHUNKS), kinds=_KINDS)
    chunks = tuple(
        Chunk(text, id=f"demo-{number}", metadata={"title": _title(sentences)})
        for number, (text, sentences) in enumerate(
            zip(example.chunk_texts, example.chunks, strict=True), start=1
        )
    )
    questions = tuple(question.question for question in example.questions)
    return DemoFacts(chunks, questions, unanswerable_question(example.chunk_texts))


def rank(question: str, texts: Sequence[str]) -> list[int]:
    """Order texts by the summed rarity of the words they share with a question.

    Args:
        question: The question.
        texts: What is searched.

    Returns:
        Indexes of all texts, the best first.
    """
    bags = [_words(text) for text in texts]
    rarity = {
        word: math.log((1 + len(bags)) / (1 + sum(word in bag for bag in bags)))
        for word in _words(question)
    }
    scores = [sum(rarity[word] for word in bag & rarity.keys()) for bag in bags]
    return sorted(range(len(bags)), key=lambda index: -scores[index])


def unanswerable_question(texts: Sequence[str]) -> str:
    """Return a question about a person whose names occur in no text."""
    mentioned = _words(" ".join(texts))
    names = (name for name in _STRANGERS if name.lower() not in mentioned)
    return _MISSING.questions[-1].format(s=" ".join(islice(names, 2)))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _title(sentences: Sequence[str]) -> str:
    """Return the name that all sentences share: what the chunk is about."""
    shared = set.intersection(*(set(re.findall(r"\w+", sentence)) for sentence in sentences))
    names = [word for word in re.findall(r"\w+", sentences[0]) if word in shared & set(NAMES)]
    return " ".join(names)
