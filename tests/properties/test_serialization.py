"""Results survive JSON unchanged."""

from __future__ import annotations

import json

from hypothesis import given, settings

from attribot_integrations.context.sources import clean_text
from attribot_integrations.results import Attribution
from tests.properties.strategies import attributions, encodable_texts


@settings(max_examples=25)
@given(attributions())
def test_dict_round_trip_is_lossless(attribution: Attribution) -> None:
    data = attribution.to_dict()
    again = Attribution.from_dict(data)
    assert again.to_dict() == data
    assert again.chunks == attribution.chunks
    assert again.sources == attribution.sources
    assert again.locations == attribution.locations
    assert again.cost == attribution.cost
    assert again.scores.dtype == attribution.scores.dtype
    assert (again.scores == attribution.scores).all()


@settings(max_examples=25)
@given(attributions(encodable_texts()))
def test_json_round_trip_is_lossless(attribution: Attribution) -> None:
    text = attribution.to_json()
    assert json.loads(text) == attribution.to_dict()
    assert Attribution.from_json(text).to_dict() == attribution.to_dict()


@settings(max_examples=25)
@given(attributions())
def test_json_of_any_text_is_valid_unicode_and_keeps_offsets(attribution: Attribution) -> None:
    text = attribution.to_json()
    again = Attribution.from_json(text.encode("utf-8").decode("utf-8"))
    assert again.answer == clean_text(attribution.answer)
    assert [chunk.text for chunk in again.chunks] == [
        clean_text(chunk.text) for chunk in attribution.chunks
    ]
    for source in again.sources:
        assert again.chunks[source.chunk_index].text[source.start : source.end] == source.text
