"""What the HTML template is given, before it is HTML."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attribot_integrations.context.locating import ChunkLocation
from attribot_integrations.context.sources import Chunk
from attribot_integrations.render.html_sources import LEVELS
from attribot_integrations.render.html_view import AttributionView
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import sample


def test_cited_chunks_by_number_and_the_others_by_score() -> None:
    view = AttributionView(sample())
    assert [(each.number, each.name) for each in view.cited] == [
        (1, "Pier history"),
        (2, "Guide"),
        (3, "survey.pdf"),
    ]
    assert [(each.number, each.name) for each in view.uncited] == [(None, "chunk 4")]
    assert view.cited[0].link == "https://example.org/pier?a=1&b=2"
    assert view.cited[2].link is None  # a file's name leads nowhere


def test_pieces_make_up_the_text_and_name_what_is_cited() -> None:
    made = sample()
    for shown in AttributionView(made).cited:
        text = "".join(piece.text for piece in shown.pieces)
        assert text in {chunk.text for chunk in made.chunks}
        assert shown.length == len(text)
    pier = AttributionView(made).cited[0]
    assert [piece.text for piece in pier.cited_pieces] == ["The pier opened in 1962."]


@pytest.mark.parametrize(
    ("score", "level"), [(0.4, 0), (0.5, 1), (1.5, 2), (8.0, len(LEVELS)), (-9.0, 0)]
)
def test_intensity_rises_with_the_score(score: float, level: int) -> None:
    view = AttributionView(make_attribution("Who?", ["Ada."], "Ada.", score=score))
    shown = [*view.cited, *view.uncited][0]
    assert shown.level == level
    assert max(piece.level for piece in shown.pieces) == level


def test_only_doubtful_labels_are_explained() -> None:
    view = AttributionView(sample())
    assert [each.label for each in view.statements] == [None, None, "unsupported", "parametric"]
    assert {*view.labels} == {"unsupported", "parametric"}
    assert view.statements[2].probability == 0.125


def test_ids_tell_results_of_one_page_apart() -> None:
    first, second = AttributionView(sample(), 0), AttributionView(sample(), 1)
    assert first.id != second.id
    assert first.id.rpartition("-")[0] == second.id.rpartition("-")[0]
    other = replace(sample(), question="Another?")
    assert AttributionView(other).id != first.id
    anchors = [each.anchor for each in first.cited]
    assert len({*anchors}) == len(anchors)
    assert all(anchor.startswith(first.id) for anchor in anchors)


def test_chunks_that_the_prompt_lacks_are_named() -> None:
    made = sample()
    found = tuple(ChunkLocation(index, "found", ((0, index, index + 1),)) for index in range(3))
    places = (*found, ChunkLocation(3, "not_found"))
    (note,) = AttributionView(replace(made, locations=places)).notes
    assert note == "Not scored, no place of their own in the prompt: chunk 4 (not_found)."
    assert not AttributionView(made).notes


def test_equal_texts_are_shown_once_and_long_ones_folded() -> None:
    chunks = [
        Chunk("Ada did it.", metadata={"title": "First"}),
        Chunk("Ada did it.", metadata={"title": "Second"}),
        Chunk("x" * 800),
    ]
    made = make_attribution("Who?", chunks, "Ada.")
    assert not AttributionView(made).cited[0].long
    assert [each.long for each in AttributionView(made).uncited] == [False, True]
