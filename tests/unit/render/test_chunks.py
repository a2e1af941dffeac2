"""What is shown of a chunk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.context.retrieved import Origin
from attribot_integrations.context.sources import Chunk
from attribot_integrations.render.chunks import (
    chosen_metadata,
    chunk_name,
    chunk_names,
    chunk_page,
    chunk_scores,
    chunk_statement_scores,
)
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import CHUNKS, sample


def test_names_of_chunks() -> None:
    assert [chunk_name(chunk, index) for index, chunk in enumerate(CHUNKS)] == [
        "Pier history",
        "survey.pdf",
        "Guide",
        "chunk 4",
    ]
    assert chunk_name(Chunk("a", metadata={"title": "\x00\n"}), 0) == "chunk 1"
    filed = Chunk("a", metadata={"file_name": "norzel.pdf", "page_label": "3"})
    assert chunk_name(filed, 0) == "norzel.pdf, p. 3"
    assert chunk_name(filed, 0, "metadata") == "metadata of norzel.pdf"


def test_chunks_of_one_name_are_told_apart() -> None:
    metadata: list[dict[str, Any]] = [{"page": 1}, {"page": 1}, {"page": 2}]
    chunks = [Chunk("a", metadata={"title": "Report", **each}) for each in metadata]
    assert chunk_names(chunks) == [
        "Report, p. 1, chunk 1",
        "Report, p. 1, chunk 2",
        "Report, p. 2",
    ]


def test_only_chosen_metadata_is_shown_on_one_line() -> None:
    chunk = Chunk("a", metadata={"author": "Ada\n\x1b", "path": "/srv/a.pdf", "long": "x" * 200})
    assert chosen_metadata(chunk, ["author", "year", "path"]) == [
        ("author", "Ada"),
        ("path", "/srv/a.pdf"),
    ]
    assert chosen_metadata(chunk, ["long"]) == [("long", "x" * 159 + "…")]


def test_score_of_a_chunk_for_each_statement() -> None:
    by_statement = chunk_statement_scores(sample())
    assert by_statement.tolist()[:2] == [[0.25, 0, 0, 0], [0, 6.0, 0, 0]]
    assert by_statement.sum(axis=1).tolist() == chunk_scores(sample()).tolist()


def test_score_of_a_chunk() -> None:
    made = sample()
    assert chunk_scores(made).tolist() == [0.25, 6.0, 0.125, -1.0]
    fewer = replace(
        made,
        sources=made.sources[:4],
        scores=made.scores[:4],
        exact=made.exact[:4],
        estimands=made.estimands[:4],
        citations=(),
    )
    assert str(chunk_scores(fewer).tolist()) == "[0.25, 6.0, nan, nan]"


def test_the_score_of_a_whole_chunk_goes_before_its_sentences() -> None:
    made = make_attribution("Q", ["One. Two."], "A.")
    whole = replace(made.sources[1], level="chunk", sentence_index=None, sentence_ids=(0, 1))
    scores = made.scores.copy()
    scores[1] = 0.5
    both = replace(made, sources=(made.sources[0], whole), scores=scores)
    assert chunk_scores(both).tolist() == [1.0]


def test_chunks_of_one_passage_share_the_scores_of_its_sentences() -> None:
    text = "It rained today. It is wet."
    chunks = [
        Chunk(text, origin=Origin("d", ((0, 27, 0),))),
        Chunk(text[:16], origin=Origin("d", ((0, 16, 0),))),
        Chunk(text[:16], origin=Origin("e", ((0, 16, 0),))),
    ]
    made = make_attribution("Q", chunks, "A.")
    assert len(made.sources) == 3
    assert chunk_scores(made).tolist() == [2.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("metadata", "page"),
    [
        ({"page": 0}, "0"),
        ({"page": 4, "page_label": "iv"}, "iv"),
        ({"page_number": " 12\n", "page": 11}, "12"),
        ({"page": True}, None),
        ({"page": -1}, None),
        ({"page": 10**5000}, None),
        ({"page": "x" * 21}, None),
        ({"page": "\x00 "}, None),
        ({"page": [3]}, None),
        ({"page_label": "", "page": 2}, "2"),
        ({"page": 2.0}, "2"),
        ({"page": 2.5}, None),
        ({"page": 2, "total_pages": 9, "producer": "x"}, "3"),
        ({"page": 2, "total_pages": 9, "producer": "x", "page_label": "2"}, "2"),
        ({"page": 2, "total_pages": 9}, "2"),
        ({}, None),
    ],
)
def test_pages(metadata: dict[str, Any], page: str | None) -> None:
    chunk = Chunk("a", id="doc", metadata=metadata)
    assert chunk_page(chunk) == page
    assert chunk_name(chunk, 0) == ("doc" if page is None else f"doc, p. {page}")


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"section": "Repairs", "page": 3}, "doc, Repairs, p. 3"),
        ({"section": "doc"}, "doc"),
        ({"headings": ["\x1b[31mA", "B"]}, "doc, [31mA > B"),
        ({"section": "x" * 90}, f"doc, {'x' * 79}…"),
        ({"doc_items": [{"prov": [{"page_no": 3}, {"page_no": 5}]}]}, "doc, pp. 3\u20135"),
        ({"doc_items": [{"prov": [{"page_no": 3}]}]}, "doc, p. 3"),
    ],
)
def test_sections_and_ranges_of_pages(metadata: dict[str, Any], name: str) -> None:
    assert chunk_name(Chunk("a", id="doc", metadata=metadata), 0) == name
