"""Removing sentences from an example, with the answers that are then right."""

from __future__ import annotations

from collections.abc import Collection

from attribot_integrations.demo.corpus import DemoExample, DemoQuestion
from attribot_integrations.demo.relations import REFUSAL
from attribot_integrations.demo.world import SentenceRef


def remove_sentences(example: DemoExample, removed: Collection[SentenceRef]) -> DemoExample:
    """Return the example without some sentences; chunks left empty disappear.

    A question that lost a fact gets the answer that the rest supports: the refusal, or, where one
    of two separate questions lost its fact, the refusal in place of that sentence.
    """
    moved: dict[SentenceRef, SentenceRef] = {}
    chunks: list[tuple[str, ...]] = []
    for chunk_index, chunk in enumerate(example.chunks):
        kept = [index for index in range(len(chunk)) if (chunk_index, index) not in removed]
        if kept:
            moved |= {(chunk_index, old): (len(chunks), new) for new, old in enumerate(kept)}
            chunks.append(tuple(chunk[index] for index in kept))
    questions = tuple(_adjusted(question, moved) for question in example.questions)
    return DemoExample(tuple(chunks), questions)


def _adjusted(question: DemoQuestion, moved: dict[SentenceRef, SentenceRef]) -> DemoQuestion:
    gold = tuple(tuple(moved[ref] for ref in places if ref in moved) for places in question.gold)
    if all(gold):
        return DemoQuestion(
            question.kind, question.question, question.answer, gold, question.values
        )
    if question.kind != "double" or not any(gold):
        return DemoQuestion("absent", question.question, REFUSAL, (), ())
    sentences = question.answer.removesuffix(".").split(". ")
    answer = " ".join(
        f"{s}." if places else REFUSAL for s, places in zip(sentences, gold, strict=True)
    )
    values = tuple(value for value, places in zip(question.values, gold, strict=True) if places)
    return DemoQuestion(question.kind, question.question, answer, tuple(filter(None, gold)), values)
