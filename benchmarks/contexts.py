"""Questions over contexts of given sizes, made of the demo corpus' sentences.

Every round of a benchmark gets an example of its own, of the same size: whatever an engine keeps
from one call to the next cannot make a later round look cheaper.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice, pairwise
from typing import Any

from transformers import AutoTokenizer

from attribot_integrations.context.prompts import ContextTemplate, Prompt
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.demo.corpus import demo_examples, generate_example
from attribot_integrations.engine.bundled import bundled_model_path

__all__ = ["CONTEXTS", "Case", "ContextShape", "make_case", "named_contexts"]

_SEED = 41
_BATCH = 64


@dataclass(frozen=True)
class ContextShape:
    """The size of a context and of the answer to attribute."""

    name: str
    chunks: int
    sentences: int | None
    """Sentences in all chunks together; `None` for whatever the demo corpus draws."""
    sentence_tokens: int | None = None
    """About how many tokens a sentence has; `None` for the demo corpus' own sentences."""
    answer_tokens: int | None = None
    """About how many tokens the answer has; `None` for the demo corpus' own answer."""
    sweep: bool = False
    """Whether it is one of the sizes that cost is plotted against."""


def _sweep(sentences: int, tokens: int = 30, answer: int = 30) -> ContextShape:
    name = f"sweep-{sentences}"
    return ContextShape(name, max(1, sentences // 4), sentences, tokens, answer, sweep=True)


_ALL = (
    ContextShape("tiny", 2, 5, 8, 6),
    ContextShape("demo", 12, None),
    ContextShape("demo-40", 16, 40),
    ContextShape("hotpot", 10, 41, 32, 30),
    ContextShape("hotpot-100", 10, 41, 32, 100),
    ContextShape("long", 50, 200, 29, 30),
    *(_sweep(sentences) for sentences in (8, 16, 31, 62, 125, 250, 500, 1000)),
)
CONTEXTS: Mapping[str, ContextShape] = {shape.name: shape for shape in _ALL}


@dataclass(frozen=True)
class Case:
    """One example to attribute."""

    question: str
    chunks: tuple[str, ...]
    answer: str

    @property
    def sources(self) -> SourceSet:
        """The chunks, divided into sentences."""
        return SourceSet.build(as_chunks(self.chunks))

    @property
    def prompt(self) -> Prompt:
        """The prompt of the default template."""
        return ContextTemplate()(self.question, self.sources)


def named_contexts(names: str) -> tuple[ContextShape, ...]:
    """Return the contexts of comma-separated names; `sweep` stands for all sizes of the sweep.

    Raises:
        ValueError: If there is none of a name.
    """
    found: list[ContextShape] = []
    for name in (each.strip() for each in names.split(",") if each.strip()):
        if name == "sweep":
            found += [shape for shape in _ALL if shape.sweep]
        elif name in CONTEXTS:
            found.append(CONTEXTS[name])
        else:
            raise ValueError(
                f"no context is called {name!r}; there are sweep, {', '.join(CONTEXTS)}"
            )
    return tuple(found)


@cache
def make_case(shape: ContextShape, variant: int) -> Case:
    """Make an example of a size; each variant holds other facts."""
    if shape.sentence_tokens is None:
        return _demo_case(shape, variant)
    rng = random.Random(f"{_SEED}:{shape.name}:{variant}")
    clauses = _clauses(rng)
    count = shape.sentences or 0
    written = [_sentence(clauses, shape.sentence_tokens) for _ in range(count)]
    edges = [count * chunk // shape.chunks for chunk in range(shape.chunks + 1)]
    chunks = tuple(" ".join(written[low:high]) for low, high in pairwise(edges))
    example = generate_example(rng, questions=1)
    answer = _sentence(clauses, shape.answer_tokens or 30)
    case = Case(example.questions[0].question, chunks, answer)
    if len(case.sources.sentences) != count:
        raise RuntimeError(f"{len(case.sources.sentences)} sentences instead of {count}")
    return case


def _demo_case(shape: ContextShape, variant: int) -> Case:
    """Take an example that the bundled models were trained for."""
    return next(islice(_demo_cases(shape), variant, None))


def _demo_cases(shape: ContextShape) -> Iterator[Case]:
    seed = 0
    while True:
        drawn = demo_examples(_BATCH, 2_000 + seed, chunks=(shape.chunks,) * 2, questions=1)
        for example in drawn:
            asked = example.questions[0]
            case = Case(asked.question, example.chunk_texts, asked.answer)
            if shape.sentences in (None, len(case.sources.sentences)):
                yield case
        seed += 1


def _clauses(rng: random.Random) -> Iterator[str]:
    """Draw statements of made-up facts, without their full stops, for ever."""
    while True:
        for chunk in generate_example(rng, questions=1).chunks:
            yield from (sentence.rstrip(".") for sentence in chunk)


def _sentence(clauses: Iterator[str], tokens: int) -> str:
    """Join clauses to one sentence of about so many tokens."""
    words: list[str] = []
    while _length(" ".join(words)) < tokens:
        words += [*(["and"] if words else []), *next(clauses).split()]
    while len(words) > 1 and _length(" ".join(words)) >= tokens:
        words.pop()
    # A last word of its own, lest the sentence ends like an abbreviation.
    return f"{' '.join(words[:-1]).rstrip(',;:.')} too."


def _length(text: str) -> int:
    return len(_tokenizer()(text, add_special_tokens=False)["input_ids"])


@cache
def _tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(bundled_model_path("target"))
