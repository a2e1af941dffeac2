"""LangChain embeddings as a verifier."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.langchain import EmbeddingsVerifier
from attribot_integrations.verifying import Verifier
from attribot_integrations.verifying.protocol import verified


class Letters(Embeddings):
    """Counts letters, and keeps what it was asked."""

    def __init__(self, model: Any = None) -> None:
        self.model = model
        self.queries: list[str] = []
        self.batches: list[list[str]] = []

    def embed_query(self, text: str) -> list[float]:
        self.queries.append(text)
        return [float(text.count(letter)) for letter in "abc"]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.batches.append(texts)
        return [[float(text.count(letter)) for letter in "abc"] for text in texts]


def test_queries_and_documents() -> None:
    embeddings = Letters()
    verifier: Verifier = EmbeddingsVerifier(embeddings, batch=2)
    found = verified(verifier, "a?", ["aa [1]", "b"], ["aab", "ccc", "b"])
    assert found.shape == (3, 2)
    assert found[0, 0] > 0.8
    assert found[1, 0] < 0.01
    assert int(np.argmax(found[:, 1])) == 2
    assert embeddings.queries == ["aa", "a? aa", "b", "a? b"]
    assert embeddings.batches == [["aab", "ccc"], ["b"]]
    strict = EmbeddingsVerifier(embeddings, middle=0.99, slope=100)
    assert verified(strict, "a?", ["aa"], ["aab"])[0, 0] < 0.01


def test_the_framework_s_own_fake() -> None:
    embeddings = DeterministicFakeEmbedding(size=16)
    before = embeddings.model_dump()
    passages = ("Cats sleep.", "Dogs run.")
    found = verified(EmbeddingsVerifier(embeddings), "", ["Cats sleep."], passages)
    assert found[0, 0] == pytest.approx(1 / (1 + np.exp(-9 * 0.3)), abs=1e-3)
    assert found[1, 0] < found[0, 0]
    assert embeddings.model_dump() == before


def test_names() -> None:
    assert EmbeddingsVerifier(Letters("model-3")).name == "embeddings, model-3"
    assert EmbeddingsVerifier(Letters(object())).name == "embeddings, Letters"


@pytest.mark.parametrize("wrong", [None, "openai:x", Letters, logging])
def test_other_things_are_no_embeddings(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="embeddings must be LangChain Embeddings"):
        EmbeddingsVerifier(wrong)


def test_wrong_options() -> None:
    with pytest.raises(ConfigurationError, match="slope must be above 0"):
        EmbeddingsVerifier(Letters(), slope=0)
    with pytest.raises(ConfigurationError, match="batch must be a whole number"):
        EmbeddingsVerifier(Letters(), batch=0)


def test_vectors_that_are_none() -> None:
    class Broken(Letters):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[float("nan")] * 3 for _ in texts]

    with pytest.raises(ModelError, match="embeddings, Broken must give vectors of finite numbers"):
        EmbeddingsVerifier(Broken()).verify("", ["a"], ["a"])
