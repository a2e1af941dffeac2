"""Citations of a chain's answer while it streams: each statement's, once that is complete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from langchain_core.runnables.utils import AddableDict

from attribot_integrations.answers.live import LiveAnswer, News
from attribot_integrations.langchain.plain import (
    PlainList,
    plain_citations,
    plain_documents,
    plain_support,
)

if TYPE_CHECKING:
    from attribot_integrations.langchain.calls import StreamedInput, WatchedCall
    from attribot_integrations.langchain.streaming import AnswerStream

__all__ = ["CitedStream", "LiveStream"]


class CitedStream:
    """Turns the pieces of a chain's answer into pieces of the output, the citations last.

    Args:
        call: The call that streams.
        stream: The answer's pieces.
        seen: The chain's input.
    """

    def __init__(self, call: WatchedCall, stream: AnswerStream, seen: StreamedInput) -> None:
        self._call, self._stream = call, stream

    def pieces(self, text: str) -> Iterator[AddableDict]:
        """Yield what is handed out now: a piece of the answer, if there is one."""
        if text:
            yield AddableDict(answer=text)

    def finish(self, output: object, answer: str | None) -> list[AddableDict]:
        """Attribute the complete answer, and return what is handed back beside it.

        Args:
            output: The chain's own output.
            answer: The answer.

        Raises:
            Exception: What made the attribution or `on_citations` fail, if that is to be raised.
        """
        return [AddableDict(self._call.attribute(output, answer, self._stream.before))]

    def close(self) -> None:
        """Stop, if the stream was left."""


class LiveStream(CitedStream):
    """Does so with the citations of each statement once that is complete."""

    def __init__(self, call: WatchedCall, stream: AnswerStream, seen: StreamedInput) -> None:
        super().__init__(call, stream, seen)
        self._answer = LiveAnswer(call.options.engine, lambda text: call.so_far(text, seen.total))
        self._before = stream.before
        self._documents: list[Any] | None = None

    def pieces(self, text: str) -> Iterator[AddableDict]:
        """Yield a piece of the answer, and what has become known of others; never waits."""
        if self._stream.before != self._before:
            self._before = self._stream.before
            self._answer.restart()
        if text:
            self._answer.add(text)
        yield from super().pieces(text)
        for news in self._answer.take():
            yield self._piece(news)

    def finish(self, output: object, answer: str | None) -> list[AddableDict]:
        """Attribute the complete answer, and return what has not been handed out."""
        record = self._call.record
        if record is None:
            self._answer.close()
        else:
            self._answer.complete(record)
        (whole,) = super().finish(output, answer)
        found = self._answer.take()
        if not found:
            return [whole]
        *pieces, last = [self._piece(news) for news in found]
        if self._documents == whole["documents"]:
            del whole["documents"]
        else:
            whole["documents"] = PlainList(whole["documents"])
        return [*pieces, AddableDict({**whole, **last})]

    def close(self) -> None:
        """Stop, if the stream was left."""
        self._answer.close()

    def _piece(self, news: News) -> AddableDict:
        """Return the citations and labels of the statements that something is new of."""
        place = self._stream.before, self._call.options.offsets
        piece = AddableDict(
            citations=PlainList(plain_citations(news.attribution, *place), news.about),
            support=PlainList(plain_support(news.attribution, *place), news.about),
        )
        if self._documents is None and news.attribution is not None:
            self._documents = plain_documents(news.attribution.chunks)
            piece["documents"] = PlainList(self._documents)
        return piece
