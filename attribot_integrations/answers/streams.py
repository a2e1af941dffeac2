"""Watching the tokens of an answer go by, without taking any."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractContextManager

__all__ = ["Finish", "awatch", "watch"]

Finish = Callable[[str, str | None], None]
"""Called once with the text that went by and, if that is not all of it, why."""

Note = Callable[[str], object]
"""Called with each piece of text that goes by."""

Around = Callable[[], AbstractContextManager[None]]

_LEFT = "the stream was not read to its end"


def watch(
    tokens: Iterator[str], around: Around, finish: Finish, note: Note | None = None
) -> Generator[str, None, None]:
    """Yield tokens as they come, then call `finish`; errors go through unchanged.

    Args:
        tokens: The stream.
        around: What each token is read inside of.
        finish: Called at the end, also of a stream that fails or is closed.
        note: Called with each token, before it is yielded.
    """
    passed = _Passed(note)
    try:
        while True:
            with around():
                try:
                    token = next(tokens)
                except StopIteration:
                    break
            yield passed.note(token)
        passed.problem = None
    except BaseException as error:
        if passed.left(error) and isinstance(tokens, Generator):
            tokens.close()
        raise
    finally:
        finish("".join(passed.pieces), passed.problem)


async def awatch(
    tokens: AsyncIterator[str], around: Around, finish: Finish, note: Note | None = None
) -> AsyncGenerator[str, None]:
    """Do what `watch` does for an async stream."""
    passed = _Passed(note)
    try:
        while True:
            with around():
                try:
                    token = await anext(tokens)
                except StopAsyncIteration:
                    break
            yield passed.note(token)
        passed.problem = None
    except BaseException as error:
        if passed.left(error) and isinstance(tokens, AsyncGenerator):
            await tokens.aclose()
        raise
    finally:
        finish("".join(passed.pieces), passed.problem)


class _Passed:
    """The tokens that went by, and why they are not all."""

    def __init__(self, listener: Note | None = None) -> None:
        self.listener = listener
        self.pieces: list[str] = []
        self.problem: str | None = _LEFT

    def note(self, token: str) -> str:
        self.pieces.append(token or "")
        if self.listener is not None:
            self.listener(token or "")
        return token

    def left(self, error: BaseException) -> bool:
        """Note an error, and tell whether it is the reader's leaving."""
        if isinstance(error, GeneratorExit):
            return True
        self.problem = f"the stream failed: {error!r}"
        return False
