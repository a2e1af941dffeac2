"""Tokens pass by unchanged, and what has passed is told once."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext

import pytest

from attribot_integrations.answers.streams import awatch, watch


def test_watch_reports_once() -> None:
    seen: list[tuple[str, str | None]] = []
    stream = watch(iter(["a", "b"]), nullcontext, lambda *outcome: seen.append(outcome))
    assert list(stream) == ["a", "b"]
    stream.close()
    assert seen == [("ab", None)]


async def test_awatch_closes_what_it_reads() -> None:
    closed: list[bool] = []
    seen: list[tuple[str, str | None]] = []

    async def tokens() -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    stream = awatch(tokens(), nullcontext, lambda *outcome: seen.append(outcome))
    assert await anext(stream) == "a"
    await stream.aclose()
    assert closed == [True]
    assert seen == [("a", "the stream was not read to its end")]


async def test_awatch_passes_errors_on() -> None:
    seen: list[tuple[str, str | None]] = []

    async def tokens() -> AsyncIterator[str]:
        yield "a"
        raise ConnectionError("line cut")

    stream = awatch(tokens(), nullcontext, lambda *outcome: seen.append(outcome))
    with pytest.raises(ConnectionError, match="line cut"):
        [token async for token in stream]
    assert seen == [("a", "the stream failed: ConnectionError('line cut')")]


def test_every_token_is_read_inside_what_is_around() -> None:
    inside: list[bool] = []
    states: list[bool] = []

    @contextmanager
    def around() -> Iterator[None]:
        inside.append(True)
        yield
        inside.pop()

    def tokens() -> Iterator[str]:
        states.append(bool(inside))
        yield "a"

    for _ in watch(tokens(), around, lambda *outcome: None):
        states.append(bool(inside))
    assert states == [True, False]
