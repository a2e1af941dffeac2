"""LlamaIndex embedding models as a verifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from llama_index.core import MockEmbedding
from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import PrivateAttr

from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.llama_index import EmbedModelVerifier
from attribot_integrations.verifying import Verifier
from attribot_integrations.verifying.protocol import verified


class Letters(BaseEmbedding):
    """Counts letters, and keeps what it was asked."""

    _queries: list[str] = PrivateAttr(default_factory=list)
    _batches: list[list[str]] = PrivateAttr(default_factory=list)

    def _count(self, text: str) -> list[float]:
        return [float(text.count(letter)) for letter in "abc"]

    def _get_query_embedding(self, query: str) -> list[float]:
        self._queries.append(query)
        return self._count(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._count(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._count(text)

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        self._batches.append(texts)
        return [self._count(text) for text in texts]


def test_queries_and_texts() -> None:
    model = Letters(embed_batch_size=2)
    verifier: Verifier = EmbedModelVerifier(model)
    found = verified(verifier, "a?", ["aa [1]", "b"], ["aab", "ccc", "b"])
    assert found.shape == (3, 2)
    assert found[0, 0] > 0.8
    assert found[1, 0] < 0.01
    assert int(np.argmax(found[:, 1])) == 2
    assert model._queries == ["aa", "a? aa", "b", "a? b"]
    assert model._batches == [["aab", "ccc"], ["b"]]
    strict = EmbedModelVerifier(model, middle=0.99, slope=100)
    assert verified(strict, "a?", ["aa"], ["aab"])[0, 0] < 0.01


def test_the_framework_s_own_mock() -> None:
    model = MockEmbedding(embed_dim=4)
    before = model.model_dump()
    found = verified(EmbedModelVerifier(model), "q", ["s"], ["p", "o"])
    assert found[0, 0] == found[1, 0] > 0.5  # all its vectors are the same
    assert model.model_dump() == before


def test_names() -> None:
    assert EmbedModelVerifier(Letters(model_name="bge")).name == "embeddings, bge"
    assert EmbedModelVerifier(Letters()).name == "embeddings, Letters"


@pytest.mark.parametrize("wrong", [None, "local", Letters])
def test_other_things_are_no_models(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="embed_model must be a LlamaIndex BaseEmbedding"):
        EmbedModelVerifier(wrong)


def test_wrong_options() -> None:
    with pytest.raises(ConfigurationError, match="middle must be a cosine"):
        EmbedModelVerifier(Letters(), middle=7)


def test_vectors_of_two_sizes() -> None:
    class Broken(Letters):
        def _get_query_embedding(self, query: str) -> list[float]:
            return [1.0]

    with pytest.raises(ModelError, match="gives vectors of 1 numbers for queries and of 3"):
        EmbedModelVerifier(Broken()).verify("", ["a"], ["a"])
