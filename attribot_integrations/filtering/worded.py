"""Relevance by words: how much of the question a stretch of a chunk says. No model runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.filtering.languages import common_words, speak_differently
from attribot_integrations.filtering.relevance import Relevance, RelevanceInput
from attribot_integrations.results.fitted import RELEVANCE_BIAS, RELEVANCE_WEIGHTS
from attribot_integrations.results.probabilities import logistic
from attribot_integrations.verifying.terms import check_language, find_terms

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source, SourceSet
    from attribot_integrations.results.parts import FloatArray

__all__ = ["UNKNOWN", "WordEvidence", "WordProbability", "WordSignal"]

_STRETCH: Final = 80
"""Most terms of a stretch. Chunks are compared by their best one, so none is too long."""
_MORE_CHUNKS: Final = 5.0
"""Added to the number of chunks in a term's weight, as in `verifying.agreement`."""
UNKNOWN: Final = 0.5
"""Relevance of what words say nothing of."""


@dataclass(frozen=True)
class WordProbability:
    """A logistic model of relevance.

    The default is fitted to chunks of real text that people marked, see `results.fitted`. It is not
    an even chance at 1/2: there, at least 97 % of the relevant chunks of each data set were above.
    """

    matched: float = RELEVANCE_WEIGHTS[0]
    """Weight of the similarity to the question, as a share of the best chunk's."""
    said: float = RELEVANCE_WEIGHTS[1]
    """Weight of the share of the question's words."""
    bias: float = RELEVANCE_BIAS

    def __post_init__(self) -> None:
        if not np.isfinite([self.matched, self.said, self.bias]).all():
            raise ConfigurationError(
                f"weights and bias must be finite, got {(self.matched, self.said, self.bias)}"
            )

    def __call__(self, evidence: WordEvidence) -> FloatArray:
        """Return the probability of each source; 1/2 where words say nothing."""
        logits = evidence.features() @ np.array([self.matched, self.said]) + self.bias
        return np.where(evidence.telling, logistic(logits), UNKNOWN).astype(np.float32)


@dataclass(frozen=True, eq=False)
class WordEvidence:
    """What words show of each source."""

    matched: FloatArray
    """`[sources]`: cosine of the best stretch with the question, divided by the greatest of all."""
    said: FloatArray
    """`[sources]`: greatest share, by weight, of the question's words in one sentence, those aside
    that are common in any text."""
    telling: npt.NDArray[np.bool_]
    """`[sources]`: whether words can say anything: not of a chunk in another language than the
    question, and of none if no chunk has any of the question's words."""

    def features(self) -> FloatArray:
        """Return what `WordProbability` weighs, `[sources, 2]`, each 0 to 1."""
        return np.stack([self.matched, self.said], axis=1)


@dataclass(frozen=True)
class WordSignal:
    """A chunk is relevant if a stretch of it says what the question says.

    A stretch is some sentences in a row, at most 80 words. Two things count: how similar the best
    stretch of a chunk is to the question, compared with the best one of all chunks; and how much of
    the question one sentence has. A word weighs ln((n + 5) / (df + 1/2)), where df of the n chunks
    have it. The chunk that is most similar is always relevant by the default fit.

    A sentence is as relevant as the best stretch that it is part of. Chunks in another language
    than the question have a relevance of 0.5, for words say nothing of them.

    Raises:
        ConfigurationError: If there is no stemmer for the language.
    """

    language: str | None = "english"
    """Language of the stemmer, see `verifying.LexicalVerifier`; `None` for none."""
    probability: WordProbability = field(default_factory=WordProbability)
    """What becomes of both; fit it to your own chunks by `evaluation.calibrate_relevance`."""

    def __post_init__(self) -> None:
        check_language(self.language)

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "words"

    def __call__(self, inputs: RelevanceInput) -> Relevance:
        """Score every source."""
        return Relevance(self.probability(self.examine(inputs)), ())

    def examine(self, inputs: RelevanceInput) -> WordEvidence:
        """Compare the words of every source with the question's."""
        context = inputs.context
        known = _Chunks.read(context, self.language)
        asked = frozenset(self._keys(inputs.question))
        rare = asked.difference(self._keys(common_words(inputs.question))) or asked
        best = np.zeros((len(context.sentences), 2))
        for each in known.stretches:
            own = best[each.sentences.start : each.sentences.stop]
            np.maximum(own, (known.cosine(each, asked), known.share(each, rare)), out=own)
        greatest = best[:, 0].max(initial=0.0)
        if greatest > 0:
            best[:, 0] /= greatest
        readable = {
            each.chunk_index: not speak_differently(inputs.question, each.text)
            for each in context.whole_chunks
        }
        found = [best[_own_ids(context, source)].max(axis=0) for source in inputs.sources]
        matched, said = np.array(found, np.float32).T
        telling = [greatest > 0 and readable[source.chunk_index] for source in inputs.sources]
        return WordEvidence(matched, said, np.array(telling, np.bool_))

    def _keys(self, text: str) -> list[str]:
        return [term.key for term in find_terms(text, self.language)]


@dataclass(frozen=True)
class _Stretch:
    """Some sentences of a chunk in a row, or a part of a long one."""

    sentences: range
    """Their ids."""
    parts: tuple[tuple[str, ...], ...]
    """The terms of each."""


@dataclass(frozen=True)
class _Chunks:
    """The terms of all chunks, and what each term weighs among them."""

    stretches: tuple[_Stretch, ...]
    frequency: Mapping[str, int]
    count: int

    @classmethod
    def read(cls, context: SourceSet, language: str | None) -> _Chunks:
        stretches: list[_Stretch] = []
        frequency: Counter[str] = Counter()
        for whole in context.whole_chunks:
            own = context.of_chunk(whole.chunk_index)
            terms = [[term.key for term in find_terms(each.text, language)] for each in own]
            frequency.update({key for each in terms for key in each})
            parts = [
                (each.id, part)
                for each, keys in zip(own, terms, strict=True)
                for part in _parts(keys)
            ]
            stretches += _stretches(parts)
        return cls(tuple(stretches), frequency, len(context.whole_chunks))

    def cosine(self, stretch: _Stretch, asked: frozenset[str]) -> float:
        """Return how similar a stretch is to a question, 0 to 1."""
        counts = Counter(key for part in stretch.parts for key in part)
        weights = {key: self._weight(key) * (1 + math.log(n)) for key, n in counts.items()}
        both = sum(weights[key] * self._weight(key) for key in asked & counts.keys())
        squares = sum(weight**2 for weight in weights.values())
        lengths = math.sqrt(squares * sum(self._weight(key) ** 2 for key in asked))
        return both / lengths if lengths else 0.0

    def share(self, stretch: _Stretch, asked: frozenset[str]) -> float:
        """Return the greatest share of some words in one sentence, by weight, 0 to 1."""
        whole = sum(map(self._weight, asked))
        shares = [sum(map(self._weight, asked.intersection(part))) for part in stretch.parts]
        return max(shares) / whole if whole else 0.0

    def _weight(self, key: str) -> float:
        return math.log((self.count + _MORE_CHUNKS) / (self.frequency.get(key, 0) + 0.5))


def _own_ids(context: SourceSet, source: Source) -> list[int]:
    """Return the ids of a source's own sentences, without those that show the same elsewhere."""
    if source.level == "sentence":
        return [source.id]
    return [each.id for each in context.of_chunk(source.chunk_index)]


def _parts(keys: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """Divide the terms of a long sentence, for not all text has full stops."""
    return [tuple(keys[start : start + _STRETCH]) for start in range(0, len(keys), _STRETCH)] or [
        ()
    ]


def _stretches(parts: Sequence[tuple[int, tuple[str, ...]]]) -> Iterator[_Stretch]:
    """Yield the longest stretch that starts with each part, up to the one that ends the chunk."""
    for start, (first, _) in enumerate(parts):
        size, end = 0, start
        while end < len(parts) and (end == start or size + len(parts[end][1]) <= _STRETCH):
            size += len(parts[end][1])
            end += 1
        ids = range(first, parts[end - 1][0] + 1)
        yield _Stretch(ids, tuple(part for _, part in parts[start:end]))
        if end == len(parts):
            break
