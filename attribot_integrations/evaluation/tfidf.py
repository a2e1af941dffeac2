"""Similarity of texts by TF-IDF, for the baseline and the filters that are compared by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.errors import MissingExtraError

if TYPE_CHECKING:
    from attribot_integrations.results import FloatArray

__all__ = ["check_tfidf", "tfidf_similarities"]


def check_tfidf(feature: str) -> None:
    """Make sure that similarities can be computed.

    Args:
        feature: What needs them, for the message.

    Raises:
        MissingExtraError: If scikit-learn is not installed.
    """
    try:
        import sklearn.feature_extraction.text  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(feature, "evaluation") from error


def tfidf_similarities(query: str, texts: Sequence[str]) -> FloatArray:
    """Return the cosine similarity of each text to a query, as TF-IDF vectors.

    Term weights are tf * (ln((1 + n) / (1 + df)) + 1) over the n texts and query, each vector
    divided by its length (scikit-learn's `TfidfVectorizer`, with words of one character kept).

    Args:
        query: What the texts are compared with.
        texts: The texts.

    Returns:
        `[texts]`, 0 to 1; 0 where there is no word at all.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b")
    words = vectorizer.build_analyzer()
    if not any(words(text) for text in (query, *texts)):  # an empty vocabulary is refused
        return np.zeros(len(texts), dtype=np.float32)
    vectors = vectorizer.fit_transform([query, *texts])
    return np.asarray((vectors[1:] @ vectors[0].T).toarray()[:, 0], dtype=np.float32)
