"""What labels mean."""

from __future__ import annotations

import pytest

from attribot_integrations.auditing.numbering import Numbering, chunk_names, match_chunk
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError

CHUNKS = (
    Chunk(
        "The harbour opened in 1962.", "p0", {"title": "Harbour guide", "url": "https://e.org/h/"}
    ),
    Chunk("The bridge shut in 1990.", "doc-17", {"file_name": "bridge.pdf", "title": "Towns"}),
    Chunk("Rivers are long.", "p2", {"title": "Towns"}),
)


def numbered(*ids: str) -> list[Chunk]:
    return [Chunk(f"Text {id_}.", id_) for id_ in ids]


def test_numbers_are_places_from_one() -> None:
    numbering = Numbering.of(CHUNKS, ["1", "3"])
    assert [numbering.chunk(label) for label in ("0", "1", "2", "3", "4")] == [None, 0, 1, 2, None]


def test_an_answer_that_cites_zero_counts_from_zero() -> None:
    numbering = Numbering.of(CHUNKS, ["0", "2"])
    assert [numbering.chunk(label) for label in ("0", "1", "2", "3")] == [0, 1, 2, None]


def test_ids_that_are_numbers_count() -> None:
    numbering = Numbering.of(numbered("4", "3", "1"), ["4", "1", "2"])
    assert [numbering.chunk(label) for label in ("4", "3", "1", "2")] == [0, 1, 2, None]


def test_ids_of_a_database_are_no_numbers_of_an_answer() -> None:
    numbering = Numbering.of(numbered("1041", "1042"), ["1", "2"])
    assert [numbering.chunk(label) for label in ("1", "2", "3")] == [0, 1, None]
    assert numbering.chunk("1042") == 1


def test_names_are_labels_where_they_are_one_chunk_s() -> None:
    numbering = Numbering.of(CHUNKS)
    assert numbering.chunk("P0") == numbering.chunk("harbour guide") == 0
    assert numbering.chunk("bridge.pdf") == numbering.chunk("DOC-17") == 1
    assert numbering.chunk("https://e.org/h") == 0
    assert numbering.chunk("Towns") is None
    assert "towns" not in chunk_names(CHUNKS)


def test_a_given_numbering_counts_alone() -> None:
    numbering = Numbering.of(CHUNKS, ["1"], {"1": 2, 7: 0})
    assert numbering.chunk("1") == 2
    assert numbering.chunk("7") == 0
    assert numbering.chunk("2") is None
    with pytest.raises(InputError, match="mapped to chunks from 0 to 2, got 3"):
        Numbering.of(CHUNKS, [], {"1": 3})


def test_what_an_answer_calls_its_chunks() -> None:
    assert Numbering.of(CHUNKS, ["1"]).labels(3, ["1"]) == ("1", "2", "3")
    assert Numbering.of(CHUNKS, ["0"]).labels(3, ["0"]) == ("0", "1", "2")
    assert Numbering.of(CHUNKS, ["p0"]).labels(3, ["p0"])[0] == "p0"
    ids = numbered("4", "3")
    assert Numbering.of(ids, ["4"]).labels(2, ["4"]) == ("4", "3")


def test_chunks_are_matched_by_name_place_or_quote() -> None:
    assert match_chunk(CHUNKS, names=[None, "Towns", "bridge.pdf"]) == 1
    assert match_chunk(CHUNKS, names=["Towns"], place=2) == 2
    assert match_chunk(CHUNKS, place=3) is None
    assert match_chunk(CHUNKS, quotes=["the  BRIDGE shut in 1990"]) == 1
    assert match_chunk(CHUNKS, quotes=["are"]) is None  # too short to tell
    twice = [*CHUNKS, Chunk("The bridge shut in 1990. So.")]
    assert match_chunk(twice, quotes=["bridge shut in 1990"]) is None
    assert match_chunk(CHUNKS) is None
