"""Where an answer stands, as the id of a request."""

from __future__ import annotations

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.traces.answer_places import RETRIEVED_BY, AnswerPlace, found_at


@pytest.mark.parametrize(
    "place",
    [
        AnswerPlace("1840c67bb56a", "83fda3a5"),
        AnswerPlace("01a21d45-2c88", "01a21d45-2c88", "1f7f4b0e-0000"),
        AnswerPlace("trace:/catalog.schema/7", "a#b"),
        AnswerPlace("100%", "é \x00"),
    ],
)
def test_places_are_found_again(place: AnswerPlace) -> None:
    assert AnswerPlace.parse(place.id) == place


@pytest.mark.parametrize("id_", [None, "", "a1", "#a", "a#", "a##b", "a#b#c#d"])
def test_ids_of_others(id_: str | None) -> None:
    assert AnswerPlace.parse(id_) is None


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({RETRIEVED_BY: {"span": "r", "position": 2}}, ("r", 2)),
        ({RETRIEVED_BY: {"span": "r"}}, None),
        ({RETRIEVED_BY: "r"}, None),
        ({}, None),
    ],
)
def test_where_documents_were_found(
    metadata: dict[str, object], expected: tuple[str, int] | None
) -> None:
    assert found_at(Chunk("One.", metadata=metadata)) == expected
