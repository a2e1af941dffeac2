"""What was captured tells whether there is anything to attribute."""

from typing import Any

import pytest

from attribot_integrations.context.sources import Chunk
from tests.unit.answers.answering import captured


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"prompt": None}, None),
        ({"question": ""}, None),
        ({"chunks": ()}, "no chunks were retrieved"),
        ({"chunks": (), "kind": "nodes"}, "no nodes were retrieved"),
        ({"chunks": (Chunk(" "),)}, "none of the 1 retrieved chunks holds text"),
        ({"answer": " \n"}, "the answer is blank"),
        ({"problem": "the stream failed"}, "the stream failed"),
        ({"problem": "the stream failed", "chunks": ()}, "the stream failed"),
    ],
)
def test_nothing_to_do(changes: dict[str, Any], reason: str | None) -> None:
    assert captured(**changes).nothing_to_do() == reason


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        captured().answer = "Bea is."  # type: ignore[misc]
