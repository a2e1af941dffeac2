"""Watching the tokens of an answer go by, without taking any."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator

from attribot_integrations.llama_index.scopes import Scope
from attribot_integrations.llama_index.spans import resumed

__all__ = ["Finish", "awatch", "watch"]

Finish = Callable[[str, str | None], None]
"""Called once with the text that went by and, if that is not all of it, why."""

_LEFT = "the stream was not read to its end"


def watch(tokens: Iterator[str], scope: Scope | None, finish: Finish) -> Generator[str, None, None]:
    """Yield tokens as they come, then call `finish`; errors go through unchanged.

    Args:
        tokens: The stream.
        scope: The synthesis whose model calls are made as the stream is read.
        finish: Called at the end, also of a stream that fails or is closed.
    """
    pieces: list[str] = []
    problem: str | None = _LEFT
    try:
        while True:
            with resumed(scope):
                try:
                    token = next(tokens)
                except StopIteration:
                    break
            pieces.append(token or "")
            yield token
        problem = None
    except GeneratorExit:
        if isinstance(tokens, Generator):
            tokens.close()
        raise
    except BaseException as error:
        problem = f"the stream failed: {error!r}"
        raise
    finally:
        finish("".join(pieces), problem)


async def awatch(
    tokens: AsyncIterator[str], scope: Scope | None, finish: Finish
) -> AsyncGenerator[str, None]:
    """Do what `watch` does for an async stream."""
    pieces: list[str] = []
    problem: str | None = _LEFT
    try:
        while True:
            with resumed(scope):
                try:
                    token = await anext(tokens)
                except StopAsyncIteration:
                    break
            pieces.append(token or "")
            yield token
        problem = None
    except GeneratorExit:
        if isinstance(tokens, AsyncGenerator):
            await tokens.aclose()
        raise
    except BaseException as error:
        problem = f"the stream failed: {error!r}"
        raise
    finally:
        finish("".join(pieces), problem)
