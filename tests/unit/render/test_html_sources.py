"""The list of sources on a page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from attribot_integrations.context.sources import Chunk
from attribot_integrations.render.html_sources import SourceList
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import sample


def test_the_score_is_that_for_the_statement_it_is_cited_for() -> None:
    made = make_attribution("Q", ["One."], "It is long. It is old.", score=5.44)
    scores = made.scores.copy()
    scores[0, -1] = -47.0  # it speaks against the second statement
    shown = SourceList(replace(made, scores=scores), ["One"], "x", ()).cited[0]
    assert (shown.score, shown.level) == ("5.44 nats", 4)
    assert [(piece.level, piece.note) for piece in shown.pieces] == [
        (4, "5.44 nats lost without this")
    ]


def test_uncited_chunks_show_the_most_that_a_statement_loses() -> None:
    made = replace(make_attribution("Q", ["One.", "Two."], "It is long. It is old."), citations=())
    scores = np.zeros_like(made.scores)
    scores[0, 0], scores[0, -1], scores[1, 0] = 0.25, -9.0, 0.5
    shown = SourceList(replace(made, scores=scores), ["One", "Two"], "x", ()).uncited
    found = [(each.name, each.score) for each in shown]
    assert found == [("Two", "0.50 nats"), ("One", "0.25 nats")]


def test_many_chunks_of_the_same_text_are_counted() -> None:
    chunks = [Chunk("One.", metadata={"title": "Day"}) for _ in range(8)]
    made = make_attribution("Q", chunks, "A.")
    (first,) = made.citations
    cited = tuple(replace(first, source_id=index, chunk_index=index) for index in range(8))
    (shown,) = SourceList(replace(made, citations=cited), ["Day"] * 8, "x", ()).cited
    assert shown.same_words == "7 other chunks"
    assert shown.score == "2.00 nats"
    few = SourceList(replace(made, citations=cited[:2]), ["a", "b", *"cdefgh"], "x", ()).cited
    assert few[0].same_words == "b"


def test_chosen_metadata_and_what_is_not_scored() -> None:
    made = sample()
    fewer = replace(
        made,
        sources=made.sources[:5],
        scores=made.scores[:5],
        exact=made.exact[:5],
        estimands=made.estimands[:5],
    )
    listed = SourceList(fewer, ["a", "b", "c", "d"], "x", ("source", "title"))
    assert [each.metadata for each in listed.cited] == [
        (("title", "Pier history"),),
        (("title", "Guide"),),
        (("source", "survey.pdf"),),
    ]
    assert listed.uncited[0].score == "not scored"
    assert listed.anchor(2) == "x-source-2"
