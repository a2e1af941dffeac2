"""A chunk's parts and its place in a document."""

from __future__ import annotations

import copy
import pickle

import pytest

from attribot_integrations.context.retrieved import Chunk, Origin
from attribot_integrations.context.sources import SourceSet
from attribot_integrations.errors import InputError

NOTE = "file: a.pdf\n\nAda is old. Bea is young."
CHUNK = Chunk(NOTE, body=(13, 38), shown_metadata=((0, 13),), origin=Origin("d", ((13, 38, 7),)))


def test_metadata_is_a_source_of_its_own() -> None:
    sources = SourceSet.build([CHUNK])
    assert [(one.part, one.sentence_index, one.text) for one in sources.sentences] == [
        ("metadata", None, "file: a.pdf"),
        ("text", 0, "Ada is old."),
        ("text", 1, "Bea is young."),
    ]
    (whole,) = sources.whole_chunks
    assert (whole.part, whole.text, whole.sentence_ids) == ("text", NOTE, (0, 1, 2))


def test_metadata_without_a_word_is_no_source() -> None:
    sources = SourceSet.build([Chunk("---\nAda.\n***", body=(4, 8), shown_metadata=((0, 4),))])
    assert [one.text for one in sources.sentences] == ["Ada."]


def test_the_part_of_a_span() -> None:
    assert (CHUNK.part_of(0, 11), CHUNK.part_of(13, 24), CHUNK.part_of(0, 24)) == (
        "metadata",
        "text",
        "text",
    )
    assert Chunk("Ada.").body_span == (0, 4)


def test_copies_keep_parts_and_origin() -> None:
    for copied in (copy.deepcopy(CHUNK), pickle.loads(pickle.dumps(CHUNK))):
        assert copied == CHUNK
        assert copied.origin == CHUNK.origin
        assert copied.shown_metadata == ((0, 13),)


@pytest.mark.parametrize(
    ("body", "metadata"),
    [((0, 99), ()), ((3, 2), ()), ((0, 5), ((4, 8),)), (None, ((0, 2),))],
)
def test_parts_must_lie_apart_in_the_text(body: object, metadata: object) -> None:
    with pytest.raises(InputError, match="must be spans in its text that do not overlap"):
        Chunk("Ada is old.", body=body, shown_metadata=metadata)  # type: ignore[arg-type]


def test_places_in_the_document() -> None:
    origin = Origin("d", ((0, 10, 100), (11, 20, 110)))
    assert origin.place(2, 9) == (102, 109)
    assert origin.place(2, 15) == (102, 114), "over the joint of two stretches"
    assert origin.place(10, 15) is None
    assert origin.place(12, 25) is None
    assert Origin("d").place(0, 1) is None
