"""Scores that need no causal model: how like a source's text is to a question and statement.

They are what a user would pick instead, and they find what states a statement, used or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import regex

from attribot_integrations.errors import MissingExtraError
from attribot_integrations.evaluation.tfidf import check_tfidf, tfidf_similarities
from attribot_integrations.verifying.protocol import Verifier, verified

if TYPE_CHECKING:
    from attribot_integrations.results import FloatArray

__all__ = [
    "Bm25Similarity",
    "StringFirst",
    "TextScorer",
    "TfidfSimilarity",
    "VerifierScores",
]

_WORD = regex.compile(r"\w+")


class TextScorer(Protocol):
    """Anything that scores texts for a statement by what they say."""

    @property
    def name(self) -> str:
        """Name shown in results."""
        ...

    def score(self, question: str, statement: str, texts: Sequence[str]) -> FloatArray:
        """Return `[texts]`: a score for each, in a unit of its own, higher for likelier evidence.

        Args:
            question: The question that was answered.
            statement: A statement of the answer, or the whole of it.
            texts: The texts of the sources.
        """
        ...


@dataclass(frozen=True)
class TfidfSimilarity:
    """Cosine similarity to question and statement, see `tfidf_similarities`.

    Raises:
        MissingExtraError: If scikit-learn is not installed.
    """

    def __post_init__(self) -> None:
        check_tfidf("the baseline tfidf")

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "TF-IDF similarity to question and answer"

    def score(self, question: str, statement: str, texts: Sequence[str]) -> FloatArray:
        """Return `[texts]`: similarities, 0 to 1."""
        return tfidf_similarities(f"{question} {statement}", texts)


@dataclass(frozen=True)
class StringFirst:
    """Texts that hold the statement word by word come first; TF-IDF orders the others.

    Raises:
        MissingExtraError: If scikit-learn is not installed.
    """

    def __post_init__(self) -> None:
        check_tfidf("the baseline string")

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "answer string, then TF-IDF"

    def score(self, question: str, statement: str, texts: Sequence[str]) -> FloatArray:
        """Return `[texts]`: similarities, 0 to 1, and 1 more where the statement stands."""
        wanted = f" {_words(statement)} "
        holds = [wanted.strip() != "" and wanted in f" {_words(text)} " for text in texts]
        similar = tfidf_similarities(f"{question} {statement}", texts)
        return np.asarray(similar + np.array(holds, dtype=np.float32), dtype=np.float32)


@dataclass(frozen=True)
class Bm25Similarity:
    """BM25 of the words of question and statement, in the variant of Lucene with k1 1.5 and b 0.75.

    Raises:
        MissingExtraError: If bm25s is not installed.
    """

    def __post_init__(self) -> None:
        try:
            import bm25s  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("the baseline bm25", "evaluation") from error

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "BM25 of question and answer"

    def score(self, question: str, statement: str, texts: Sequence[str]) -> FloatArray:
        """Return `[texts]`: scores from 0."""
        import bm25s

        words = [_words(text).split() for text in texts]
        wanted = sorted(
            {*_words(f"{question} {statement}").split()} & {w for t in words for w in t}
        )
        if not wanted:
            return np.zeros(len(texts), dtype=np.float32)
        index = bm25s.BM25()
        index.index(words, show_progress=False)
        return np.asarray(index.get_scores(wanted), dtype=np.float32)


@dataclass(frozen=True)
class VerifierScores:
    """What a verifier says of one statement."""

    verifier: Verifier
    """Any verifier."""

    @property
    def name(self) -> str:
        """Name shown in results."""
        return self.verifier.name

    def score(self, question: str, statement: str, texts: Sequence[str]) -> FloatArray:
        """Return `[texts]`: scores, 0 to 1."""
        return verified(self.verifier, question, [statement], texts)[:, 0]


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
