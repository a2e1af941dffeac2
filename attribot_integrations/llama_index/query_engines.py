"""`AttributedQueryEngine`: a query engine whose responses come with citations."""

from __future__ import annotations

import copy
import weakref
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import (
    RESPONSE_TYPE,
    AsyncStreamingResponse,
    StreamingResponse,
)
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle, QueryType
from typing_extensions import Unpack

from attribot_integrations.answers.live import LiveAnswer, News
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.llama_index.events import AttributionEventHandler
from attribot_integrations.llama_index.live import AnswerPiece, pieces_of
from attribot_integrations.llama_index.records import AttributionRecord
from attribot_integrations.llama_index.scopes import Scope
from attribot_integrations.llama_index.service import HandlerOptions
from attribot_integrations.requests.attributors import RequestAttributor
from attribot_integrations.requests.engine_check import what_is_given

if TYPE_CHECKING:
    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["AttributedQueryEngine"]


class AttributedQueryEngine(BaseQueryEngine):
    """Wraps any query engine, and attributes its answers and no others.

    The response is the wrapped engine's own, with the payload in its metadata; it is complete when
    `query` or `aquery` returns, and for a stream when that has been read. `aquery` waits for the
    attribution without holding up the event loop.

    Args:
        query_engine: The engine that answers: with a retriever, custom, router, sub-question, ….
        engine: Attributes the answers.
        metadata_key: Where the payload stands in the response's metadata.
        live: Whether `stream` and `astream` yield the citations of each statement when it is
            complete, while the next is written. The model runs beside the generator, in a worker
            thread that the stream never waits for; what it has not come to comes at the end.
        **options: Those of `AttributionEventHandler`; with `raise_error`, `query` and `aquery`
            raise what made the attribution fail.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or one of the engines is
            something else.
    """

    def __init__(
        self,
        query_engine: BaseQueryEngine,
        engine: RequestAttributor,
        *,
        metadata_key: str | None = "attribution",
        live: bool = False,
        **options: Unpack[HandlerOptions],
    ) -> None:
        if not callable(getattr(query_engine, "query", None)) or isinstance(query_engine, type):
            raise ConfigurationError(
                "query_engine must be a LlamaIndex query engine, got "
                f"{what_is_given(query_engine)}; the order is "
                "AttributedQueryEngine(query_engine, engine)"
            )
        self._query_engine = query_engine
        self._remake = partial(
            AttributedQueryEngine, engine=engine, metadata_key=metadata_key, live=live, **options
        )
        self._inside: ContextVar[bool] = ContextVar("attribot_inside", default=False)
        self._handler = AttributionEventHandler(
            engine, metadata_key=metadata_key, live=live, gate=self._inside, **options
        )
        # A stream may be read long after its query, so the handler stays for the wrapper's life.
        attachment = self._handler.attach()
        self._detach = weakref.finalize(self, attachment.detach)
        super().__init__(callback_manager=query_engine.callback_manager)

    def __deepcopy__(self, memo: dict[int, Any]) -> AttributedQueryEngine:
        return self._remake(copy.deepcopy(self._query_engine, memo))

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an AttributedQueryEngine cannot be pickled, as its models and its handler stay with "
            "this process: pickle the query engine, and wrap it where it is loaded"
        )

    @property
    def handler(self) -> AttributionEventHandler:
        """The handler that attributes the answers; it holds records and waits for streams."""
        return self._handler

    @property
    def retriever(self) -> Any:
        """The wrapped engine's retriever.

        Raises:
            AttributeError: If it has none.
        """
        return self._query_engine.retriever  # type: ignore[attr-defined]

    def result(self, response: object, timeout: float | None = None) -> AttributionRecord:
        """Return the record of a response, see `AttributionEventHandler.result`."""
        return self._handler.result(response, timeout)

    async def aresult(self, response: object, timeout: float | None = None) -> AttributionRecord:
        """Return the record of a response, see `AttributionEventHandler.aresult`."""
        return await self._handler.aresult(response, timeout)

    def stream(self, query: QueryType) -> Iterator[AnswerPiece]:
        """Ask, and yield the answer in pieces as they come, with its citations.

        Args:
            query: The question.

        Yields:
            Tokens, and what is known of statements: at the end, or `live` when each is complete.
            If the wrapped engine does not stream, all of it comes at once.

        Raises:
            Exception: What made the attribution fail, with `raise_error`.
        """
        response: Any = self.query(query)
        task = self._handler.service.book.of(response)
        live = None if task is None else task.live
        if isinstance(response, StreamingResponse):
            with closing(response.response_gen) as tokens:
                for token in tokens:
                    yield AnswerPiece(token)
                    yield from pieces_of(live.take() if live else ())
        else:
            yield AnswerPiece(str(response))
        yield from self._rest(self._handler.result(response), live)

    async def astream(self, query: QueryType) -> AsyncIterator[AnswerPiece]:
        """Do what `stream` does, leaving the event loop free."""
        response: Any = await self.aquery(query)
        task = self._handler.service.book.of(response)
        live = None if task is None else task.live
        if isinstance(response, AsyncStreamingResponse):
            async with aclosing(response.response_gen) as tokens:
                async for token in tokens:
                    yield AnswerPiece(token)
                    for piece in pieces_of(live.take() if live else ()):
                        yield piece
        else:
            yield AnswerPiece(str(response))
        for piece in self._rest(await self._handler.aresult(response), live):
            yield piece

    def _rest(self, record: AttributionRecord, live: LiveAnswer | None) -> Iterator[AnswerPiece]:
        """Yield what has not been told of an answer that is complete, and the record last."""
        attribution = record.attribution
        news = [] if live is None else live.take()
        if live is None and attribution is not None:
            every = tuple(range(len(attribution.statements)))
            news = [News(record.captured, attribution, every)]
        *pieces, last = [AnswerPiece(), *pieces_of(news)]
        yield from pieces[1:]
        yield replace(last, record=record)

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """Retrieve as the wrapped engine does."""
        return self._query_engine.retrieve(query_bundle)

    def synthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """Synthesize as the wrapped engine does, with citations."""
        with self._entered():
            response = self._query_engine.synthesize(query_bundle, nodes, additional_source_nodes)
        return self._completed(response, query_bundle)

    async def asynthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """Synthesize as the wrapped engine does, with citations."""
        with self._entered():
            response = await self._query_engine.asynthesize(
                query_bundle, nodes, additional_source_nodes
            )
        return await self._acompleted(response, query_bundle)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {"query_engine": self._query_engine}

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with self._entered():
            response = self._query_engine.query(query_bundle)
        return self._completed(response, query_bundle)

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with self._entered():
            response = await self._query_engine.aquery(query_bundle)
        return await self._acompleted(response, query_bundle)

    @contextmanager
    def _entered(self) -> Iterator[None]:
        token = self._inside.set(True)
        try:
            yield
        finally:
            self._inside.reset(token)

    def _completed(self, response: RESPONSE_TYPE, query: QueryBundle) -> RESPONSE_TYPE:
        if self._complete(response, query, is_async=False):
            _ = self._handler.result(response).attribution
        return response

    async def _acompleted(self, response: RESPONSE_TYPE, query: QueryBundle) -> RESPONSE_TYPE:
        if self._complete(response, query, is_async=True):
            _ = (await self._handler.aresult(response)).attribution
        return response

    def _complete(self, response: RESPONSE_TYPE, query: QueryBundle, *, is_async: bool) -> bool:
        """Tell whether a response is complete; another handler's attribution is no business."""
        service = self._handler.service
        task = service.book.of(response)
        if task is None:  # an engine that reports no spans
            scope = Scope(
                "query",
                is_async=is_async,
                question=query.query_str,
                nodes=list(response.source_nodes),
            )
            task = service.begin(response, scope, calls_seen=False)
        return task is not None and not task.streamed
