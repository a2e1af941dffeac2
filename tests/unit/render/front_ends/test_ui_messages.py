"""Parts of a UI message; tests/integrations/front_ends reads them with the npm package itself."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from attribot_integrations.context.retrieved import Chunk
from attribot_integrations.render.front_ends.answer_data import answer_data
from attribot_integrations.render.front_ends.ui_messages import ui_message_parts
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import HOSTILE, hostile, sample, weighed


def test_a_source_for_each_number_and_then_the_citations() -> None:
    first, second, third, fourth, data = ui_message_parts(weighed())
    assert first == {
        "type": "source-url",
        "url": "https://example.org/pier?a=1&b=2#:~:text=The%20pier%20opened%20in%201962.",
        "sourceId": "source-1",
        "title": "Pier history",
        "providerMetadata": {
            "attribot": {
                "number": 1,
                "chunkIndex": 0,
                "chunkId": "d1",
                "section": None,
                "page": None,
            }
        },
    }
    assert (second["type"], second["mediaType"], second["title"]) == (
        "source-document",
        "text/plain",
        "Guide",
    )
    assert (third["mediaType"], third["filename"]) == ("application/pdf", "survey.pdf")
    assert [fourth["title"], "filename" in fourth] == ["chunk 4", False]
    assert data == {"type": "data-citations", "id": "citations", "data": answer_data(weighed())}


def test_section_and_page() -> None:
    metadata = {"title": "a.docx", "page": 3, "section": "Sizes"}
    made = make_attribution("Q", [Chunk("It is.", metadata=metadata)], "It is.")
    part = ui_message_parts(made)[0]
    assert part["title"] == "a.docx, Sizes, p. 3"
    assert part["filename"] == "a.docx"
    known = part["providerMetadata"]["attribot"]
    assert (known["section"], known["page"]) == ("Sizes", "3")


def test_what_is_not_shown_is_no_source() -> None:
    made = replace(sample(), citations=())
    assert [part["type"] for part in ui_message_parts(made)] == ["data-citations"]


@pytest.mark.parametrize("text", HOSTILE)
def test_it_can_be_sent(text: str) -> None:
    parts = ui_message_parts(hostile(text))
    json.dumps(parts, ensure_ascii=False, allow_nan=False).encode()
    links = [part["url"] for part in parts if part["type"] == "source-url"]
    assert all(link.startswith("https://") for link in links)
