"""Offsets as JavaScript counts them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings

from attribot_integrations.context.locating import ChunkLocation
from attribot_integrations.context.retrieved import Chunk, Origin
from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.render.utf16 import offset_table
from attribot_integrations.results import Attribution
from attribot_integrations.results.serialization import attribution_from_dict
from tests.properties.strategies import attributions
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import sample


def encoded(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def cut(text: str, start: int, end: int) -> bytes:
    """Cut a text as JavaScript's `slice` does."""
    return encoded(text)[2 * start : 2 * end]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(attributions())
def test_every_offset_of_a_result_cuts_the_same_text(attribution: Attribution) -> None:
    data = attribution.to_dict(offsets="utf-16")
    answer = data["answer"]
    for statement in data["statements"]:
        assert cut(answer, statement["start"], statement["end"]) == encoded(statement["text"])
    for source in data["sources"]:
        chunk = data["chunks"][source["chunk_index"]]["text"]
        assert cut(chunk, source["start"], source["end"]) == encoded(source["text"])
    for citation in data["citations"]:
        chunk = data["chunks"][citation["chunk_index"]]["text"]
        assert cut(chunk, citation["chunk_start"], citation["chunk_end"]) == encoded(
            citation["text"]
        )
        stated = data["statements"][citation["statement_index"]]["text"]
        assert cut(answer, citation["answer_start"], citation["answer_end"]) == encoded(stated)
    for (start, end), (low, high) in zip(data["token_spans"], attribution.token_spans, strict=True):
        assert cut(answer, start, end) == encoded(attribution.answer[low:high])


def test_an_emoji_moves_what_stands_behind_it() -> None:
    made = make_attribution("Q", ["👍 Yes. No."], "Good 👍. Bad.")
    data = made.to_dict(offsets="utf-16")
    assert [(one["start"], one["end"]) for one in data["statements"]] == [(0, 8), (9, 13)]
    assert [(one["start"], one["end"]) for one in data["sources"]] == [(0, 7), (8, 11)]
    json.dumps(data)


def test_spans_in_a_chunk_are_offsets_in_it() -> None:
    chunk = Chunk(
        "👍: a\n👍 900.",
        body=(5, 11),
        shown_metadata=((0, 4),),
        origin=Origin("d", ((5, 11, 40),)),
    )
    located = ChunkLocation(0, "partial", ((0, 1, 9),), shown=((5, 6),))
    made = replace(make_attribution("Q", [chunk], "It."), locations=(located,))
    data = made.to_dict(offsets="utf-16")
    (shown,) = data["chunks"]
    assert shown["body"] == [6, 13]
    assert shown["shown_metadata"] == [[0, 5]]
    assert shown["origin"]["stretches"] == [[6, 13, 40]]  # the document is not there to count in
    assert data["locations"][0]["shown"] == [[6, 8]]
    assert data["chunks"][0]["text"] == made.to_dict()["chunks"][0]["text"]


def test_table_of_offsets() -> None:
    assert [*offset_table("a👍b\ud800", "characters")] == [0, 1, 2, 3, 4]
    assert [*offset_table("a👍b\ud800", "utf-16")] == [0, 1, 3, 4, 5]


def test_such_data_cannot_be_taken_for_the_other() -> None:
    data = sample().to_dict(offsets="utf-16")
    assert data["schema"] == "2-utf-16"
    with pytest.raises(InputError, match="schema version must be 1 to 2, got '2-utf-16'"):
        attribution_from_dict(data)
    assert sample().to_dict(offsets="characters") == sample().to_dict()


def test_unknown_unit() -> None:
    with pytest.raises(ConfigurationError, match='"characters" or "utf-16", got \'bytes\''):
        sample().to_dict(offsets="bytes")  # type: ignore[arg-type]
