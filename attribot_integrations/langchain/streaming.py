"""The answer, picked out of the pieces in which chains of all kinds stream it."""

from __future__ import annotations

from collections.abc import Mapping

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables.utils import AddableDict

from attribot_integrations.answers.verdicts import is_verdict
from attribot_integrations.langchain.content import answer_text

__all__ = ["INTERRUPT", "AnswerStream", "interrupt_in"]

INTERRUPT = "__interrupt__"
"""Key under which a graph hands out what it was interrupted for."""

_KEYS = ("answer", "output", "result", "output_text", "text")
_SURE = 24
"""Characters after which a text is no grade."""


class AnswerStream:
    """Turns a chain's chunks into pieces of its answer.

    Chains stream in three ways. Text, messages and LangChain's own dicts come in pieces that add
    up; parsers of structured output send the whole so far each time. Updates of a graph's state are
    neither, and its answer is known only at the end, but where messages are streamed
    (`stream_mode="messages"`), their tokens come one by one. Those of grades and tool calls are
    left out; what a model writes before it calls a tool is not, since that is seen too late.
    """

    def __init__(self, answer_key: str | None) -> None:
        self.answer_key = answer_key
        self.sent = ""
        """The pieces so far that belong to the answer."""
        self.before = ""
        """What was handed out before the answer."""
        self.answer: str | None = None
        """The answer so far, `None` if no chunk held any."""
        self._message: str | None = None
        self._waiting = ""

    def add(self, chunk: object) -> str:
        """Take a chunk, and return what it adds to the answer."""
        message = _streamed_message(chunk)
        if message is not None:
            return self._token(message)
        if isinstance(chunk, str | AIMessageChunk):
            self.answer = (self.answer or "") + _text(chunk)
        elif type(chunk) is AddableDict:  # graphs send subclasses of it, which do not add up
            keys = (self.answer_key,) if self.answer_key else _KEYS
            found = (_piece(chunk[key]) for key in keys if key in chunk)
            piece = next((text for text in found if text is not None), None)
            if piece is None:
                return ""
            self.answer = (self.answer or "") + piece
        elif not isinstance(chunk, tuple) and (whole := _whole(chunk, self.answer_key)) is not None:
            self.answer = whole
        return self.rest()

    def rest(self) -> str:
        """Return, and count as sent, what is known of the answer and has not been sent."""
        if self.answer is None:
            return ""
        answer = self.answer
        if not answer.startswith(self.sent):
            if self._message is None:
                return ""
            self.before, self.sent = self.before + self.sent, ""
        piece = answer[len(self.sent) :]
        self.sent += piece
        return piece

    def _token(self, message: AIMessage) -> str:
        if message.id != self._message:
            if self.sent:
                self.before, self.sent = self.before + self.sent, ""
            self._message, self._waiting = message.id, ""
        text = "" if message.tool_calls else str(message.text)
        if isinstance(message, AIMessageChunk):
            text = _text(message)
        elif text and (self.sent + self._waiting).strip() == text.strip():
            return ""  # the whole message, whose tokens have come
        if not self.sent:
            self._waiting += text
            start = self._waiting.lstrip()
            if len(start) < _SURE or start[0] in "{[" or is_verdict(start):
                return ""
            text, self._waiting = self._waiting, ""
        self.sent += text
        return text


def interrupt_in(chunk: object) -> object:
    """Return what a graph was interrupted for, if a chunk of its stream says so."""
    if isinstance(chunk, tuple):
        found = (interrupt_in(item) for item in chunk)
        return next((item for item in found if item is not None), None)
    return chunk.get(INTERRUPT) if isinstance(chunk, Mapping) else None


def _streamed_message(chunk: object) -> AIMessage | None:
    """Return the message of a stream of messages, alone or beside other streams."""
    if not isinstance(chunk, tuple) or len(chunk) not in (2, 3):
        return None
    if isinstance(chunk[0], BaseMessage):
        return chunk[0] if isinstance(chunk[0], AIMessage) and not _in_tool(chunk[1]) else None
    if chunk[-2] == "messages" or isinstance(chunk[0], tuple):
        return _streamed_message(chunk[-1])
    return None


def _in_tool(metadata: object) -> bool:
    """Whether a model was asked inside a tool, such as that of an agent that another one asks."""
    place = metadata.get("langgraph_checkpoint_ns") if isinstance(metadata, Mapping) else None
    return isinstance(place, str) and any(
        part.startswith("tools:") for part in place.split("|")[:-1]
    )


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
