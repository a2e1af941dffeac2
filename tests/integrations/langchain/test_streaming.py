"""The answer is picked out of the pieces of every kind of chain."""

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables.utils import AddableDict
from pydantic import BaseModel

from attribot_integrations.langchain.streaming import AnswerStream


def test_pieces_of_text_add_up() -> None:
    stream = AnswerStream(None)
    assert [stream.add(piece) for piece in ("The ", AIMessageChunk(content="end"), ".")] == [
        "The ",
        "end",
        ".",
    ]
    assert stream.answer == stream.sent == "The end."
    assert stream.rest() == ""


def test_dicts_that_add_up_are_pieces_and_others_are_whole() -> None:
    stream = AnswerStream(None)
    assert [stream.add(AddableDict(answer=piece)) for piece in ("The ", "end.")] == ["The ", "end."]
    stream = AnswerStream(None)
    assert [stream.add({"answer": whole}) for whole in ("The ", "The end.")] == ["The ", "end."]


class Pydantic(BaseModel):
    answer: str


def test_answer_stream_of_unusual_chunks() -> None:
    stream = AnswerStream(None)
    assert stream.add({"node": {"messages": [AIMessage("Other")]}}) == ""
    assert stream.add({"messages": [AIMessage("Old"), AIMessage("Now")]}) == ""
    assert stream.answer is None
    assert stream.add(Pydantic(answer="The an")) == "The an"
    assert stream.add(Pydantic(answer="The answer")) == "swer"
    assert stream.add(Pydantic(answer="A new one")) == "", "what was sent cannot be taken back"
    called = AIMessageChunk(
        content="",
        tool_call_chunks=[
            {"name": "f", "args": "{", "id": "1", "index": 0, "type": "tool_call_chunk"}
        ],
    )
    assert AnswerStream(None).add(called) == ""
    assert AnswerStream(None).add(AddableDict(context=["x"])) == ""
    assert AnswerStream("body").add(AddableDict(answer="x", body="y")) == "y"
