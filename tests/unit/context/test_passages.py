"""Chunks that overlap are one passage of their document."""

from __future__ import annotations

import pytest

from attribot_integrations.context.passages import repeated_in
from attribot_integrations.context.prompts import ContextTemplate, render
from attribot_integrations.context.retrieved import Chunk, Origin
from attribot_integrations.context.sources import SourceSet

DOCUMENT = "Ada is quite old. Bea is young today. Cleo is right here. Dan is long gone."


def cut(start: int, end: int, *, known: bool = True, document: str = "d") -> Chunk:
    stretches = ((0, end - start, start),) if known else ()
    return Chunk(DOCUMENT[start:end], origin=Origin(document, stretches))


def groups(*chunks: Chunk) -> list[tuple[str, int]]:
    """The sources, and how many sentences each removes."""
    sources = SourceSet.build(chunks)
    return [(one.text, len(one.sentence_ids)) for one in sources.at(("sentence",))]


@pytest.mark.parametrize("known", [True, False])
def test_a_sentence_in_two_chunks_of_a_document_is_one_source(known: bool) -> None:
    assert groups(cut(0, 57, known=known), cut(18, 75, known=known)) == [
        ("Ada is quite old.", 1),
        ("Bea is young today.", 2),
        ("Cleo is right here.", 2),
        ("Dan is long gone.", 1),
    ]


@pytest.mark.parametrize("known", [True, False])
def test_a_sentence_that_is_cut_goes_with_the_whole_one(known: bool) -> None:
    found = groups(cut(0, 52, known=known), cut(27, 75, known=known))
    assert found == [
        ("Ada is quite old.", 1),
        ("Bea is young today.", 2),
        ("Cleo is right here.", 2),
        ("Dan is long gone.", 1),
    ]


@pytest.mark.parametrize("known", [True, False])
def test_a_chunk_inside_another(known: bool) -> None:
    assert groups(cut(18, 57, known=known), cut(0, 75, known=known))[0] == (
        "Bea is young today.",
        2,
    )


def test_other_documents_and_other_places_stay_apart() -> None:
    whole = [(text, 1) for text in ("Ada is quite old.", "Ada is quite old.")]
    assert groups(cut(0, 17), cut(0, 17, document="e")) == whole
    assert groups(Chunk(DOCUMENT[:17]), Chunk(DOCUMENT[:17])) == whole
    twice = [
        Chunk("Ada is quite old.", origin=Origin("d", ((0, 17, place),))) for place in (0, 500)
    ]
    assert groups(*twice) == whole, "a document may say a thing twice"


def test_wrong_offsets_join_nothing() -> None:
    wrong = Chunk("Something else is here.", origin=Origin("d", ((0, 23, 0),)))
    assert groups(cut(0, 17), wrong) == [("Ada is quite old.", 1), ("Something else is here.", 1)]


def test_a_shared_sentence_is_removed_everywhere() -> None:
    sources = SourceSet.build([cut(0, 37), cut(18, 57)])
    prompt = ContextTemplate()("Who?", sources)
    (shared,) = (one for one in sources.at(("sentence",)) if len(one.sentence_ids) > 1)
    (message,) = prompt.messages
    left = render(message.segments, frozenset(shared.sentence_ids)).text
    assert "Bea" in message.text
    assert "Bea" not in left
    assert "Ada is quite old.\n\nCleo is right here." in left


def test_whole_chunks_take_what_others_show_of_them() -> None:
    sources = SourceSet.build([cut(0, 37), cut(18, 57)])
    assert [one.sentence_ids for one in sources.whole_chunks] == [(0, 1, 2), (1, 2, 3)]
    assert sources.repeats == {2}


def test_where_a_stretch_stands_again() -> None:
    chunks = [cut(0, 37), cut(18, 57), cut(18, 37, document="e")]
    assert repeated_in(chunks, 0, (18, 37)) == [1]
    assert repeated_in(chunks, 0, (0, 17)) == []
    assert repeated_in([Chunk("Ada."), Chunk("Ada.")], 0, (0, 4)) == []
