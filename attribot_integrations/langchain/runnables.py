"""`cite`: a chain whose output brings its citations along."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, closing
from functools import partial
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.base import RunnableLike, coerce_to_runnable
from langchain_core.runnables.utils import AddableDict, ConfigurableFieldSpec
from pydantic import ConfigDict, PrivateAttr, SkipValidation
from typing_extensions import NotRequired, TypedDict

from attribot_integrations.answers.attempt import Status
from attribot_integrations.answers.background import run_apart
from attribot_integrations.langchain.calls import CiteOptions, StreamedInput, WatchedCall
from attribot_integrations.langchain.content import Keys
from attribot_integrations.langchain.live import CitedStream, LiveStream
from attribot_integrations.langchain.plain import DocumentData, SupportData
from attribot_integrations.langchain.records import CitationRecord, NothingFound
from attribot_integrations.langchain.streaming import AnswerStream
from attribot_integrations.render.citation_fields import CitationData
from attribot_integrations.render.utf16 import OffsetUnit, offset_table
from attribot_integrations.requests.attributors import RequestAttributor
from attribot_integrations.requests.engine_check import check_engine

__all__ = ["CitedAnswer", "CitedPiece", "CitingRunnable", "cite"]


class CitedAnswer(TypedDict):
    """What a citing chain returns, beside the other keys of the chain's own output.

    It is plain data, which JSON and checkpoints hold, but for a `record`; the items of `citations`,
    `documents` and `support` can be read as attributes, too, as in `citation.number`.
    """

    answer: str | None
    """The text of the chain's answer, `None` if it gave none."""
    citations: list[CitationData]
    """The sources that carry it, see `citation_data`; offsets refer to `answer` and to the cited
    document."""
    documents: list[DocumentData]
    """Copies of what the chain retrieved; a citation's `chunk_index` counts them from 0."""
    support: list[SupportData]
    """The label of each statement of the answer."""
    status: Status
    """What became of the attribution."""
    reason: str | None
    """Why the status is not "ok"."""
    record: NotRequired[Any]
    """The answer's `CitationRecord`, where `with_record` asks for it; `None` if the chain gave no
    answer, or several. It is no plain data: leave it out of what is stored."""


def cite(
    chain: RunnableLike[Any, Any],
    engine: RequestAttributor,
    *,
    question_key: str | None = None,
    answer_key: str | None = None,
    on_citations: Callable[[CitationRecord], object] | None = None,
    live: bool = False,
    raise_error: bool = False,
    offsets: OffsetUnit = "characters",
    with_record: bool = False,
) -> CitingRunnable:
    """Wrap a chain, agent or graph so that it returns answer, citations and documents.

    The result is a runnable like any other: it can be called in every way, streamed, composed and
    configured. Streams give the pieces of the answer as they come, and what cites it at the end, or
    `live`, while it is written.

    Args:
        chain: The chain as it is; anything that LangChain takes for a runnable.
        engine: Attributes the answers.
        question_key: Key or attribute of the chain's input that holds the question; by default it
            is looked for under the usual ones.
        answer_key: Key, attribute or path in the chain's output that holds the answer, such as
            "parsed.summary"; likewise. A list or object there is one answer, each field a
            statement.
        on_citations: Called with the record of each answer, which holds the full attribution.
        live: Whether streams give the citations of each statement when it is complete, while the
            next is written. The model runs beside the generator, in a worker thread that the
            stream never waits for; what it has not come to is attributed at the end.
        raise_error: Whether a failed attribution is raised. By default it is logged, and there are
            no citations.
        offsets: What offsets in the answer and in documents count: characters, as in Python, or the
            `utf-16` units of JavaScript, Java and C#.
        with_record: Whether the output has the answer's `record`, which holds the full attribution.

    Raises:
        ConfigurationError: If `engine` is no engine, or there is no such unit of offsets.
    """
    check_engine(engine, "attribute_request")
    offset_table("", offsets)
    return CitingRunnable(
        bound=coerce_to_runnable(chain),
        engine=engine,
        question_key=question_key,
        answer_key=answer_key,
        on_citations=on_citations,
        live=live,
        raise_error=raise_error,
        offsets=offsets,
        with_record=with_record,
    )


class CitedPiece(TypedDict, total=False):
    """A piece of a streamed `CitedAnswer`: some of its keys, see there.

    A piece of the text has `answer` alone. With `live`, pieces in between have the `citations` and
    the `support` of one statement or several, and the first of them `documents`. A later piece
    that speaks of a statement again replaces what was said of it; their sum has it so.
    """

    answer: str | None
    citations: list[CitationData]
    documents: list[DocumentData]
    support: list[SupportData]
    status: Status
    reason: str | None
    record: Any


class CitingRunnable(RunnableSerializable[Any, Any]):
    """What `cite` returns; its output is a `CitedAnswer`."""

    bound: SkipValidation[Runnable[Any, Any]]
    """The chain."""
    engine: SkipValidation[RequestAttributor]
    """Attributes the answers."""
    question_key: str | None = None
    answer_key: str | None = None
    on_citations: Callable[[CitationRecord], object] | None = None
    live: bool = False
    raise_error: bool = False
    offsets: OffsetUnit = "characters"
    with_record: bool = False

    _nothing_found: NothingFound = PrivateAttr(default_factory=NothingFound)

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    @property
    def InputType(self) -> Any:  # noqa: N802 - LangChain's name
        """The type of the chain's input."""
        return self.bound.InputType

    @property
    def OutputType(self) -> Any:  # noqa: N802 - LangChain's name
        """`CitedAnswer`."""
        return CitedAnswer

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """The fields of the chain that a call can configure."""
        return self.bound.config_specs

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Call the chain, and attribute its answer.

        Args:
            input: The chain's input.
            config: The call's config.
            **kwargs: Handed to the chain.

        Returns:
            A `CitedAnswer`.
        """
        return self._call_with_config(self._invoke, input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Do what `invoke` does; the attribution runs in a worker thread."""
        return await self._acall_with_config(self._ainvoke, input, config, **kwargs)

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Stream the answer's pieces at once, and the citations at the end, or as they are known.

        Args:
            input: The chain's input.
            config: The call's config.
            **kwargs: Handed to the chain.

        Yields:
            A `CitedPiece` each; they add up to a `CitedAnswer`.
        """
        yield from self.transform(iter([input]), config, **kwargs)

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Do what `stream` does; the attribution runs in a worker thread."""

        async def once() -> AsyncIterator[Any]:
            yield input

        async for chunk in self.atransform(once(), config, **kwargs):
            yield chunk

    def transform(
        self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Do what `stream` does with an input that is itself streamed."""
        yield from self._transform_stream_with_config(input, self._transform, config, **kwargs)

    async def atransform(
        self, input: AsyncIterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Do what `astream` does with an input that is itself streamed."""
        async for chunk in self._atransform_stream_with_config(
            input, self._atransform, config, **kwargs
        ):
            yield chunk

    @property
    def _options(self) -> CiteOptions:
        keys = Keys(self.question_key, self.answer_key)
        return CiteOptions(
            self.engine,
            keys,
            self.on_citations,
            self.raise_error,
            self._nothing_found,
            self.offsets,
            self.with_record,
        )

    def _invoke(
        self,
        input: Any,
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> AddableDict:
        call = WatchedCall(self._options, run_manager.run_id, input)
        output = self.bound.invoke(input, call.watched(run_manager, config), **kwargs)
        answer = call.end(output, input)
        return AddableDict(call.attribute(output, answer), answer=answer)

    async def _ainvoke(
        self,
        input: Any,
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> AddableDict:
        call = WatchedCall(self._options, run_manager.run_id, input)
        output = await self.bound.ainvoke(input, call.watched(run_manager, config), **kwargs)
        answer = call.end(output, input)
        found = await run_apart(partial(call.attribute, output, answer))
        return AddableDict(found, answer=answer)

    def _transform(
        self,
        input: Iterator[Any],
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Iterator[AddableDict]:
        call = WatchedCall(self._options, run_manager.run_id)
        seen = StreamedInput()
        stream = AnswerStream(self.answer_key)
        config = call.watched(run_manager, config)
        with self._followed(call, stream, seen) as live:
            for chunk in self.bound.transform(map(seen.add, input), config, **kwargs):
                yield from live.pieces(stream.add(call.note(chunk)))
            if (last := call.end_stream(stream, seen.total)) is not None:
                yield last
            yield from live.finish(call.output, stream.answer)

    async def _atransform(
        self,
        input: AsyncIterator[Any],
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> AsyncIterator[AddableDict]:
        call = WatchedCall(self._options, run_manager.run_id)
        seen = StreamedInput()
        stream = AnswerStream(self.answer_key)
        inputs = (seen.add(item) async for item in input)
        config = call.watched(run_manager, config)
        with self._followed(call, stream, seen) as live:
            async for chunk in self.bound.atransform(inputs, config, **kwargs):
                for piece in live.pieces(stream.add(call.note(chunk))):
                    yield piece
            if (last := call.end_stream(stream, seen.total)) is not None:
                yield last
            finish = partial(live.finish, call.output, stream.answer)
            for piece in await run_apart(finish):
                yield piece

    def _followed(
        self, call: WatchedCall, stream: AnswerStream, seen: StreamedInput
    ) -> AbstractContextManager[CitedStream]:
        made = LiveStream if self.live else CitedStream
        return closing(made(call, stream, seen))
