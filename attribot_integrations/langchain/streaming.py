"""The answer, picked out of the pieces in which chains of all kinds stream it."""

from __future__ import annotations

from collections.abc import Mapping

from langchain_core.messages import AIMessageChunk
from langchain_core.runnables.utils import AddableDict

from attribot_integrations.langchain.content import answer_text

__all__ = ["AnswerStream"]

_KEYS = ("answer", "output", "result", "output_text", "text")


class AnswerStream:
    """Turns a chain's chunks into pieces of its answer.

    Chains stream in two ways. Text, messages and LangChain's own dicts come in pieces that add up;
    parsers of structured output send the whole so far each time. Updates of a graph's state are
    neither, and its answer is known only at the end.

    Args:
        answer_key: Key or attribute that holds the answer, if it is not a usual one.
    """

    def __init__(self, answer_key: str | None) -> None:
        self.answer_key = answer_key
        self.sent = ""
        """The pieces so far."""
        self.answer: str | None = None
        """The answer so far, `None` if no chunk held any."""

    def add(self, chunk: object) -> str:
        """Take a chunk, and return what it adds to the answer."""
        if isinstance(chunk, str | AIMessageChunk):
            self.answer = (self.answer or "") + _text(chunk)
        elif type(chunk) is AddableDict:  # graphs send subclasses of it, which do not add up
            keys = (self.answer_key,) if self.answer_key else _KEYS
            found = (_piece(chunk[key]) for key in keys if key in chunk)
            piece = next((text for text in found if text is not None), None)
            if piece is None:
                return ""
            self.answer = (self.answer or "") + piece
        elif (whole := _whole(chunk, self.answer_key)) is not None:
            self.answer = whole
        return self.rest()

    def rest(self) -> str:
        """Return, and count as sent, what is known of the answer and has not been sent."""
        answer = self.answer or ""
        piece = answer[len(self.sent) :] if answer.startswith(self.sent) else ""
        self.sent += piece
        return piece


def _whole(chunk: object, key: str | None) -> str | None:
    # A graph's update, `{node: {…}}`, says nothing of what other nodes have yet to write.
    if isinstance(chunk, Mapping) and key is None and "messages" in chunk:
        return None
    return answer_text(chunk, key)


def _piece(value: object) -> str | None:
    return _text(value) if isinstance(value, str | AIMessageChunk) else answer_text(value)


def _text(value: str | AIMessageChunk) -> str:
    if isinstance(value, str):
        return value
    return "" if value.tool_call_chunks else str(value.text)
