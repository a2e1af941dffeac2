"""Answers that the context supports, and others made of them that it does not.

A label is judged by both. `answer` is the one that people marked as supported. `removed` has the
same answer, but the sentences that support it are taken out of the context. `other` has the answer
to another question. `exchanged` has one number or name in it exchanged for another.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import regex

from attribot_integrations.context.sources import Chunk, Span
from attribot_integrations.evaluation.examples import EvaluationExample, KnownSentences

__all__ = ["VARIANTS", "Variant", "VariantKind", "make_variant"]

VariantKind = Literal["answer", "removed", "other", "exchanged"]
VARIANTS: tuple[VariantKind, ...] = ("answer", "removed", "other", "exchanged")

_NUMBER = regex.compile(r"\d[\d,.]*\d|\d")
_NAME = regex.compile(r"\p{Lu}[\p{L}\p{M}'\u2019-]+(?:\s+\p{Lu}[\p{L}\p{M}'\u2019.-]+)*")
_LONGEST = 400
"""Most characters of another question's answer."""


@dataclass(frozen=True)
class Variant:
    """An example as it is, or made into one whose answer is not supported."""

    kind: VariantKind
    example: EvaluationExample
    changed: Span | None = None
    """Where the answer was changed; the statement there is not supported."""


def make_variant(
    kind: VariantKind, examples: Sequence[EvaluationExample], index: int
) -> Variant | None:
    """Return one of a set's examples as a variant; the same at every call.

    Args:
        kind: The variant.
        examples: The set.
        index: Which of them.

    Returns:
        The variant, or `None` where it cannot be made: without marked sentences, with no context
        left, no other answer, or nothing to exchange.
    """
    example = examples[index]
    if kind == "answer":
        return Variant(kind, example)
    if kind == "removed":
        return _without_gold(example)
    others = [each for each in examples if each.question != example.question]
    if kind == "other":
        return _with_answer_of(example, others, index)
    return _with_exchange(example, others, index)


def _without_gold(example: EvaluationExample) -> Variant | None:
    gold = {ref for places in example.gold or () for ref in places}
    gold |= {ref for each in example.statements or () for ref in each.gold}
    if not gold:
        return None
    chunks: list[Chunk] = []
    spans: dict[str, tuple[Span, ...]] = {}
    for index, chunk in enumerate(example.chunks):
        kept = [
            chunk.text[start:end]
            for number, (start, end) in enumerate(example.splitter(chunk.text))
            if (index, number) not in gold
        ]
        if kept:
            text = " ".join(kept)
            chunks.append(replace(chunk, text=text))
            ends = [
                sum(len(part) + 1 for part in kept[: place + 1]) - 1 for place in range(len(kept))
            ]
            spans[text] = tuple(
                (end - len(part), end) for end, part in zip(ends, kept, strict=True)
            )
    left = " ".join(chunk.text for chunk in chunks).casefold()
    if not chunks or example.answer.casefold() in left:  # what is left states it too
        return None
    changed = replace(
        example, chunks=tuple(chunks), gold=(), statements=None, splitter=KnownSentences(spans)
    )
    return Variant("removed", changed, (0, len(example.answer)))


def _with_answer_of(
    example: EvaluationExample, others: Sequence[EvaluationExample], index: int
) -> Variant | None:
    known = " ".join(chunk.text for chunk in example.chunks).casefold()
    far = [each for each in others if each.answer.casefold() not in known]
    if not far:
        return None
    answer = far[index % len(far)].answer[:_LONGEST]
    changed = replace(example, answer=answer, gold=(), statements=None)
    return Variant("other", changed, (0, len(answer)))


def _with_exchange(
    example: EvaluationExample, others: Sequence[EvaluationExample], index: int
) -> Variant | None:
    draw = random.Random(f"{example.id}/{index}")
    answer = example.answer
    numbers = [match.span() for match in _NUMBER.finditer(answer)]
    start = 0 if len(answer.split()) < 4 else 1  # a capital at the start of a sentence is no name
    names = [match.span() for match in _NAME.finditer(answer) if match.start() >= start]
    known = " ".join([example.question, answer, *(chunk.text for chunk in example.chunks)])
    pools = {
        "number": [m[0] for each in others for m in _NUMBER.finditer(each.answer)],
        "name": [m[0] for each in others for m in _NAME.finditer(each.answer, 1)],
    }
    places = [("number", span) for span in numbers] + [("name", span) for span in names]
    draw.shuffle(places)
    for kind, (low, high) in places:
        old = answer[low:high]
        fitting = sorted(
            {each for each in pools[kind] if each not in known and _alike(each, old, kind)}
        )
        if fitting:
            new = draw.choice(fitting)
            changed = f"{answer[:low]}{new}{answer[high:]}"
            return Variant(
                "exchanged",
                replace(example, answer=changed, gold=(), statements=None),
                (low, low + len(new)),
            )
    return None


def _alike(new: str, old: str, kind: str) -> bool:
    """Whether an exchange keeps the form: as many digits, or about as many words."""
    if kind == "number":
        return sum(map(str.isdigit, new)) == sum(map(str.isdigit, old))
    return abs(len(new.split()) - len(old.split())) <= 1
