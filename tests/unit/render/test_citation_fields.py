"""Citations as plain data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from attribot_integrations.context.kinds import ConversationPart
from attribot_integrations.context.retrieved import Chunk, Origin
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render.citation_fields import citation_data
from attribot_integrations.render.plain import cited_text
from attribot_integrations.results.support import Support
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import sample, weighed
from tests.unit.results.test_remarks import KNOWN, NOT_STATED


def test_each_citation_says_all_that_is_known() -> None:
    first, second, third = citation_data(sample())
    assert (first["number"], first["either"], first["alternatives"]) == (1, [1, 2], [4])
    assert (second["number"], second["either"], second["sufficiency"]) == (2, [1, 2], 8.0)
    assert (third["number"], third["either"], third["exact"]) == (3, [], False)
    assert [one["label"] for one in (first, second, third)] == ["supported"] * 3
    assert first["url"] == "https://example.org/pier?a=1&b=2"
    assert first["title"] == "Pier history"
    assert third["metadata"] == {"source": "survey.pdf"}
    assert first["scored_by"] == "models/target"
    assert first["text"] == "The pier opened in 1962."
    json.dumps([first, second, third])


def test_what_was_said_says_by_whom_and_when() -> None:
    made = sample()
    part = ConversationPart("tool", 2, "tool", "find\x1b[31m")
    said = replace(made.chunks[0], said=part)
    (first, *_) = made.citations
    cited = replace(made, chunks=(said, *made.chunks[1:]), citations=(replace(first, said=part),))
    (found,) = citation_data(cited)
    assert (found["kind"], found["turn"], found["role"]) == ("tool", 2, "tool")
    assert found["title"] == "tool output of find [31m, turn 2"
    assert "tool output of find [31m, turn 2" in cited.to_html()
    assert "tool output of find" in cited.to_markdown()
    assert "tool output of find" in str(cited_text(cited))
    (plain, *_) = citation_data(made)
    assert [plain[name] for name in ("kind", "turn", "role")] == ["retrieved", None, None]


def test_both_kinds_of_evidence_stay_apart() -> None:
    found = citation_data(weighed())
    assert [(one["number"], one["basis"], one["score"], one["states"]) for one in found] == [
        (1, "both", 0.25, 0.94),
        (2, "both", 0.125, 0.91),
        (3, "depends", 6.0, 0.0625),
        (4, "states", 0.02, 0.875),
    ]
    assert {one["stated_by"] for one in found} == {"lexical"}
    assert [one["remark"] for one in found] == [None, None, NOT_STATED, KNOWN]
    together = "these 2 sources together carry 96 % of it"
    alone = "this source alone carries all of it"
    assert [one["carried"] for one in found] == [together, together, alone, None]
    (plain, *_) = citation_data(sample())
    assert [plain[name] for name in ("basis", "states", "stated_by", "remark", "carried")] == [
        "depends",
        *[None] * 4,
    ]


def test_page_and_metadata_of_the_chunk() -> None:
    chunk = Chunk("A.", metadata={"title": "T", "page_label": "iv", "page": 3, 1: {2}})  # type: ignore[dict-item]
    (one,) = citation_data(make_attribution("Q", [chunk], "B."))
    assert one["page"] == "iv"
    assert one["metadata"] == {"title": "T", "page_label": "iv", "page": 3, "1": "{2}"}
    assert (one["label"], one["probability"]) == (None, None)


def test_statements_without_support_have_none() -> None:
    made = replace(sample(), support=(Support(0, "unsupported", -9.0, -9.0),))
    assert [one["statement_index"] for one in citation_data(made)] == [1]


def test_offsets_in_utf16() -> None:
    made = make_attribution("Q", ["👍 It is 900. Yes."], "It 👍 is 900. Yes.")
    (characters,) = citation_data(made)
    (units,) = citation_data(made, offsets="utf-16")
    assert [characters[key] for key in ("answer_start", "answer_end")] == [0, 12]
    assert [units[key] for key in ("answer_start", "answer_end", "chunk_end")] == [0, 13, 13]
    with pytest.raises(ConfigurationError, match="got 'bytes'"):
        citation_data(made, offsets="bytes")  # type: ignore[arg-type]


def test_places_of_what_is_cited() -> None:
    metadata = {"source": "/srv/piers.pdf", "section": "Sizes", "url": "https://a.org/p"}
    origin = Origin("piers", ((0, 7, 40),))
    chunk = Chunk("A. B b.", metadata=metadata, origin=origin)
    made = make_attribution("Q", [chunk], "B.")
    second = replace(made.citations[0], source_id=1, chunk_start=3, chunk_end=7, text="B b.")
    (one,) = citation_data(replace(made, citations=(second,)))
    assert (one["title"], one["section"], one["url"]) == ("piers.pdf", "Sizes", "https://a.org/p")
    assert one["text_url"] == "https://a.org/p#:~:text=B%20b."
    assert (one["document_start"], one["document_end"]) == (43, 47)
    unplaced = replace(chunk, origin=Origin("piers"), metadata={})
    (other,) = citation_data(make_attribution("Q", [unplaced], "B."))
    assert [other[name] for name in ("section", "text_url", "document_start")] == [None] * 3
