"""What verifiers are judged by: answers with marked sentences, and answers made unsupported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attribot_integrations.context.segmentation import split_answer
from attribot_integrations.context.sources import Span, split_sentences
from attribot_integrations.demo.world import SentenceRef
from attribot_integrations.evaluation.examples import EvaluationExample, read_set
from attribot_integrations.evaluation.variants import VARIANTS, Variant, VariantKind, make_variant

__all__ = ["SETS", "GoldSentences", "VerifierCase", "read_cases"]

SETS = ("squad2", "clapnq", "quotesum", "hotpotqa", "lfqa", "qasper", "expertqa")
"""Data sets, files `NAME_dev.jsonl`; the last has experts' words and no marked sentences."""

_EXPERTS = {"Complete": True, "Missing": False}


@dataclass(frozen=True)
class GoldSentences:
    """Sentences that people marked for some statements together."""

    statements: tuple[int, ...]
    sentences: frozenset[SentenceRef]


@dataclass(frozen=True)
class VerifierCase:
    """One answer, as a verifier gets it."""

    data: str
    index: int
    """Row of the data set."""
    kind: VariantKind
    question: str
    statements: tuple[str, ...]
    passages: tuple[str, ...]
    places: tuple[SentenceRef, ...]
    """Chunk and number of each passage."""
    gold: tuple[GoldSentences, ...]
    supported: tuple[bool | None, ...]
    """Whether each statement is supported; `None` where that is not known."""


def read_cases(folder: Path, share: float = 1.0) -> Iterator[VerifierCase]:
    """Yield the answers of all data sets that are there, and what is made of them.

    Args:
        folder: Folder of the data files.
        share: Share of each file's rows, for a first look.
    """
    for name in SETS:
        path = folder / f"{name}_dev.jsonl"
        if not path.is_file():
            continue
        examples = read_set(path).examples
        examples = examples[: max(2, round(share * len(examples)))]
        # Experts' words are the labels there, and no sentence is marked that could be removed.
        kinds: Sequence[VariantKind] = ("answer",) if name == SETS[-1] else VARIANTS
        for index in range(len(examples)):
            for kind in kinds:
                variant = make_variant(kind, examples, index)
                if variant is None:
                    continue
                case = _case(name, index, variant)
                if case.statements and case.passages:
                    yield case


def _case(name: str, index: int, variant: Variant) -> VerifierCase:
    example = variant.example
    marked = example.statements
    spans = (
        [each.span for each in marked]
        if marked is not None
        else [*split_answer(example.answer, split_sentences)]
    )
    sentences = [
        (chunk.text[start:end], (number, place))
        for number, chunk in enumerate(example.chunks)
        for place, (start, end) in enumerate(example.splitter(chunk.text))
    ]
    return VerifierCase(
        name,
        index,
        variant.kind,
        example.question,
        tuple(example.answer[slice(*span)] for span in spans),
        tuple(text for text, _ in sentences),
        tuple(place for _, place in sentences),
        tuple(_gold(example, spans)) if variant.kind == "answer" else (),
        tuple(_supported(variant, number, span) for number, span in enumerate(spans)),
    )


def _gold(example: EvaluationExample, spans: Sequence[Span]) -> Iterator[GoldSentences]:
    if example.statements is not None:
        for number, each in enumerate(example.statements):
            if each.gold:
                yield GoldSentences((number,), frozenset(each.gold))
    elif example.gold:
        every = frozenset(place for places in example.gold for place in places)
        yield GoldSentences(tuple(range(len(spans))), every)


def _supported(variant: Variant, number: int, span: Span) -> bool | None:
    example = variant.example
    if variant.changed is not None:
        touched = span[0] < variant.changed[1] and variant.changed[0] < span[1]
        return False if touched else None
    if example.statements is not None:
        marked = example.statements[number]
        if marked.support is not None:
            return _EXPERTS.get(marked.support)
        return True if marked.gold or marked.gold_chunks else None
    return True if example.gold else None
