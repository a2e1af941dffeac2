"""What methods are evaluated on: generated questions, or a data file's, with gold evidence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from attribot_integrations.batch.datafiles import parse_request
from attribot_integrations.batch.textfiles import read_text
from attribot_integrations.context.locating import CapturedPrompt
from attribot_integrations.context.prompts import PromptTemplate
from attribot_integrations.context.sources import Chunk, SentenceSplitter, Span, split_sentences
from attribot_integrations.demo.corpus import REPORT_SEEDS, Kind, demo_examples
from attribot_integrations.demo.world import SentenceRef
from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.evaluation.marked import (
    MarkedStatement,
    read_refs,
    read_statements,
)
from attribot_integrations.evaluation.published import OWN, find_format, published_rows

__all__ = ["EvaluationExample", "ExampleSet", "KnownSentences", "demo_set", "read_set"]

Gold = tuple[tuple[SentenceRef, ...], ...]


@dataclass(frozen=True)
class KnownSentences:
    """Divides chunks into the sentences their data came in, and other text by the rules."""

    spans: Mapping[str, tuple[Span, ...]]
    """Spans of the sentences, by the chunk's text."""

    def __call__(self, text: str) -> Sequence[Span]:
        """Return the spans of the sentences of a text."""
        known = self.spans.get(text)
        return split_sentences(text) if known is None else known


@dataclass(frozen=True)
class EvaluationExample:
    """One answer with its question and context, and where it comes from."""

    id: str
    """Identifier, unique in a set."""
    question: str
    chunks: tuple[Chunk, ...]
    answer: str
    gold: Gold | None = None
    """One entry for each needed fact: the sentences that state it, any of which is enough. Empty
    where the context is known to state none, `None` where nobody marked any."""
    kind: str | None = None
    """Kind of question, where the data tells."""
    prompt: CapturedPrompt | PromptTemplate | None = None
    """The prompt that the generator saw; a template renders one if it is not given."""
    statements: tuple[MarkedStatement, ...] | None = None
    """Statements of the answer with evidence of their own, where the data has any."""
    splitter: SentenceSplitter = field(default=split_sentences, compare=False)
    """Finds the sentences that `gold` counts."""


@dataclass(frozen=True)
class ExampleSet:
    """Examples with what identifies them."""

    name: str
    """What the examples are, for readers."""
    digest: str
    """Fingerprint of where they come from; a longer draw or a higher limit does not change it."""
    examples: tuple[EvaluationExample, ...]


def demo_set(
    count: int,
    *,
    chunks: tuple[int, int] = (4, 12),
    kinds: Sequence[Kind] | None = None,
    seed: int = REPORT_SEEDS.start,
) -> ExampleSet:
    """Generate questions about made-up facts, each with a context of its own.

    Args:
        count: The number of questions. A longer draw begins with the questions of a shorter one.
        chunks: The least and greatest number of chunks.
        kinds: The kinds of question, asked in turn; without it, a fixed mixture of all kinds.
        seed: One that no training and no choice of a model has used.

    Raises:
        ConfigurationError: If the count or number of chunks is out of range, or the seed is one
            that models were trained or chosen with.
    """
    if count < 1 or not 1 <= chunks[0] <= chunks[1]:
        raise ConfigurationError(
            f"cannot draw {count} examples with {chunks[0]}-{chunks[1]} chunks"
        )
    if seed not in REPORT_SEEDS:
        raise ConfigurationError(
            f"the seed must be from {REPORT_SEEDS.start} to {REPORT_SEEDS.stop - 1}, "
            f"which models were not trained with, got {seed}"
        )
    try:
        examples = tuple(_demo_examples(count, chunks, kinds, seed))
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    size = f"{chunks[0]}-{chunks[1]}"
    mixture = "mixed kinds" if kinds is None else ", ".join(kinds)
    name = f"demo questions, {size} chunks, {mixture}, seed {seed}"
    return ExampleSet(name, _digest(name.encode()), examples)


def read_set(
    path: str | Path, limit: int | None = None, *, format: str | None = None
) -> ExampleSet:
    """Read a file of answers, with gold evidence where it has any.

    It is JSON Lines as `batch.datafiles` reads them, with `gold` in addition: a list of
    `[chunk, sentence]`, each a needed fact by itself, indexes from 0; and `statements`, see
    `marked.read_statements`. Or it is in one of the shapes that data sets are published in, see
    `published.PUBLISHED`.

    Args:
        path: The file.
        limit: Most examples to read.
        format: "attribot" for our own format, or the name of another one; by default it is found
            out by the fields of the first record.

    Raises:
        ConfigurationError: If there is no such format.
        DataFileError: If a line cannot be read.
        OSError: If the file cannot be read.
    """
    file = Path(path)
    content = read_text(file)
    name = find_format(content, format)
    rows = _own_rows(content) if name == OWN else published_rows(file, content, name)
    examples: list[EvaluationExample] = []
    seen: set[str] = set()
    try:
        for place, row in islice(rows, limit):
            try:
                example = _parse(row, place if name == OWN else f"row {len(examples) + 1}")
            except DataFileError as error:
                raise DataFileError(f"{place}: {error}") from error
            if example.id in seen:
                raise DataFileError(f'{place}: id "{example.id}" again')
            seen.add(example.id)
            examples.append(example)
    except DataFileError as error:
        raise DataFileError(f"{file.name}, {error}") from error
    if not examples:
        raise DataFileError(f"{file.name} holds no example")
    identity = content if name == OWN else content + name.encode()
    return ExampleSet(file.name, _digest(identity), tuple(examples))


def _own_rows(content: bytes) -> Iterator[tuple[str, Any]]:
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if raw.strip():
            try:
                yield f"line {number}", json.loads(raw.decode("utf-8"))
            except (UnicodeDecodeError, json.JSONDecodeError) as error:
                raise DataFileError(f"line {number}: {error}") from error


def _demo_examples(
    count: int, chunks: tuple[int, int], kinds: Sequence[Kind] | None, seed: int
) -> Iterator[EvaluationExample]:
    if kinds is None:
        drawn = demo_examples(count, seed, chunks=chunks, questions=1)
    else:
        # One draw for each kind, so that a question does not depend on how many are asked for.
        of_kind = {kind: demo_examples(count, seed, chunks=chunks, kinds=(kind,)) for kind in kinds}
        drawn = tuple(of_kind[kinds[index % len(kinds)]][index] for index in range(count))
    for index, context in enumerate(drawn):
        asked = context.questions[0]
        yield EvaluationExample(
            id=f"demo-{seed}-{index}",
            question=asked.question,
            chunks=tuple(Chunk(text) for text in context.chunk_texts),
            answer=asked.answer,
            gold=asked.gold,
            kind=asked.kind,
            splitter=_known(context.chunks)[0],
        )


def _known(chunks: Sequence[Sequence[str]]) -> tuple[KnownSentences, dict[SentenceRef, int]]:
    """Locate given sentences in chunks that join them by a space.

    Returns:
        The splitter, and each sentence's number among those of its chunk that are not blank.
    """
    spans: dict[str, tuple[Span, ...]] = {}
    numbers: dict[SentenceRef, int] = {}
    for chunk_index, sentences in enumerate(chunks):
        offset = 0
        found: list[Span] = []
        for index, sentence in enumerate(sentences):
            stripped = sentence.strip()
            if stripped:
                start = offset + sentence.index(stripped)
                numbers[chunk_index, index] = len(found)
                found.append((start, start + len(stripped)))
            offset += len(sentence) + 1
        spans[" ".join(sentences)] = tuple(found)
    return KnownSentences(spans), numbers


def _parse(data: Any, place: str) -> EvaluationExample:
    if not isinstance(data, dict):
        raise DataFileError("the line must be a JSON object")
    request = parse_request(data)
    gold = read_refs(data.get("gold"), "gold")
    splitter: SentenceSplitter = split_sentences
    numbers: dict[SentenceRef, int] = {}
    if all(isinstance(chunk, dict) and "sentences" in chunk for chunk in data["chunks"]):
        splitter, numbers = _known([chunk["sentences"] for chunk in data["chunks"]])
        outside = [ref for ref in gold or () if ref not in numbers]
        if outside:
            raise DataFileError(f"gold names {list(outside[0])}, and there is no such sentence")
        gold = None if gold is None else [(ref[0], numbers[ref]) for ref in gold]
    return EvaluationExample(
        id=request.id or place.replace(" ", "-"),
        question=request.question,
        chunks=tuple(
            chunk if isinstance(chunk, Chunk) else Chunk(chunk) for chunk in request.chunks
        ),
        answer=request.answer,
        gold=None if gold is None else tuple((ref,) for ref in dict.fromkeys(gold)),
        kind=_optional_text(data.get("kind")),
        prompt=request.prompt,
        statements=read_statements(data.get("statements"), request.answer, numbers),
        splitter=splitter,
    )


def _optional_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
