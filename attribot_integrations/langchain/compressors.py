"""`AttributionDocumentCompressor`: keeps the retrieved documents that a question needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
    Callbacks,
)
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.base import RunnableLike, coerce_to_runnable
from pydantic import ConfigDict, Field, SkipValidation

from attribot_integrations.answers.background import run_apart
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.filtering.chunk_filter import (
    SPANS_KEY,
    ChunkFilter,
    ChunkScorer,
    KeptChunk,
    trim,
)
from attribot_integrations.filtering.keeping import KeepRule
from attribot_integrations.langchain.documents import checked_documents

if TYPE_CHECKING:
    from attribot_integrations.filtering import Granularity, RelevanceSignal, SignalName

__all__ = ["AttributionDocumentCompressor", "FilteringRetriever"]


class AttributionDocumentCompressor(BaseDocumentCompressor):
    """Keeps the documents that are relevant to a query, in their order, with their relevance.

    What is returned are copies, with their ids; nothing is changed. If no document is relevant,
    the list is empty. A document without text has a relevance of 0. Documents that together exceed
    the model's context, or that cannot be scored for another reason, are all kept as they are.

    Args:
        engine: Scores the documents.
        threshold: Least probability of relevance, inclusive; 0.5 if neither it nor `top_n` is
            given.
        top_n: Most documents, those of highest relevance.
        min_documents: Documents that are kept in any case, the most relevant ones.
        score_key: Metadata key of the relevance, a number from 0 to 1.
        signal: What relevance is judged by: "words", which runs no model, "draft", "question",
            "both", or an object.
        granularity: "sentence" cuts sentences below the threshold (0.5 if there is none) out of
            the documents that are kept; a document that would lose all of them stays whole.
            `metadata["attribot_spans"]` holds the offsets of what is left.
        raise_error: Whether documents that cannot be scored are an error.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """

    engine: SkipValidation[ChunkScorer]
    threshold: float | None
    top_n: int | None
    min_documents: int
    score_key: str
    signal: Any
    granularity: Any
    raise_error: bool

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", frozen=True)

    def __init__(
        self,
        engine: ChunkScorer,
        *,
        threshold: float | None = None,
        top_n: int | None = None,
        min_documents: int = 0,
        score_key: str = "relevance_score",
        signal: RelevanceSignal | SignalName = "words",
        granularity: Granularity = "chunk",
        raise_error: bool = False,
    ) -> None:
        fields: dict[str, Any] = {
            "engine": engine,
            "threshold": threshold,
            "top_n": top_n,
            "min_documents": min_documents,
            "score_key": score_key,
            "signal": signal,
            "granularity": granularity,
            "raise_error": raise_error,
        }
        super().__init__(**fields)
        if not score_key or score_key == SPANS_KEY:
            raise ConfigurationError(
                f"score_key must not be empty or {SPANS_KEY!r}, got {score_key!r}"
            )
        self._filter()

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """Return copies of the documents that are relevant to a query.

        Args:
            documents: The retrieved documents.
            query: The query.
            callbacks: Not used: no chain is run.

        Raises:
            InputError: If something else than a document is among them.
        """
        choose = self._filter()
        if not documents:
            return documents
        checked_documents(documents, "compress_documents")
        chunks = [Chunk(one.page_content, one.id, one.metadata) for one in documents]
        kept = choose(query, chunks)
        if kept is None:
            return list(documents)
        return [self._copy(documents[one.index], one) for one in kept]

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """Do what `compress_documents` does in a worker thread, leaving the event loop free."""
        return await run_apart(partial(self.compress_documents, documents, query))

    def as_retriever(self, base: RunnableLike[str, list[Document]]) -> FilteringRetriever:
        """Put the compressor behind a retriever, or behind a function that searches."""
        runnable: Any = coerce_to_runnable(base)
        return FilteringRetriever(base=runnable, compressor=self)

    def _filter(self) -> ChunkFilter:
        return ChunkFilter(
            engine=self.engine,
            rule=KeepRule(self.threshold, self.top_n, self.min_documents, noun="document"),
            signal=self.signal,
            granularity=self.granularity,
            raise_error=self.raise_error,
        )

    def _copy(self, document: Document, kept: KeptChunk) -> Document:
        metadata = {**document.metadata, self.score_key: kept.relevance}
        update: dict[str, Any] = {"metadata": metadata}
        if self.granularity == "sentence":
            update["page_content"], metadata[SPANS_KEY] = trim(document.page_content, kept.spans)
        return document.model_copy(update=update)


class FilteringRetriever(BaseRetriever):
    """A retriever that hands on only what a compressor keeps.

    Callbacks see both: the retriever below, and what is left of its documents here. A call can
    name `k`; further arguments of a call are handed to the retriever below.
    """

    base: SkipValidation[Runnable[str, list[Document]]]
    """Finds the documents."""
    compressor: AttributionDocumentCompressor
    """Chooses from them."""
    k: int | None = Field(default=None, ge=1)
    """Most documents, in the place of the compressor's `top_n`."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        config = RunnableConfig(callbacks=run_manager.get_child())
        found = self.base.invoke(query, config, **kwargs)
        return list(self._chosen(k).compress_documents(found, query))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        config = RunnableConfig(callbacks=run_manager.get_child())
        found = await self.base.ainvoke(query, config, **kwargs)
        return list(await self._chosen(k).acompress_documents(found, query))

    def _chosen(self, k: int | None) -> AttributionDocumentCompressor:
        most = self.k if k is None else k
        if most is None:
            return self.compressor
        return self.compressor.model_copy(update={"top_n": most})
