"""LangChain's own tests of retrievers, where `langchain-tests` is installed."""

from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.chain import demo_corpus
from attribot_integrations.langchain import AttributionDocumentCompressor, FilteringRetriever

standard: Any = pytest.importorskip(
    "langchain_tests.integration_tests", reason="langchain-tests is not installed"
)


class TestFilteringRetriever(standard.RetrieversIntegrationTests):  # type: ignore[misc]
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return FilteringRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        documents, _ = demo_corpus()
        store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
        store.add_documents(list(documents))
        compressor = AttributionDocumentCompressor(AttributionEngine.demo())
        return {"base": store.as_retriever(search_kwargs={"k": 6}), "compressor": compressor}

    @property
    def retriever_query_example(self) -> str:
        _, questions = demo_corpus()
        return questions[0]
